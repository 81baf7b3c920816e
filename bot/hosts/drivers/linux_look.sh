# What a look shows: everything that a host knows of its logins and processes. Part of linux.sh.

look() { # [:ACCOUNT] [GROUP...]
    account=''
    case ${1-} in :*) account=${1#:} && shift ;; esac
    case $account in -* | *[!A-Za-z0-9_.@\\\$-]*) return 64 ;; esac
    for group; do
        case $group in '' | -* | *[!A-Za-z0-9_.@-]*) return 64 ;; esac
    done
    sessions=$(logind list-sessions show-session)
    printf '== sessions\n%s\n' "$sessions"
    printf '== users\n'
    logind list-users show-user
    timetable=$(timetable)
    printf '== processes\n'
    processes "$@"
    connections=$(connections)
    records | {                      # they take their time, and come meanwhile
        printf '== commands\n'
        commands </dev/null
        printf '== keys\n'
        keys
    }
    printf '== addresses\n'
    addresses
    printf '== utmp\n'
    utmp
    printf '== timetable\n%s\n' "$timetable"
    printf '== host\n'
    host
}

# Last: deadlines are counted from this uptime, however long the look took.
host() {
    read -r boot </proc/sys/kernel/random/boot_id
    read -r uptime _ </proc/uptime
    printf 'boot %s\nuptime %s\ndate %s\nself %s\n' "$boot" "$uptime" "$(date +%s)" "$$"
    if [ -r /etc/os-release ]; then sed -n 's/^PRETTY_NAME="*\([^"]*\)"*$/system \1/p' /etc/os-release; fi
    systemctl --version 2>/dev/null | sed -n '1s/^/systemd /p'
    sed -n -e '/^0::/s/^/init /p' -e '/^[0-9]*:name=systemd:/s/^/init /p' /proc/1/cgroup
}

# All that logind says of its sessions or users. One that ends between the two questions takes nothing else along.
logind() { # LIST SHOW
    show=$2
    if ! command -v loginctl >/dev/null; then
        printf 'missing\n'
        return
    fi
    listed=$($limit loginctl "$1" --no-legend --no-pager 2>/dev/null)
    status=$?
    if [ "$status" -ne 0 ]; then
        printf 'silent %s\n' "$status"
        if [ "$status" -eq 124 ]; then return; fi
        $limit loginctl "$1" --no-legend --no-pager 2>&1 >/dev/null | head -n 3 | cut -c 1-300 | quote
        return
    fi
    # shellcheck disable=SC2046 # words of letters and digits
    set -- $(printf '%s\n' "$listed" | awk '$1 ~ /^[0-9A-Za-z]+$/ { print $1 }')
    printf 'listed %s\n' "$*"
    [ $# -gt 0 ] || return 0
    if shown=$($limit loginctl "$show" --no-pager "$@" 2>/dev/null); then
        printf '%s\n' "$shown" | quote
        return
    fi
    for id; do
        shown=$($limit loginctl "$show" --no-pager "$id" 2>/dev/null)
        case $? in
            0) printf '%s\n\n' "$shown" | quote ;;
            124) printf 'silent 124\n' && return ;;
            *) printf 'vanished %s\n' "$id" ;;
        esac
    done
}

# The kernel's facts, for exactly the processes that ps lists; then the terminals and the user names that are in them.
processes() { # [GROUP...]
    pids=$($limit ps -e -o pid= 2>/dev/null) || {
        printf 'no-ps\n'
        pids=$(cd /proc && printf '%s\n' [0-9]*)
    }
    facts='' tries=0
    until [ "$tries" -ge 20 ]; do
        tries=$((tries + 1))
        facts=$(printf '%s\n' "$pids" | facts 2>/dev/null)
        case $facts in *"total "*) break ;; esac # mawk gives up when a process ends while it reads of it
    done
    fleeting=$(fleeting "$(printf '%s\n' "$facts" | sed -n 's/^ended //p')")
    printf '%s\n%s\n' "$facts" "$fleeting" | sed '/^$/d'
    populated
    printf 'clock %s\n' "$(date +%s)"
    printf '%s\n' "$facts" | terminals
    users=$(printf '%s\n' "$facts" "$fleeting" "$timetable" | users)
    printf '%s\n' "$users"
    if [ -n "$account" ]; then account; fi
    if [ $# -gt 0 ]; then groups "$@"; fi
}

# The sessions in whose scope the kernel knows processes, also such as end before anyone can list them.
populated() {
    for events in /sys/fs/cgroup/user.slice/user-*.slice/session-*.scope/cgroup.events; do
        { read -r _ full <"$events"; } 2>/dev/null || continue
        if [ "$full" != 1 ]; then continue; fi
        scope=${events%/cgroup.events}
        id=${scope##*/session-}
        owner=${scope%/session-*}
        owner=${owner##*/user-}
        printf 'populated %s %s\n' "${owner%.slice}" "${id%.scope}"
    done
}

# When each terminal of these processes was last read and written, by stat.
terminals() {
    # shellcheck disable=SC2016 # awk's own
    awk_of_terminals '
        $7 > 0 && !($7 in seen) { seen[$7]; paths = paths " /dev/" device($7) }
        END {
            command = "stat -L -c \"%X %Y %n\"" paths " 2>/dev/null"
            if (paths) while ((command | getline line) > 0) print "terminal " line
        }'
}

# The names of the uids of these processes and of at jobs, and the exit status of the question: getent's names are lost
# if it is killed, so /etc/passwd names those that it left out.
users() {
    uids=$(awk '$1 == "process" || $1 == "fleeting" { uids[$10]; uids[$11] } $1 == "at" { uids[$2] } END { for (number in uids) printf " %s", number }')
    names='' status=0
    if command -v getent >/dev/null; then
        # shellcheck disable=SC2086 # numbers
        names=$($limit getent passwd $uids 2>/dev/null)
        status=$?
    fi
    printf 'names %s\n' "$status"
    # shellcheck disable=SC2086 # one to a line
    {
        printf '%s\n' $uids
        printf '%s\n' "$names"
        cat /etc/passwd 2>/dev/null
    } | awk -F : '
        NF == 1 { wanted[$1] }
        NF > 1 && $1 != "" && $3 in wanted { print "user " $3 " " $1; delete wanted[$3] }'
}

# Whose that name is, logged in or not, and getent's exit status: it takes digits for a uid, so the name is compared.
account() {
    found='' status=0
    if command -v getent >/dev/null; then
        found=$($limit getent passwd "$account" 2>/dev/null)
        status=$?
    fi
    printf 'asked %s\n' "$status"
    {
        printf '%s\n' "$account" "$found"
        cat /etc/passwd 2>/dev/null
    } | awk -F : '
        NR == 1 { wanted = $1; next }
        $1 == wanted && $3 ~ /^[0-9]+$/ { print "account " $3 " " $1; exit }'
}

# The numbers of those groups, and in which groups each user is, by `id`: a directory need not list a group's members. At
# most some seconds for all of them; who is left out isn't known.
groups() { # GROUP...
    found=$($limit getent group "$@" 2>/dev/null)
    printf 'groups %s\n' "$?"
    printf '%s\n' "$found" | awk -F : '$3 ~ /^[0-9]+$/ { print "group " $3 " " $1 }'
    clock
    ask_until=$((clock + 500))
    printf '%s\n' "$users" | while read -r word uid name; do
        clock
        if [ "$word" != user ] || [ "$clock" -ge "$ask_until" ]; then continue; fi
        if numbers=$($limit id -G -- "$name" 2>/dev/null); then printf 'member %s %s\n' "$uid" "$numbers"; fi
    done
}

# Command lines: each up to 128 KiB, together up to 2 MiB, then only their beginnings, then none.
commands() {
    {
        LC_ALL=C.UTF-8 $limit ps -e -ww -o pid= -o args= 2>/dev/null ||
            LC_ALL=C.UTF-8 $limit ps -e -o pid= -o args= 2>/dev/null
    } | head -c 33554432 | awk '
        {
            room = total < 2097152 ? 131072 : total < 2359296 ? 200 : 0
            if (length($0) > room) cut++
            if (room) print "| " substr($0, 1, room)
            total += length($0) < room ? length($0) : room
        }
        END { print "cut " cut + 0 }'
}

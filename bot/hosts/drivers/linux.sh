# Looks at a Linux host, and ends one of its login sessions if it is still exactly the approved one. Sent to `sh -s`.
# It never writes a file, never signals a process id, and only defines functions before its last line: cut short, it does nothing.
#
#   sh -s -- look NONCE
#   sh -s -- end NONCE NOT_AFTER BOOT SESSION LEADER SINCE UID RUNG
#
# NOT_AFTER is the host's uptime in centiseconds; SINCE is the session's TimestampMonotonic. The answer is lines. What the
# people on a host can choose (names, titles, command lines) only ever follows a word of this script on the same line,
# without a newline or a tab, so nobody can write a heading or the mark at the end, even knowing the nonce from `ps`.

main() {
    # PATH as it is comes first; LC_ALL and TZ so that every program speaks the same language everywhere
    PATH=${PATH:+$PATH:}/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
    LC_ALL=C TZ=UTC
    export PATH LC_ALL TZ
    unset PS_FORMAT PS_PERSONALITY SYSTEMD_LOG_LEVEL POSIXLY_CORRECT
    limit=
    if timeout 5 true 2>/dev/null; then limit='timeout 5'; fi

    case ${1-} in look | end) verb=$1 ;; *) return 64 ;; esac
    case ${2-} in '' | *[!0-9a-f]*) return 64 ;; *) nonce=$2 ;; esac
    shift 2
    printf 'kickbot linux 1 %s %s\n' "$verb" "$nonce"
    "$verb" "$@"
    printf '== end %s\n' "$nonce"
}

quote() { awk '{ print "| " $0 }'; }

# ------------------------------------------------------------------------------------------------------------- look

look() {
    printf '== sessions\n'
    logind list-sessions show-session
    printf '== users\n'
    logind list-users show-user
    printf '== processes\n'
    processes
    printf '== commands\n'
    commands
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
processes() {
    pids=$($limit ps -e -o pid= 2>/dev/null) || {
        printf 'no-ps\n'
        pids=$(cd /proc && printf '%s\n' [0-9]*)
    }
    facts=$(printf '%s\n' "$pids" | facts)
    printf '%s\n' "$facts"
    printf 'clock %s\n' "$(date +%s)"
    printf '%s\n' "$facts" | terminals
    printf '%s\n' "$facts" | users
}

# Complete whatever those processes call themselves: the name in /proc/PID/stat may hold newlines and ") Z 1", so the
# fields begin after the last ")". Users nest cgroups as deep as they like: a path that was cut ends in dots, so that it
# never ends in the name of a scope.
facts() {
    awk '
        function harmless(text, most) {
            gsub(/\t/, "\\t", text)
            return length(text) > most ? substr(text, 1, most - 3) "..." : text
        }
        {
            pid = $1
            stat = ""; lines = 0; file = "/proc/" pid "/stat"
            while ((getline line < file) > 0) stat = lines++ ? stat "\\n" line : line
            close(file)
            if (!match(stat, /\)[^)]*$/)) next                     # it has ended
            name = substr(stat, index(stat, "(") + 1, RSTART - index(stat, "(") - 1)
            split(substr(stat, RSTART + 2), field, " ")
            if (int(field[7] / 2097152) % 2) next                  # PF_KTHREAD: part of the kernel

            uids = ""; namespaces = 1; file = "/proc/" pid "/status"
            while ((getline line < file) > 0) {
                if (line ~ /^Uid:/) { split(line, part, " "); uids = part[2] " " part[3] }
                if (line ~ /^NSpid:/) { namespaces = split(line, part, " ") - 1; break }
            }
            close(file)
            unified = ""; named = ""; file = "/proc/" pid "/cgroup"
            while ((getline line < file) > 0) {
                if (line ~ /^0::/) unified = substr(line, 4)
                if (line ~ /^[0-9]+:name=systemd:/) named = substr(line, index(line, "=systemd:") + 9)
            }
            close(file)
            if (uids == "") next

            numbers = field[2] " " field[1] " " field[3] " " field[4] " " field[5] " " field[6] " " field[20]
            print "process " pid " " numbers " " uids " " namespaces \
                "\t" harmless(unified, 512) "\t" harmless(named, 512) "\t" harmless(name, 64)
            count++
        }
        END { print "total " count + 0 }'
}

# When each terminal of these processes was last read and written, by stat.
terminals() {
    awk '
        function device(number, major, minor) {
            major = int(number / 256) % 4096
            minor = number % 256 + int(number / 1048576) * 256
            if (major >= 136 && major <= 143) return "/dev/pts/" (minor + (major - 136) * 256)
            if (major == 4) return minor < 64 ? "/dev/tty" minor : "/dev/ttyS" (minor - 64)
            return "/dev/char/" major ":" minor
        }
        $7 > 0 && !($7 in seen) { seen[$7]; paths = paths " " device($7) }
        END {
            command = "stat -L -c \"%X %Y %n\"" paths " 2>/dev/null"
            if (paths) while ((command | getline line) > 0) print "terminal " line
        }'
}

# The names of the uids of these processes, and the exit status of the question: getent's names are lost if it is killed,
# so /etc/passwd names those that it left out.
users() {
    uids=$(awk '$1 == "process" { uids[$10]; uids[$11] } END { for (number in uids) printf " %s", number }')
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

# -------------------------------------------------------------------------------------------------------------- end

end() { # NOT_AFTER BOOT SESSION LEADER SINCE UID RUNG
    not_after=${1-} boot=${2-} session=${3-} leader=${4-} since=${5-} uid=${6-} rung=${7-}
    for number in "$not_after" "$leader" "$since" "$uid"; do
        case $number in '' | *[!0-9]*) refuse forbidden && return ;; esac
    done
    case $session in '' | self | auto | *[!0-9A-Za-z]*) refuse forbidden && return ;; esac
    case $rung in
        terminate) set -- terminate-session ;;
        signal) set -- kill-session ;;
        kill) set -- kill-session --signal=KILL ;;
        *) refuse forbidden && return ;;
    esac

    read -r now </proc/sys/kernel/random/boot_id
    if [ "$now" != "$boot" ]; then refuse rebooted && return; fi
    if late; then refuse late && return; fi
    if [ "$uid" -eq 0 ] || own; then refuse forbidden && return; fi

    said=$($limit loginctl show-session --no-pager "$session" 2>&1)
    status=$?
    case $status:$said in
        0:*) ;;
        *:*"No session '"*) refuse gone && return ;;
        *) report "loginctl show-session $session" && return ;;
    esac
    for property in "Id=$session" "User=$uid" "Leader=$leader" "TimestampMonotonic=$since"; do
        says "$property" || { refuse changed && return; }
    done

    if late; then refuse late && return; fi
    said=$($limit loginctl "$@" "$session" 2>&1)
    status=$?
    report "loginctl $* $session"
}

refuse() { printf 'refused %s\n' "$1"; }

report() { # COMMAND, with its exit status in $status and its output in $said
    printf 'ran %s\nstatus %s\n' "$1" "$status"
    printf '%s\n' "$said" | head -c 4000 | quote
}

late() {
    read -r uptime _ </proc/uptime
    [ "${uptime%.*}${uptime#*.}" -gt "$not_after" ]
}

# True if $said has exactly this line. loginctl shows a newline in a value as \n.
says() {
    case "
$said
" in *"
$1
"*) return 0 ;; esac
    return 1
}

# True if this script runs inside of the session, by its own cgroup, or below the session's leader.
own() {
    if grep -qF "/session-$session.scope" "/proc/$$/cgroup"; then return 0; fi
    pid=$$
    while [ "$pid" -gt 1 ]; do
        if [ "$pid" -eq "$leader" ]; then return 0; fi
        pid=$(sed -n 's/^PPid:[[:space:]]*//p' "/proc/$pid/status")
    done
    return 1
}

{ main "$@" </dev/null; }

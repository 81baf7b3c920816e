# Looks at a Linux host, and does one approved step if its target is still exactly the approved one. Sent to `sh -s`.
# It writes no file but those of a hold or a limit, signals a process only right after comparing its start, and only defines
# functions: the line that calls `main` comes last, so cut short, it does nothing.
#
#   sh -s -- look NONCE [GROUP...]
#   sh -s -- limits NONCE
#   sh -s -- end NONCE NOT_AFTER BOOT SESSION LEADER SINCE UID RUNG
#   sh -s -- end_login NONCE NOT_AFTER BOOT UID LEADER START LEADERS RUNG
#   sh -s -- end_account NONCE NOT_AFTER BOOT UID KNOWN SPARED SEEN RUNG
#   sh -s -- show_account NONCE NOT_AFTER BOOT UID NAME
#   sh -s -- warn NONCE NOT_AFTER BOOT SESSION LEADER SINCE UID TEXT
#   sh -s -- warn_login NONCE NOT_AFTER BOOT UID LEADER START LEADERS TEXT
#   sh -s -- hold NONCE NOT_AFTER BOOT UID NAME HOLD UNTIL BOT
#   sh -s -- release NONCE NOT_AFTER BOOT UID NAME HOLD
#   sh -s -- show_hold NONCE NOT_AFTER BOOT UID NAME HOLD
#   sh -s -- set_limits NONCE NOT_AFTER BOOT UID LIMIT SECONDS ID BOT ABOUT
#   sh -s -- keep_limits NONCE NOT_AFTER BOOT UID LIMIT ID
#
# NOT_AFTER is the host's uptime in centiseconds; SINCE is the session's TimestampMonotonic; START is in kernel ticks, and
# LEADERS and SPARED are PID@START,PID@,... or -; KNOWN are ids of logind's sessions. The answer is lines. What the
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

    case ${1-} in
        look | limits | end | end_login | end_account | show_account | warn | warn_login | hold | release | show_hold | set_limits | keep_limits) verb=$1 ;;
        *) return 64 ;;
    esac
    case ${2-} in '' | *[!0-9a-f]*) return 64 ;; *) nonce=$2 ;; esac
    shift 2
    printf 'kickbot linux 1 %s %s\n' "$verb" "$nonce"
    "$verb" "$@"
    printf '== end %s\n' "$nonce"
}

quote() { awk '{ print "| " $0 }'; }

# awk, with a function besides its own: device(NUMBER) is the name of the terminal with that number, as `pts/3`.
awk_of_terminals() { # PROGRAM
    awk '
        function device(number, major, minor) {
            major = int(number / 256) % 4096
            minor = number % 256 + int(number / 1048576) * 256
            if (major >= 136 && major <= 143) return "pts/" (minor + (major - 136) * 256)
            if (major == 4) return minor < 64 ? "tty" minor : "ttyS" (minor - 64)
            return "char/" major ":" minor
        }'"$1"
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
        function users(pid, map) {
            map = ""; file = "/proc/" pid "/uid_map"
            while ((getline line < file) > 0) map = map line "\n"
            close(file)
            return map
        }
        BEGIN { own_users = users(1) }
        {
            pid = $1
            stat = ""; lines = 0; file = "/proc/" pid "/stat"
            while ((getline line < file) > 0) stat = lines++ ? stat "\\n" line : line
            close(file)
            if (!match(stat, /\)[^)]*$/)) { ended++; next }
            name = substr(stat, index(stat, "(") + 1, RSTART - index(stat, "(") - 1)
            split(substr(stat, RSTART + 2), field, " ")
            if (int(field[7] / 2097152) % 2) next                  # PF_KTHREAD: part of the kernel
            if (field[1] == "Z" && field[18] > 1) field[1] = "z"   # only its first thread has ended: it lives

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
            # Anybody can make a user namespace of their own, and in it others: their uids here are theirs all the same
            if (namespaces > 1 && users(pid) != own_users) namespaces = 1

            numbers = field[2] " " field[1] " " field[3] " " field[4] " " field[5] " " field[6] " " field[20]
            print "process " pid " " numbers " " uids " " namespaces \
                "\t" harmless(unified, 512) "\t" harmless(named, 512) "\t" harmless(name, 64)
            count++
        }
        END { print "ended " ended + 0; print "total " count + 0 }'
}

# The uptime in centiseconds.
clock() {
    read -r clock _ </proc/uptime
    clock=${clock%.*}${clock#*.}
}

# The fields of /proc/PID/stat into $name, $state, $parent, $group, $kernel_session, $tty, $front and $began; false if
# there is no such process. With nothing but the shell itself: a fork for each would give 2,000 processes time to change.
# As in `facts`, they begin after the last ")".
read_stat() { # PID
    stat=
    { while IFS= read -r line; do stat=$stat$line; done <"/proc/$1/stat"; } 2>/dev/null
    case $stat in *')'*) ;; *) return 1 ;; esac
    name=${stat#*"("}
    name=${name%")"*}
    # shellcheck disable=SC2086 # numbers
    set -- ${stat##*)}
    state=$1 parent=$2 group=$3 kernel_session=$4 tty=$5 front=$6 began=${20-}
}

# What forks and ends faster than a list can be read: the newest process of the kernel, again and again, one of each
# kernel session. Longer if more of the list had ended than what made the list itself. Nothing is started meanwhile.
fleeting() { # ENDED
    clock
    if [ "${1:-9}" -gt 3 ]; then watch_until=$((clock + 6)); else watch_until=$((clock + 2)); fi
    newest='' met=' ' tab=$(printf '\t') turns=0
    while [ "$clock" -lt "$watch_until" ] || [ "$turns" -lt 300 ]; do # on a busy machine ticks pass without a turn
        clock
        turns=$((turns + 1))
        before=$newest
        read -r _ _ _ _ newest </proc/loadavg
        if [ "$newest" = "$before" ] || ! read_stat "$newest"; then continue; fi
        case $met in *" $kernel_session "*) continue ;; esac
        uids='' space=1 unified='' named=''
        {
            while read -r word first second _ more; do
                case $word in
                    Uid:) uids="$first $second" ;;
                    NSpid:) if [ -n "$second" ]; then space=2; fi && break ;;
                esac
            done <"/proc/$newest/status"
            while IFS=: read -r number controllers path; do
                case $number:$controllers in
                    0:) unified=$path ;;
                    *:name=systemd) named=$path ;;
                esac
            done <"/proc/$newest/cgroup"
        } 2>/dev/null
        if [ -z "$uids" ]; then continue; fi
        if [ "$space" = 2 ]; then
            { read -r theirs <"/proc/$newest/uid_map" && read -r ours </proc/1/uid_map; } 2>/dev/null
            if [ "$theirs" != "$ours" ]; then space=1; fi
        fi
        case $unified$named in *"$tab"*) unified='?' named='?' ;; esac
        case $name in *"$tab"*) name='?' ;; esac
        met="$met$kernel_session "
        numbers="$newest $parent $state $group $kernel_session $tty $front $began $uids $space"
        printf 'fleeting %s\t%.500s\t%.500s\t%.64s\n' "$numbers" "$unified" "$named" "$name"
    done
}

# What an approved step does, after comparing once more that the host still has exactly its target. Part of linux.sh.

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

# Signals to the members of a login or an account, each to exactly the process that was listed. Part of linux.sh.

# A signal to exactly that process, right after its start was compared. Status 1: it has ended. 2: it could not be sent.
send() { # SIGNAL PID START
    read_stat "$2" && [ "$began" = "$3" ] || return 1
    if kill -s "$1" "$2" 2>/dev/null; then return 0; fi
    read_stat "$2" && [ "$began" = "$3" ] || return 1
    case $state in Z | X) return 1 ;; esac
    return 2
}

# A signal to each of them; those that got it into $sent, those that could not into $failed.
send_each() { # SIGNAL PID:START...
    signal=$1
    shift
    for one; do
        send "$signal" "${one%:*}" "${one#*:}"
        case $? in
            0) sent="$sent $one" ;;
            2) failed="$failed $one" ;;
        esac
    done
}

# PID:START of the members: all of them, those that lead their kernel session, or those that were not seen before.
pinned() { # all | leaders | new
    printf '%s\n' "$members" | awk -v which="$1" '
        $1 ~ /^[0-9]+$/ && (which == "all" || (which == "leaders" && $1 == $4) || (which == "new" && $8)) { print $1 ":" $2 }'
}

# To the leaders of kernel sessions, as when a line is cut: the kernel and the shells hand it on. This includes sshd of
# the connection itself, so that one that only forwards a port ends too.
try_hangup() {
    sent='' failed='' everyone=$members
    reached=$(pinned leaders)
    # shellcheck disable=SC2046,SC2086 # words of digits and colons
    send_each HUP ${reached:-$(pinned all)}
    tell_signals 'kill -HUP'
}

# CONT after it, because a stopped process hears nothing else.
try_signal() {
    sent='' failed='' everyone=$members
    reached=$(pinned all)
    # shellcheck disable=SC2086
    send_each TERM $reached
    polite=$sent refused=$failed
    # shellcheck disable=SC2086
    send_each CONT $reached
    sent=$polite failed=$refused
    tell_signals 'kill -TERM'
}

# First everything is stopped, in passes until nothing new appears: what forks can't run away then. Each part has its time.
try_kill() {
    sent='' failed='' everyone='' seen='' caught='' pass=0
    renice -n -20 -p $$ >/dev/null 2>&1 # or a fork bomb leaves it no time
    clock
    deadline=$((clock + 400))
    while [ "$pass" -lt 20 ] && [ "$clock" -lt "$deadline" ]; do
        pass=$((pass + 1))
        new=$(pinned new)
        seen="$seen $new" everyone="$everyone$newline$members"
        # shellcheck disable=SC2086
        send_each STOP $new
        if ! chase && [ -z "$new" ]; then break; fi
        find_members
        clock
    done

    sent='' failed='' left=$seen deadline=''
    while :; do
        # shellcheck disable=SC2086
        send_each KILL $left
        clock
        deadline=${deadline:-$((clock + 300))} # once each had its signal: a busy host takes long to send thousands
        find_members
        left=$(pinned all)
        clock
        if [ -z "$left" ] || [ "$clock" -ge "$deadline" ]; then break; fi
        everyone="$everyone$newline$members"
        pause
    done
    failed="$failed $left"
    for one in $caught; do send CONT "${one%:*}" "${one#*:}"; done # who is no member must not stay stopped
    tell_signals 'kill -KILL'
}

# Stops what forks and ends faster than a list can be made: it is the newest process of the kernel, again and again. Only
# in kernel sessions that hold nothing but members, as only what these fork is there. True if it stopped any; all of them
# are in $caught as PID:START.
chase() {
    found=1 newest=''
    clock
    quiet_until=$((clock + 20)) chase_until=$((clock + 100))
    while [ "$clock" -lt "$quiet_until" ] && [ "$clock" -lt "$chase_until" ]; do
        clock
        before=$newest
        read -r _ _ _ _ newest </proc/loadavg
        if [ "$newest" = "$before" ] || ! read_stat "$newest"; then continue; fi
        case "$whole" in *" $kernel_session "*) ;; *) continue ;; esac
        case $state in T | Z | X) continue ;; esac
        if kill -s STOP "$newest" 2>/dev/null; then
            caught="$caught $newest:$began"
            found=0 quiet_until=$((clock + 20))
        fi
    done
    return "$found"
}

pause() { sleep 0.1 2>/dev/null || sleep 1; }

# What was signalled: a few pids, their number, and as many of them with start and name as fit.
tell_signals() { # COMMAND
    # shellcheck disable=SC2086
    {
        printf 'sent %s\n' $sent
        printf 'failed %s\n' $failed
        printf '%s\n' "$everyone"
    } | awk -v command="$1" '
        function tell(line) {
            if (length(told) + length(line) < 4000) told = told "| " line "\n"
            else untold++
        }
        $1 == "sent" && $2 != "" && !($2 in sent) { sent[$2]; order[++count] = $2 }
        $1 == "failed" && $2 != "" && !($2 in failed) { failed[$2]; missed[++misses] = $2 }
        $1 ~ /^[0-9]+$/ { rest = $0; for (i = 0; i < 8; i++) sub(/^[^ ]* /, "", rest); name[$1 ":" $2] = rest }
        END {
            for (i = 1; i <= count; i++) {
                split(order[i], pin, ":")
                if (i <= 8) command = command " " pin[1]
                if (!(order[i] in failed)) tell(pin[1] " " pin[2] " " name[order[i]])
            }
            if (count > 8) command = command " ... (" count " processes)"
            for (i = 1; i <= misses; i++) {
                split(missed[i], pin, ":")
                tell(pin[1] " " pin[2] " " name[missed[i]] (missed[i] in sent ? ": still there" : ": could not be signalled"))
            }
            if (!count && !misses) tell("no process")
            if (untold) told = told "| and " untold " more\n"
            printf "ran %s\nstatus %d\n%s", command, (misses > 0), told
        }'
}

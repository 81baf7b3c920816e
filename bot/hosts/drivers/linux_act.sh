# What an approved step does, after comparing once more that the host still has exactly its target. Part of linux.sh.
# Every verb ends in one refusal, or in one report.

end() { # NOT_AFTER BOOT SESSION LEADER SINCE UID RUNG
    not_after=${1-} boot=${2-} session=${3-} leader=${4-} since=${5-} uid=${6-} rung=${7-}
    case $rung in terminate | signal | stop | kill) ;; *) refuse forbidden && return ;; esac
    may_act "$leader" "$since" && same_session || return 0

    if late; then refuse late && return; fi
    case $rung in
        terminate) ask loginctl terminate-session "$session" ;;
        signal) ask loginctl kill-session "$session" ;;
        kill) ask loginctl kill-session --signal=KILL "$session" ;;
        stop) stop_scope ;;
    esac
}

end_login() { # NOT_AFTER BOOT UID LEADER START LEADERS RUNG
    not_after=${1-} boot=${2-} uid=${3-} leader=${4-} start=${5-} leaders=${6-} rung=${7-}
    case $rung in hangup | signal | kill) ;; *) refuse forbidden && return ;; esac
    may_act "$leader" "$start" && only_pins "$leaders" || return 0

    kind=login
    have_members || return 0
    if late; then refuse late && return; fi
    "try_$rung"
}

end_account() { # NOT_AFTER BOOT UID KNOWN SPARED SEEN RUNG
    not_after=${1-} boot=${2-} uid=${3-} known=${4-} spared=${5-} seen_at=${6-} rung=${7-}
    case $rung in terminate | signal | kill) ;; *) refuse forbidden && return ;; esac
    case $known in '' | *[!0-9A-Za-z,-]*) refuse forbidden && return ;; esac
    may_act "$seen_at" && only_pins "$spared" || return 0

    kind=account
    have_members || return 0
    logind_lists
    if [ "$rung" = terminate ]; then
        terminate_user
        return
    fi
    if comes_unseen; then refuse changed && return; fi
    if forget_abandoned; then have_members || return 0; fi
    if late; then refuse late && return; fi
    "try_$rung"
}

show_account() { # NOT_AFTER BOOT UID NAME
    not_after=${1-} boot=${2-} uid=${3-} name=${4-}
    may_act && one_line "$name" || return 0

    wait_for_logind
    shown=$($limit ps -u "$uid" 2>&1)
    status=$?
    command="ps -u $name" heading="ps -u $name"
    case ${shown%%"$newline"*} in
        *PID*) ;;
        *) # a ps without -u, or none
            heading="$heading (from /proc)"
            shown=$(every_pid | sort -n | facts | processes_of_account)
            status=$?
            ;;
    esac
    users=
    if command -v loginctl >/dev/null; then
        command="$command; loginctl list-users"
        users="\$ loginctl list-users$newline$($limit loginctl list-users --no-legend --no-pager 2>&1 | head -c 16000)"
    fi
    printf 'ran %s\nstatus %s\n' "$command" "$status"
    printf '$ %s\n%s\n%s\n' "$heading" "$(printf '%s\n' "$shown" | head -c 16000)" "$users" | quote
}

# logind forgets a user some ten seconds after the last of its processes: until then its list would say too much.
wait_for_logind() {
    clock
    deadline=$((clock + 1300))
    while [ "$clock" -lt "$deadline" ]; do
        if $limit ps -u "$uid" >/dev/null 2>&1; then return; fi
        if ! $limit loginctl show-user "$uid" >/dev/null 2>&1; then return; fi
        sleep 1
        clock
    done
}

warn() { # NOT_AFTER BOOT SESSION LEADER SINCE UID TEXT
    not_after=${1-} boot=${2-} session=${3-} leader=${4-} since=${5-} uid=${6-} text=${7-}
    may_act "$leader" "$since" && one_line "$text" && same_session || return 0

    kind=session
    have_members || return 0
    tell
}

warn_login() { # NOT_AFTER BOOT UID LEADER START LEADERS TEXT
    not_after=${1-} boot=${2-} uid=${3-} leader=${4-} start=${5-} leaders=${6-} text=${7-}
    may_act "$leader" "$start" && one_line "$text" && only_pins "$leaders" || return 0

    kind=login
    have_members || return 0
    tell
}

# ---------------------------------------------------------------------------------------------------- what all demand

refuse() { printf 'refused %s\n' "$1"; }

# True if nothing speaks against any act: it is the same boot, in time, and not root. Otherwise it has refused.
may_act() { # NUMBER...
    newline='
' seen='' whole=''
    for number in "$not_after" "$uid" "$@"; do
        case $number in '' | *[!0-9]* | ???????????????????*) refuse forbidden && return 1 ;; esac
    done
    read -r now </proc/sys/kernel/random/boot_id
    if [ "$now" != "$boot" ]; then refuse rebooted && return 1; fi
    if late; then refuse late && return 1; fi
    if [ "$uid" -eq 0 ]; then refuse forbidden && return 1; fi
}

late() {
    clock
    [ "$clock" -gt "$not_after" ]
}

only_pins() { # PID@START,PID@,... or -
    case $1 in '' | *[!0-9@,-]*) refuse forbidden && return 1 ;; esac
}

one_line() {
    case $1 in '' | *[[:cntrl:]]*) refuse forbidden && return 1 ;; esac
}

# ---------------------------------------------------------------------------------------------------- logind

# True if logind still has exactly that session, and it is not the bot's own. Otherwise it has refused, or told what
# logind said.
same_session() {
    case $session in '' | self | auto | *[!0-9A-Za-z]*) refuse forbidden && return 1 ;; esac
    if own; then refuse forbidden && return 1; fi
    said=$($limit loginctl show-session --no-pager "$session" 2>&1)
    status=$?
    case $status:$said in
        0:*) ;;
        *:*"No session '"*) refuse gone && return 1 ;;
        *) report "loginctl show-session $session" && return 1 ;;
    esac
    for property in "Id=$session" "User=$uid" "Leader=$leader" "TimestampMonotonic=$since"; do
        says "$property" || { refuse changed && return 1; }
    done
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

stop_scope() {
    if says "Scope=session-$session.scope"; then
        ask systemctl stop --no-block "session-$session.scope"
    else
        said='logind names no scope of its own for this session' status=1
        report "loginctl show-session $session"
    fi
}

# The sessions that logind lists: all of them in $listed, those of people at this account that the plan doesn't know in
# $newcomers. Asked after the processes were listed, so that a login whose processes are in that list is in this one.
logind_lists() {
    listed='' newcomers='' status=127 said='loginctl is missing'
    command -v loginctl >/dev/null || return 0
    said=$($limit loginctl list-sessions --no-legend --no-pager 2>&1)
    status=$?
    if [ "$status" -ne 0 ]; then return; fi
    listed=$(printf '%s\n' "$said" | awk '$1 ~ /^[0-9A-Za-z]+$/ { print $1 }')
    for id in $listed; do
        case ",$known," in *",$id,"*) continue ;; esac
        said=$($limit loginctl show-session --no-pager "$id" 2>/dev/null) || continue
        if says "User=$uid"; then
            case $said in *"${newline}Class=user"* | "Class=user"*) newcomers="$newcomers $id" ;; esac
        fi
    done
}

# It ends every session of the account: only where that is no more than was approved.
terminate_user() {
    if [ "$status" -ne 0 ]; then
        report 'loginctl list-sessions'
    elif [ "$spared" != - ] || [ -n "$newcomers" ]; then
        refuse changed
    elif late; then
        refuse late
    else
        ask loginctl terminate-user "$uid"
    fi
}

# True if a login came later that can't be spared, since no process of it is in its scope: cgroups tell nothing here.
comes_unseen() {
    for id in $newcomers; do
        case " $scopes " in *" $id "*) ;; *) return 0 ;; esac
    done
    return 1
}

# Scopes with processes that logind has forgotten are no logins that came later. True if there are any.
forget_abandoned() {
    if [ -z "$listed" ]; then return 1; fi
    forgotten=
    for id in $scopes; do
        case ",$known," in *",$id,"*) continue ;; esac
        case "$newline$listed$newline" in *"$newline$id$newline"*) ;; *) forgotten="$forgotten,$id" ;; esac
    done
    known=$known$forgotten
    [ -n "$forgotten" ]
}

# ---------------------------------------------------------------------------------------------------- reports

ask() { # COMMAND...
    said=$($limit "$@" 2>&1)
    status=$?
    report "$*"
}

report() { # COMMAND, with its exit status in $status and its output in $said
    printf 'ran %s\nstatus %s\n' "$1" "$status"
    printf '%s\n' "$said" | head -c 4000 | quote
}

# What ps would list with -u, from the lines of `facts`; like ps, false if there is nothing.
processes_of_account() {
    awk -v uid="$uid" '
        BEGIN { print "    PID CMD" }
        $1 == "process" && $11 == uid { count++; split($0, part, "\t"); printf "%7d %s\n", $2, part[4] }
        END { exit !count }'
}

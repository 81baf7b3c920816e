# Which processes a step may touch, of all that the host has at this moment. Part of linux.sh.
# Never PID 1, never this script, what it descends from or its own connection, never a listening sshd and what is below it.
# With $guarded, nothing but what is a login of $uid now, whatever was asked for.

every_pid() { (cd /proc && printf '%s\n' [0-9]*); }

# The members of what $kind names, into $members: lines of PID START STATE SESSION TTY UID EUID NEW NAME, where SESSION is
# the kernel's, and NEW is 1 for those that are not in $seen. Or one word: forbidden, or for a login gone or changed.
#
#   login    $leader with $start and all that descends from it; each of $leaders, PID@START, that is exactly that one, with
#            its kernel session if it leads one; where it is gone, what belongs to $uid of that kernel session; and what
#            descends from any of those
#   account  what runs as $uid, also inside other people's sessions, but not in its own ones that are not $known, nor below
#            $spared
#   session  the scope of logind's $session
#
# Beside that, $whole are the kernel sessions that hold nothing but members, and $scopes the sessions of logind that have
# processes.
find_members() {
    find_cgroups
    members='' tries=0
    # mawk gives up when a process ends while it reads of it
    until [ -n "$members" ] || [ "$tries" -ge 5 ]; do
        tries=$((tries + 1))
        members=$({
            # shellcheck disable=SC2086 # words of digits and colons
            printf 'seen %s\n' $seen
            every_pid | facts 2>/dev/null
            fleeting
        } | choose | LC_ALL=C sort -n)
    done
    scopes=$(printf '%s\n' "$members" | sed -n 's/^scopes//p')
    whole="$whole$(printf '%s\n' "$members" | sed -n 's/^whole//p') "
    members=$(printf '%s\n' "${members:-unread}" | grep -v -e '^scopes' -e '^whole')
}

# True if the members may be acted upon. Otherwise it has refused, or told that there is no list.
have_members() {
    find_members
    case $members in
        forbidden | gone | changed) refuse "$members" && return 1 ;;
        unread) status=1 said='the list of processes could not be read' && report 'read /proc' && return 1 ;;
    esac
}

# Where systemd keeps the cgroups of users, and in which of the two columns of `facts`. Nothing where it isn't PID 1.
find_cgroups() {
    column='' slices=''
    while IFS=: read -r number controllers path; do
        case $number:$controllers:$path in
            0::*/init.scope) column=2 slices=${path%/init.scope}/user.slice/user- ;;
            *:name=systemd:*/init.scope)
                if [ "$column" != 2 ]; then column=3 slices=${path%/init.scope}/user.slice/user-; fi
                ;;
        esac
    done </proc/1/cgroup
}

# True if that process holds a listening socket.
listens() { # PID
    ls -ln "/proc/$1/fd" 2>/dev/null | awk -v pid="$1" '
        match($0, /socket:\[[0-9]+\]/) { sockets[substr($0, RSTART + 8, RLENGTH - 9)] }
        END {
            for (family = 0; family < 2; family++) {
                file = "/proc/" pid "/net/tcp" (family ? "6" : "")
                while ((getline line < file) > 0) {
                    split(line, field, " ")
                    if (field[4] == "0A" && field[10] in sockets) found = 1
                }
            }
            exit !found
        }'
}

choose() {
    listening=
    if [ "$kind" = login ] && listens "$leader"; then listening=$leader; fi
    # By the environment, because awk reads backslashes in -v, and cgroups have them
    kind=$kind self=$$ uid=$uid leader=${leader-} start=${start-} leaders=${leaders-} session=${session-} \
        known=${known-} spared=${spared-} seen_at=${seen_at-0} column=$column slices=$slices listening=$listening \
        daemons=$(cat /run/sshd.pid /run/dropbear.pid 2>/dev/null) guarded=${guarded-} awk '
        function runs_as(pid, uid) { return real[pid] == uid || effective[pid] == uid }
        function is_server(pid) {
            return pid in parent && real[pid] == 0 && effective[pid] == 0 &&
                (name[pid] "-" ~ /^sshd-/ || name[pid] "-" ~ /^dropbear-/)
        }
        function is_dead(pid) { return state[pid] == "Z" || state[pid] == "X" }
        # The session of logind in whose scope a cgroup lies, `@` below a service manager of a user, or nothing. Only root
        # can put a process there; a scope of that name anywhere else is none.
        function place(path, rest) {
            if (slices == "" || substr(path, 1, length(slices)) != slices) return ""
            rest = substr(path, length(slices) + 1) "/"
            if (!match(rest, /^[0-9]+\.slice\//)) return ""
            owner = substr(rest, 1, RLENGTH - 7)
            rest = substr(rest, RLENGTH + 1)
            if (match(rest, /^session-[0-9A-Za-z]+\.scope\//)) return substr(rest, 9, RLENGTH - 15)
            return index(rest, "user@" owner ".service/") == 1 ? "@" : ""
        }
        function below(first, found, todo, last, i, child) {
            found[first]
            todo[last = 1] = first
            for (i = 1; i <= last; i++)
                for (child = eldest[todo[i]]; child != ""; child = younger[child])
                    if (!(child in found)) { found[child]; todo[++last] = child }
        }
        # The script, what it descends from, and all that is below its connection: the nearest sshd of root above it.
        function find_own(pid, connection) {
            for (pid = self; pid in parent && !(pid in own); pid = parent[pid]) {
                own[pid]
                if (connection == "" && is_server(pid)) connection = pid
            }
            own[1]
            below(connection == "" ? self : connection, near)
        }
        function is_own(pid) { return pid in own || pid in near }
        function is_daemon(pid) {
            return is_server(pid) && (pid in daemons || (!is_server(parent[pid]) && (pid == listening || pid in mother)))
        }

        # On a host with the kit, whoever asks may have stolen a key and name anything: what is named has to be a login by
        # what it is now, and of that account.
        function of_people(id) { return id >= 1000 && id < 61184 || id > 65519 && id != 65534 }
        function account_of(first, seen_here, list, last, i, child) {
            list[last = 1] = first
            for (i = 1; i <= last; i++) {
                if (!is_server(list[i])) return effective[list[i]]
                for (child = eldest[list[i]]; child != ""; child = younger[child])
                    if (!(child in seen_here)) { seen_here[child]; list[++last] = child }
            }
            return 0
        }
        function is_login(pid) {
            return account_of(pid) == uid && (of_people(uid) || tty[pid] > 0 || is_server(pid))
        }
        function is_theirs(pid) { return !guarded || (pid in tree) || (of_people(uid) && runs_as(pid, uid)) }

        function add(pid) {
            if (pid in chosen || pid in stranger) return
            if (is_own(pid)) forbidden = 1
            if (pid != leader && is_server(pid) && !is_server(parent[pid])) return    # it listens: nobody logged in by it
            if (spot[pid] != "") return                                               # it is shown as part of another login
            chosen[pid]
            todo[++last] = pid
        }
        function add_descendants(i, child) {
            for (i = 1; i <= last; i++)
                for (child = eldest[todo[i]]; child != ""; child = younger[child]) add(child)
        }
        function choose_login(pid, count, pins, pin, i, exact) {
            if (leader in parent) {
                exact = began[leader] "" == start ""
                if (exact && (is_daemon(leader) || (guarded && !is_login(leader)))) forbidden = 1
                if (exact) below(leader, tree)
                if (exact) add(leader)
                else { changed = 1; stranger[leader] }
            }
            count = split(leaders, pins, ",")
            for (i = 1; i <= count; i++) {
                split(pins[i], pin, "@")
                if (pin[1] + 0 < 2) continue
                if (guarded && !of_people(uid) && !(pin[1] in tree)) continue
                if (!(pin[1] in parent)) kept[pin[1]] = "account"
                else if (pin[2] != "" && began[pin[1]] "" == pin[2] "" && is_theirs(pin[1])) { kept[pin[1]] = "all"; add(pin[1]) }
                else if (pin[2] == "" && is_dead(pin[1])) kept[pin[1]] = "account"
            }
            for (pid in parent)
                if (session[pid] in kept && (kept[session[pid]] == "all" || runs_as(pid, uid))) add(pid)
            add_descendants()
            for (pid in chosen) if (!is_dead(pid)) return
            gone = 1
            if (leader in parent && !is_dead(leader)) changed = 1
        }
        function choose_account(pid, count, words, pin, i) {
            count = split(known, words, ",")
            for (i = 1; i <= count; i++) planned[words[i]]
            count = split(spared, words, ",")
            for (i = 1; i <= count; i++) {
                split(words[i], pin, "@")
                if (pin[1] in parent && began[pin[1]] "" == pin[2] "") below(pin[1], later)
            }
            # A connection begun after the look is spared too, in ticks of centiseconds; and what kept its kernel sessions
            for (pid in parent)
                if (is_server(pid) && is_server(parent[pid]) && began[pid] + 0 > seen_at + 0) below(pid, later)
            for (pid in later) if (session[pid] == pid) kept[pid]
            for (pid in parent) if (session[pid] in kept) later[pid]
            for (pid in parent) {
                if (!runs_as(pid, uid)) continue
                if (is_own(pid)) forbidden = 1
                if (spot[pid] != "" && spot[pid] != "@" && slice[pid] == uid && !(spot[pid] in planned)) continue
                if (namespaces[pid] > 1 && spot[pid] == "") continue     # a container: its uids are not those of accounts
                if (!(pid in later)) chosen[pid]
            }
        }
        function choose_session(pid) {
            for (pid in parent) if (spot[pid] == wanted && slice[pid] == uid) chosen[pid]
            if (slices == "" && leader in parent) below(leader, chosen)
        }

        BEGIN {
            kind = ENVIRON["kind"]; self = ENVIRON["self"]; uid = ENVIRON["uid"]; wanted = ENVIRON["session"]
            leader = ENVIRON["leader"]; start = ENVIRON["start"]; leaders = ENVIRON["leaders"]
            known = ENVIRON["known"]; spared = ENVIRON["spared"]; seen_at = ENVIRON["seen_at"]
            listening = ENVIRON["listening"]; guarded = ENVIRON["guarded"]
            column = ENVIRON["column"]; slices = ENVIRON["slices"]
            split("", own); split("", near); split("", later); split("", chosen); split("", tree)    # arrays from the start
            count = split(ENVIRON["daemons"], words, " ")
            for (i = 1; i <= count; i++) daemons[words[i]]
        }
        $1 == "seen" { seen[$2] }
        $1 == "total" { complete = 1 }
        $1 == "process" || ($1 == "fleeting" && !($2 in parent)) {
            pid = $2
            parent[pid] = $3; state[pid] = $4; session[pid] = $6; tty[pid] = $7; began[pid] = $9
            real[pid] = $10; effective[pid] = $11; namespaces[pid] = $12 + 0
            split($0, part, "\t")
            name[pid] = part[4]
            spot[pid] = column ? place(part[column]) : ""
            if (spot[pid] != "") slice[pid] = owner
            younger[pid] = eldest[$3]
            eldest[$3] = pid
        }
        END {
            if (!complete) exit
            for (pid in parent) {
                if (is_server(pid)) mother[parent[pid]]
                if (spot[pid] != "" && spot[pid] != "@") scopes[spot[pid]]
            }
            find_own()
            if (kind == "login") choose_login()
            else if (kind == "account") choose_account()
            else choose_session()
            if (forbidden) { print "forbidden"; exit }
            if (gone) { print changed ? "changed" : "gone"; exit }

            for (pid in parent) if (!(pid in chosen)) mixed[session[pid]]
            for (pid in chosen) {
                if (session[pid] > 1 && !(session[pid] in mixed)) whole[session[pid]]
                if (is_dead(pid)) continue
                print pid, began[pid], state[pid], session[pid], tty[pid], real[pid], effective[pid], \
                    !((pid ":" began[pid]) in seen), name[pid]
            }
            line = "whole"; for (id in whole) line = line " " id
            print line
            line = "scopes"; for (id in scopes) line = line " " id
            print line
        }'
}

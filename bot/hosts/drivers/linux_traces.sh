# What else a host remembers of its logins: keys, addresses, utmp, timetables. Part of linux.sh.

# Who holds connections, as `MATCHES;SERVERS;FIRSTS`. MATCHES: what the journal is asked for, the leaders of sessions and
# the servers. SERVERS: root's processes of sshd that carry a login which logind doesn't lead. FIRSTS: what sshd started.
connections() {
    printf '%s\n' "$sessions" "$facts" | awk '
        /^\| Leader=[1-9][0-9]*$/ { led[substr($2, 8)]; next }
        $1 != "process" { next }
        {
            split($0, part, "\t")
            parent[$2] = $3
            if (part[4] !~ /^(sshd|dropbear)(-|$)/) next
            named[$2]
            if ($10 == 0 && $11 == 0 && int($12) == 1) server[$2]   # 1: in no container
        }
        END {
            for (pid in parent) {
                above = parent[pid]
                if ((above in server) && (pid in server)) carries[pid]
                if ((above in server) && !(pid in server)) carries[above]
                if ((above in named) && !(pid in named) && ++first <= 100) firsts = firsts " " pid
            }
            for (pid in led) if (++matched <= 500) matches = matches " _PID=" pid
            for (pid in carries) if (!(pid in led) && !(parent[pid] in led) && ++carried <= 200) {
                servers = servers " " pid
                matches = matches " _PID=" pid
            }
            print matches ";" servers ";" firsts
        }'
}

# The records of keys: what sshd wrote, and what it shows.
records() {
    # shellcheck disable=SC2046,SC2086 # numbers
    {
        journal ${connections%%;*}
        exposed ${connections##*;}
    }
}

keys() {
    awk '
        /^journal [0-9]+$/ { print; end = 1 }
        end && /^exposed / { print; count++ }
        !end && /^\{.*"Accepted publickey for / {
            sub(/"__CURSOR" *: *"[^"]*"/, "\"_\":0")            # long, and nobody needs it
            if ((length_of_all += length($0)) > 262144) next
            print "| " $0
            count++
        }
        END { print "total " count + 0 }'
}

# What sshd wrote of the keys as lines of JSON, newest first, and the exit status. journald itself vouches for each name with
# a _ before it; anyone may write the rest.
journal() { # _PID=N...
    if [ $# -eq 0 ] || ! command -v journalctl >/dev/null; then
        printf 'journal 127\n'
        return
    fi
    $limit journalctl -b -q --no-pager -r -n 5000 -o json --output-fields=_PID,MESSAGE \
        _UID=0 _COMM=sshd _COMM=sshd-session "$@" 2>/dev/null
    printf '\njournal %s\n' "$?"
}

# Keys that sshd shows to what it starts (ExposeAuthInfo), from the file that SSH_USER_AUTH names. The account can write both,
# so only a regular file of the same user counts, and of it only lines that look like a key.
exposed() { # PID...
    for pid; do
        shift
        set -- "$@" "/proc/$pid/environ"
    done
    [ $# -gt 0 ] || return 0
    named=$($limit grep -aoH 'SSH_USER_AUTH=/tmp/sshauth[.][A-Za-z0-9]*' "$@" /dev/null 2>/dev/null)
    [ "$named" ] || return 0
    named=$(printf '%s\n' "$named" | awk -F '[/:=]' '!($3 in seen) { seen[$3]; print "named " $3 " /tmp/" $NF }')
    # shellcheck disable=SC2046 # letters and digits
    owned=$($limit find $(printf '%s\n' "$named" | awk '{ print $3 }') -maxdepth 0 -type f -size -33 \
        -exec stat -c 'owned %u %n' {} + 2>/dev/null)
    [ "$owned" ] || return 0
    # shellcheck disable=SC2046 # letters and digits
    shown=$($limit grep -H '^publickey ' $(printf '%s\n' "$owned" | awk '{ print $3 }') /dev/null 2>/dev/null | head -c 262144)
    printf '%s\n' "$facts" "$named" "$owned" "$shown" | awk '
        $1 == "process" { real[$2] = $10; effective[$2] = $11 }
        $1 == "named" { pid[++count] = $2; file[count] = $3 }
        $1 == "owned" { owner[$3] = $2 }
        $0 ~ "^/tmp/sshauth[.][A-Za-z0-9]+:publickey [a-z0-9@.-]+ [A-Za-z0-9+/]+=*$" && length($0) <= 16384 {
            name = $1
            sub(/:.*/, "", name)
            if (!(name in key)) key[name] = $2 " " $3
        }
        END {
            for (i = 1; i <= count; i++) {
                theirs = owner[file[i]] == real[pid[i]] || owner[file[i]] == effective[pid[i]]
                if (theirs && (file[i] in key)) print "exposed " pid[i] " " key[file[i]]
            }
        }'
}

# Where the connections come from, by the kernel: `tcp PID FD LISTENED ADDRESS`, with the address as /proc/net/tcp has it,
# LISTENED 1 if somebody listens at its local port. A machine with the other order of bytes says nothing.
addresses() {
    servers=${connections#*;}
    servers=${servers%;*}
    if [ -z "$servers" ]; then
        printf 'total 0\n'
        return
    fi
    set --
    for pid in $servers; do set -- "$@" "/proc/$pid/fd/"*; done
    stat -c %N "$@" 2>/dev/null | awk -v servers="$servers" '
        function read_table(file, line, field, port, holders, i) {
            while ((getline line < file) > 0) {
                split(line, field, " ")
                port = field[2]
                sub(/.*:/, "", port)
                if (field[4] == "0A") listened[port]
                if (field[4] != "01" || !(field[10] in holder)) continue
                for (i = split(holder[field[10]], holders, ";"); i > 1; i--) {
                    if (holders[i] in told) continue
                    told[holders[i]]
                    print "tcp " holders[i] " " ((port in listened) ? 1 : 0) " " field[3]
                    sub(/ .*/, "", holders[i])
                    found[holders[i]]
                    count++
                }
            }
            close(file)
        }
        match($0, /socket:\[[0-9]+\]/) {
            inode = substr($0, RSTART + 8, RLENGTH - 9)
            if (match($0, /\/proc\/[0-9]+\/fd\/[0-9]+/)) {
                split(substr($0, RSTART, RLENGTH), part, "/")
                holder[inode] = holder[inode] ";" part[3] " " part[5]
            }
        }
        END {
            getline line < "/proc/cpuinfo"
            many = line ~ /S390/ ? 0 : split(servers, each, " ")
            # one table has them all, unless an sshd has a network of its own
            for (i = 1; i <= many; i++) if (!(each[i] in found) && ++tables <= 8) {
                read_table("/proc/" each[i] "/net/tcp")
                read_table("/proc/" each[i] "/net/tcp6")
            }
            print "total " count + 0
        }'
}

# Who is logged in by utmp(5), one record of 384 bytes to a line, as `record ROW:16 BYTES...` without the empty rows. Records of
# another size, or a file that has others than utmp knows, are none.
utmp() {
    file=/run/utmp
    if ! [ -f "$file" ]; then file=/var/run/utmp; fi
    if ! [ -s "$file" ] || ! [ -f "$file" ]; then
        printf 'total 0\n'
        return
    fi
    od -An -v -tx1 -N1048320 "$file" 2>/dev/null | awk '
        {
            row = (NR - 1) % 24
            if (NF != 16) strange = 1
            if (row == 0) {
                text = ""
                if ($1 !~ /^0[0-9]$/ || $2 $3 $4 != "000000") strange = 1
                wanted = $1 == "07"
            }
            if (!wanted) next
            gsub(/ /, "")
            if ($0 !~ /^0+$/) text = text " " row ":" $0
            if (row == 23 && count < 1000) records[++count] = text
        }
        END {
            if (strange || NR % 24) count = 0
            for (i = 1; i <= count; i++) print "record" records[i]
            print "total " count + 0
        }'
}

# Who has a crontab, by its name, and who has at jobs, by their owner.
timetable() {
    files=$($limit find /var/spool/cron /var/spool/at -maxdepth 2 -type f ! -name '.*' ! -name 'tmp.*' ! -name '*
*' -exec stat -c '%u %n' {} + 2>/dev/null)
    if [ -z "$files" ]; then
        printf 'total 0\n'
        return
    fi
    printf '%s\n' "$files" | awk '
        {
            uid = $1; path = $0
            sub(/^[0-9]+ /, "", path)
            folder = path
            sub("/[^/]*$", "", folder)          # not as /.../: awks differ on a slash in brackets
            line = ""
            if (folder ~ /\/cron(\/crontabs|\/tabs)?$/) line = "cron " substr(path, length(folder) + 2)
            if (folder ~ /\/(atjobs|at)$/) line = "at " uid
            if (line != "" && !(line in seen) && count < 2000) { seen[line]; print line; count++ }
        }
        END { print "total " count + 0 }'
}

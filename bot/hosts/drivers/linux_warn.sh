# One line of text on every terminal of a session. Part of linux.sh.
# A terminal that takes nothing (stopped with Ctrl-S, or full) never holds it up.

# Writes $text to each terminal of $members, all at once, and tells which took it: `told NAME`, `untold NAME WHY`.
tell() {
    terminals=$(printf '%s\n' "$members" | devices)
    if late; then refuse late && return; fi
    if [ -z "$terminals" ]; then printf 'untold none\n'; fi
    find_way_to_write
    writers=
    for terminal in $terminals; do
        split_terminal "$terminal"
        if [ "$terminal_owners" = many ]; then
            printf 'untold %s too many terminals\n' "$terminal_name"
        elif why=$(unfit); then
            printf 'untold %s %s\n' "$terminal_name" "$why"
        else
            write_in_background "/dev/$terminal_name"
            began=0
            read_stat "$!"
            writers="$writers $!:$began:$terminal"
        fi
    done
    give_them_time
    for writer in $writers; do
        split_terminal "${writer#*:*:}"
        if wait "${writer%%:*}" 2>/dev/null; then
            printf 'told %s\n' "$terminal_name"
        elif why=$(unfit); then
            printf 'untold %s %s\n' "$terminal_name" "$why"
        else
            printf 'untold %s stopped or full\n' "$terminal_name"
        fi
    done
    printf 'status 0\n'
}

# The terminals of these members as words PID:START:NUMBER:UID,UID:NAME, by the oldest process at each, the oldest first.
devices() {
    # shellcheck disable=SC2016 # awk's own
    awk_of_terminals '
        $1 ~ /^[0-9]+$/ && $5 > 0 {
            if (!($5 in since) || $2 + 0 < since[$5]) { since[$5] = $2 + 0; first[$5] = $1 ":" $2 }
            if (!(($5, $6) in owned)) { owned[$5, $6]; owners[$5] = owners[$5] "," $6 }
            if (!(($5, $7) in owned)) { owned[$5, $7]; owners[$5] = owners[$5] "," $7 }
        }
        END { for (tty in first) print since[tty], first[tty] ":" tty ":" owners[tty] ":" device(tty) }' |
        sort -n | awk '{ if (NR > 100) sub(/:,[0-9,]*:/, ":many:", $2); print $2 }'
}

split_terminal() { # PID:START:NUMBER:UIDS:NAME
    terminal_pid=${1%%:*}
    rest=${1#*:}
    terminal_start=${rest%%:*}
    rest=${rest#*:}
    terminal_number=${rest%%:*}
    rest=${rest#*:}
    terminal_owners=${rest%%:*}
    terminal_name=${rest#*:}
}

# True, with the reason, unless the device is still the terminal of that very process, and belongs to someone on it: a
# process in a name space of its own can have a terminal of the same number that is another one.
unfit() {
    if ! read_stat "$terminal_pid" || [ "$began" != "$terminal_start" ] || [ "$tty" != "$terminal_number" ] ||
        [ ! -c "/dev/$terminal_name" ]; then
        printf 'closed\n'
        return 0
    fi
    major=$((terminal_number >> 8 & 4095)) minor=$((terminal_number & 255 | terminal_number >> 12 & 1048320))
    # shellcheck disable=SC2046 # its fields
    set -- $(ls -lnL "/dev/$terminal_name" 2>/dev/null)
    if [ "${5-}${6-}" != "$major,$minor" ] && [ "${5-}" != "$major,$minor" ]; then
        printf 'another device\n'
        return 0
    fi
    case "$terminal_owners,$uid," in *",${3-},"*) return 1 ;; esac
    printf 'belongs to someone else\n'
}

# nocreat: a device that has just gone must not become a file.
find_way_to_write() {
    without_waiting='oflag=nonblock conv=notrunc,nocreat bs=4096'
    # shellcheck disable=SC2086
    if ! dd $without_waiting of=/dev/null </dev/null 2>/dev/null; then without_waiting=; fi
}

# Its own process, with the pid in $!.
write_in_background() { # DEVICE
    if [ -n "$without_waiting" ]; then
        # shellcheck disable=SC2086
        printf '\r\n\a%s\r\n' "$text" | dd $without_waiting of="$1" >/dev/null 2>&1 &
    else
        printf '\r\n\a%s\r\n' "$text" 2>/dev/null >"$1" &
    fi
}

# Ends what still writes after two seconds.
give_them_time() {
    clock
    deadline=$((clock + 200))
    while writing && [ "$clock" -lt "$deadline" ]; do
        pause
        clock
    done
    for writer in $still; do send KILL "${writer%%:*}" "${writer#*:}"; done
}

# True while any of them writes; those in $still as PID:START.
writing() {
    still=
    for writer in $writers; do
        pid=${writer%%:*}
        rest=${writer#*:}
        if read_stat "$pid" && [ "$began" = "${rest%%:*}" ] && [ "$state" != Z ]; then still="$still $pid:$began"; fi
    done
    [ -n "$still" ]
}

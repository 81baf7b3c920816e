# Gives back what a hold took, exactly once, whoever asks: Kickbot, or the host's own timer, which runs these very lines
# as a program beside the hold's record, so that a dead Kickbot leaves nobody locked out. Part of linux.sh.
#
# A hold is a folder, holds/UID, for root alone:
#   record      hold ID, name, uid, way (expiry | sshd), before, until (seconds since 1970, by this host's clock)
#   applied     the account was really held; without it, it was never kept out
#   releasing   its state was about to be given back: if it stands as before then, this is why
#   give-back   this part as a program
# The end of each is a line in holds/ended. The record goes before its timer, and the folder last: the timer cleans up.

holds=/var/lib/kickbot/holds
units=/etc/systemd/system
cron_jobs=/etc/cron.d
drop_ins=/etc/ssh/sshd_config.d
HELD_UNTIL_DAY=2 # 1970-01-03: not 0 or 1, which people write by hand to close an account for good

# From here on nobody else on this host holds or gives back, until the shell ends. False after some 15 seconds.
alone() {
    { true >>"$holds/lock"; } 2>/dev/null || return 1 # a failing exec would end the shell
    exec 9>>"$holds/lock"
    turns=0
    until flock -n 9; do
        turns=$((turns + 1))
        if [ "$turns" -gt 150 ]; then return 1; fi
        sleep 0.1 2>/dev/null || sleep 1
    done
}

# Its values into $held_by, $held_name, $held_uid, $held_way, $held_before and $held_until; false if there is none.
read_record() { # FOLDER
    held_by='' held_name='' held_uid='' held_way='' held_before='' held_until=''
    [ -f "$1/record" ] || return 1
    while read -r word value; do
        case $word in
            hold) held_by=$value ;;
            name) held_name=$value ;;
            uid) held_uid=$value ;;
            way) held_way=$value ;;
            before) held_before=$value ;;
            until) held_until=$value ;;
        esac
    done <"$1/record"
}

# Field 8 of its shadow entry: the day of its expiry, or nothing; false without an entry.
expiry_of() { # NAME
    awk -F : -v name="$1" '$1 == name { print $8; found = 1; exit } END { exit !found }' /etc/shadow 2>/dev/null
}

drop_in_of() { printf '%s/00-kickbot-hold-%s.conf\n' "$drop_ins" "$1"; }

drop_in_text() { printf '# Kickbot, hold %s: given back by itself\nDenyUsers %s\n' "$2" "$1"; } # NAME HOLD

# Onto the disk, before anything that relies on it.
settle() { sync "$@" 2>/dev/null || sync; }

# What stands there now of what the record is about: `before`, `ours`, or `other`, which people made of it.
what_stands() {
    if [ "$held_way" = expiry ]; then
        expiry=$(expiry_of "$held_name") || { printf 'other\n' && return; }
        case $expiry in
            "$HELD_UNTIL_DAY") printf 'ours\n' ;;
            "$held_before") printf 'before\n' ;;
            *) printf 'other\n' ;;
        esac
        return
    fi
    file=$(drop_in_of "$held_name")
    if [ ! -e "$file" ]; then
        printf 'before\n'
    elif [ "$(cat "$file")" = "$(drop_in_text "$held_name" "$held_by")" ]; then
        printf 'ours\n'
    else
        printf 'other\n'
    fi
}

# sshd reads its configuration anew; connections stay. At a reload it takes its pid file away and listens to nobody, then
# it writes the file anew; a HUP in between would be lost.
reload_sshd() {
    stood='' && sshd_stands || return 1
    stood=$stands
    { read -r daemon </run/sshd.pid && read -r daemon_name <"/proc/$daemon/comm"; } 2>/dev/null || return 1
    [ "$daemon_name" = sshd ] && kill -HUP "$daemon" && sshd_stands
}

# True once it has written its pid to another file than $stood; that is in $stands.
sshd_stands() {
    turns=0
    until stands=$(stat -c '%i %z' /run/sshd.pid 2>/dev/null) && [ "$stands" != "$stood" ] && [ -s /run/sshd.pid ]; do
        turns=$((turns + 1))
        if [ "$turns" -gt 50 ]; then return 1; fi
        sleep 0.1 2>/dev/null || sleep 1
    done
}

undo() {
    if [ "$held_way" = expiry ]; then
        ran="usermod --expiredate '$held_before' $held_name"
        said=$(usermod --expiredate "$held_before" "$held_name" 2>&1)
    else
        file=$(drop_in_of "$held_name")
        ran="rm $file; kill -HUP sshd"
        said=$(rm -f "$file" 2>&1)
    fi
    status=$?
}

# $given: given | never | changed | already | failed | busy; $ran, $said and $status: what was run, if anything was.
give_back() { # FOLDER HOLD BY
    given='' ran='' said='' status=0
    if ! alone; then given=busy && return; fi
    if ! read_record "$1"; then
        if [ -d "$1" ]; then forget "$1"; fi # somebody died while cleaning up
        given=already && return
    fi
    if [ "$held_by" != "$2" ]; then given=already && return; fi
    stands=$(what_stands)
    if [ "$stands" = ours ]; then
        true >"$1/releasing"
        settle "$1/releasing" "$1"
        undo
        if [ "$(what_stands)" != before ] && [ "$held_before" != "$HELD_UNTIL_DAY" ]; then given=failed && return; fi
        given=given
    elif [ "$stands" = other ]; then
        given=changed
    elif [ -e "$1/releasing" ]; then
        given=given
    elif [ -e "$1/applied" ]; then
        given=changed
    else
        given=never
    fi
    if [ "$held_way" = sshd ]; then reload_sshd; fi # also where who removed the file died before it
    printf '%s %s by %s at %s\n' "$held_by" "$given" "$3" "$(date +%s)" >>"$holds/ended"
    settle "$holds/ended"
    forget "$1"
}

forget() { # FOLDER
    rm -f "$1/record"
    settle "$1"
    disarm "${1##*/}"
    rm -rf "$1"
}

disarm() { # UID
    rm -f "$cron_jobs/kickbot-hold-$1"
    stop_timer "kickbot-hold-$1"
}

stop_timer() { # UNIT
    [ -e "$units/$1.timer" ] || return 0
    systemctl disable --quiet --now "$1.timer" >/dev/null 2>&1
    rm -f "$units/$1.timer" "$units/$1.service"
    systemctl daemon-reload >/dev/null 2>&1
}

# What became of a hold: the newest line about it.
how_it_ended() { # HOLD
    awk -v hold="$1" '$1 == hold { line = $0 } END { print line ? line : "-" }' "$holds/ended" 2>/dev/null || printf -- '-\n'
}

# What the host's own timer runs. Not yet due, or not done: it is tried again.
by_timer() { # FOLDER
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C
    export PATH LC_ALL
    if read_record "$1" && [ "$(date +%s)" -lt "$held_until" ]; then return "$TRY_AGAIN"; fi
    give_back "$1" "$held_by" host
    case $given in failed | busy) return "$TRY_AGAIN" ;; esac
}

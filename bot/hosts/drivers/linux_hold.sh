# Keeps an account from logging in again, for a while, and tells how that stands. Part of linux.sh.
# A local account by its expiry, which stops keys, passwords and su; one that only a directory knows by a drop-in for
# sshd, which stops logins by ssh alone. First the record, then the host's own timer, then the account: whoever dies in
# between leaves something that the timer gives back. Each is the same again if it is done twice.

hold() { # NOT_AFTER BOOT UID NAME HOLD UNTIL BOT
    not_after=${1-} boot=${2-} uid=${3-} name=${4-} id=${5-} until=${6-} bot=${7-}
    may_act "$until" && one_word "$id" && one_word "$bot" && same_account || return 0
    now=$(date +%s)
    if [ "$until" -le "$now" ] || [ "$until" -gt $((now + 700000)) ]; then unable 'its time is over, or too far away' && return; fi
    if ! tools; then unable 'has no flock, usermod or date that work' && return; fi

    umask 077
    folder=$holds/$uid
    mkdir -p "$holds" 2>/dev/null
    if ! alone; then unable "can't take the lock in $holds" && return; fi
    if late; then refuse late && return; fi
    before=$(state) ran='nothing: it is held already'
    if [ "$(how_it_ended "$id")" != - ]; then unable 'that hold is over already' && return; fi
    if ! read_record "$folder"; then
        rm -rf "$folder"
        choose_way || { rm -rf "$folder" && return; }
        if ! write_record; then rm -rf "$folder" && unable "can't write to $folder" && return; fi
        read_record "$folder"
    fi
    if [ "$held_by" != "$id" ]; then unable "$name is held there already, by $held_by" && return; fi
    if ! arm; then forget "$folder" && unable 'has nothing that would give it back if Kickbot were dead' && return; fi
    if [ ! -e "$folder/applied" ]; then
        if late; then forget "$folder" && refuse late && return; fi
        if ! apply; then
            why=$said
            undo
            forget "$folder"
            unable "could not hold $name: $why" && return
        fi
    fi
    printf 'ran %s\nstatus 0\nbefore %s\nafter %s\n' "$ran" "$before" "$(state)"
}

release() { # NOT_AFTER BOOT UID NAME HOLD
    not_after=${1-} boot=${2-} uid=${3-} name=${4-} id=${5-}
    may_act && one_word "$id" && one_word "$name" || return 0
    before=$(state)
    if [ ! -d "$holds" ]; then
        given=already ran='' said='' status=0
    else
        if late; then refuse late && return; fi
        give_back "$holds/$uid" "$id" kickbot
    fi
    printf 'ran %s\nstatus %s\n' "${ran:-nothing}" "$status"
    printf 'before %s\nafter %s\nended %s %s\n' "$before" "$(state)" "$given" "$(how_it_ended "$id")"
    printf '%s\n' "$said" | head -c 1000 | quote
}

show_hold() { # NOT_AFTER BOOT UID NAME HOLD
    not_after=${1-} boot=${2-} uid=${3-} name=${4-} id=${5-}
    may_act && one_word "$id" && one_word "$name" || return 0
    printf 'ran getent shadow %s\nstatus 0\nafter %s\nended shown %s\n' "$name" "$(state)" "$(how_it_ended "$id")"
}

# ---------------------------------------------------------------------------------------------------- what is demanded

unable() { # WHY
    printf 'refused unable\n'
    printf '%s\n' "$1" | head -n 3 | cut -c 1-300 | quote
}

# What sshd would read as a pattern (* ? ! and user@host), or a shell or a file name as anything else, is refused.
one_word() {
    case $1 in '' | -* | .* | *[!A-Za-z0-9_.-]*) refuse forbidden && return 1 ;; esac
}

# True if that name is still that account's, and not Kickbot's own.
same_account() {
    one_word "$name" || return 1
    if [ "$name" = "$bot" ]; then refuse forbidden && return 1; fi
    entry=$($limit getent passwd "$name" 2>/dev/null) || { refuse gone && return 1; }
    case $entry in "$name:"*) ;; *) refuse changed && return 1 ;; esac
    entry=${entry#*:*:}
    if [ "${entry%%:*}" != "$uid" ]; then refuse changed && return 1; fi
}

is_local() { awk -F : -v name="$name" '$1 == name { found = 1; exit } END { exit !found }' /etc/passwd; }

tools() { { flock -n 8 && usermod --help && date +%s; } 8</dev/null >/dev/null 2>&1; }

# LOCAL|DIRECTORY EXPIRY|- DROP_IN TIMER RECORD|-, of the account in $name, with the uid in $uid.
state() {
    where=directory expiry='' drop_in=no timer=no
    if is_local; then where=local; fi
    expiry=$(expiry_of "$name")
    if [ -e "$(drop_in_of "$name")" ]; then drop_in=yes; fi
    if [ -e "$units/kickbot-hold-$uid.timer" ]; then timer=systemd; fi
    if [ -e "$cron_jobs/kickbot-hold-$uid" ]; then timer=cron; fi
    (read_record "$holds/$uid"; printf '%s %s %s %s %s\n' "$where" "${expiry:--}" "$drop_in" "$timer" "${held_by:--}")
}

# ---------------------------------------------------------------------------------------------------- the record

choose_way() {
    was='' way=expiry
    if is_local; then
        was=$(expiry_of "$name") || { unable "$name has no entry in /etc/shadow" && return 1; }
        case $was in *[!0-9]*) unable "the expiry of $name can't be read" && return 1 ;; esac
        return 0
    fi
    way=sshd
    if ! why=$(sshd_takes_it); then unable "$why" && return 1; fi
}

write_record() {
    mkdir -p "$folder" || return 1
    give_back_program >"$folder/give-back" && chmod 700 "$folder/give-back" || return 1
    printf '%s %s\n' hold "$id" name "$name" uid "$uid" way "$way" before "$was" until "$until" >"$folder/draft" || return 1
    settle "$folder/draft" "$folder/give-back"
    mv "$folder/draft" "$folder/record" || return 1
    settle "$folder" "$holds"
}

apply() {
    if [ "$held_way" = expiry ]; then
        ran="usermod --expiredate $HELD_UNTIL_DAY $name"
        said=$(usermod --expiredate "$HELD_UNTIL_DAY" "$name" 2>&1)
    else
        write_drop_in
    fi
    if [ "$(what_stands)" != ours ]; then return 1; fi
    true >"$folder/applied"
    settle "$folder/applied" "$folder"
}

# ---------------------------------------------------------------------------------------------------- the host's own timer

# The same again for a hold that has one.
arm() {
    if [ -d /run/systemd/system ]; then
        start_timer "kickbot-hold-$uid" "Kickbot gives back $name (hold $id)" "$held_until" "$folder/give-back"
    elif cron_runs; then
        printf '* * * * * root %s/give-back >/dev/null 2>&1\n' "$folder" >"$cron_jobs/kickbot-hold-$uid" &&
            chmod 644 "$cron_jobs/kickbot-hold-$uid" && settle "$cron_jobs/kickbot-hold-$uid" "$cron_jobs"
    else
        return 1
    fi
}

# Persistent: what came due while the host was down is done at its start.
start_timer() { # UNIT ABOUT UNTIL PROGRAM
    when=$(date -u -d "@$3" '+%Y-%m-%d %H:%M:%S' 2>/dev/null) || return 1
    printf '[Unit]\nDescription=%s\n[Timer]\nOnCalendar=%s UTC\nPersistent=true\nAccuracySec=1s\n[Install]\nWantedBy=timers.target\n' \
        "$2" "$when" >"$units/$1.timer" || return 1
    printf '[Unit]\nDescription=%s\nStartLimitIntervalSec=0\n[Service]\nType=oneshot\nExecStart=/bin/sh %s\nRestart=on-failure\nRestartSec=20\n' \
        "$2" "$4" >"$units/$1.service" || return 1
    chmod 644 "$units/$1.timer" "$units/$1.service"
    settle "$units/$1.timer" "$units/$1.service"
    {
        systemctl daemon-reload && systemctl enable --quiet --now "$1.timer"
        systemctl is-active --quiet "$1.timer"
    } >/dev/null 2>&1 || return 1
    settle "$units" "$units/timers.target.wants"
}

# A cron that reads /etc/cron.d, which busybox's does not.
cron_runs() {
    [ -d "$cron_jobs" ] || return 1
    for comm in /proc/[0-9]*/comm; do
        { read -r word <"$comm"; } 2>/dev/null || continue
        case $word in cron | crond) ;; *) continue ;; esac
        case $(readlink "${comm%/comm}/exe" 2>/dev/null) in *busybox*) ;; *) return 0 ;; esac
    done
    return 1
}

# ---------------------------------------------------------------------------------------------------- sshd

as() { # LOGIN [-f FILE]
    login=$1
    shift
    $limit sshd -T "$@" -C "user=$login,host=localhost,addr=127.0.0.1,laddr=127.0.0.1,lport=22" 2>/dev/null
}

reads_drop_ins() { grep -Eiq '^[[:space:]]*Include[[:space:]](.*[[:space:]/])?sshd_config\.d/\*' /etc/ssh/sshd_config; }

# The sshd that runs, and not one that was started with another file.
reads_this_file() {
    { read -r daemon </run/sshd.pid && tr '\0' ' ' <"/proc/$daemon/cmdline"; } 2>/dev/null | grep -qv ' -f'
}

# False, and why, unless with the drop-in everything stays as it is for Kickbot's login, and the account is denied. Tried
# on a copy: nothing is written where sshd reads.
sshd_takes_it() {
    config=/etc/ssh/sshd_config
    if ! command -v sshd >/dev/null || [ ! -r "$config" ]; then printf 'has no sshd with a configuration\n' && return 1; fi
    if ! reads_drop_ins; then printf 'has an sshd that reads no drop-ins\n' && return 1; fi
    if ! reads_this_file; then printf 'has an sshd that is not found, or reads another file\n' && return 1; fi
    mkdir -p "$folder"
    { drop_in_text "$name" "$id" && cat "$config"; } >"$folder/sshd_config"
    now_for_bot=$(as "$bot")
    then_for_bot=$(as "$bot" -f "$folder/sshd_config" | grep -vxF "denyusers $name")
    then_denied=$(as "$name" -f "$folder/sshd_config" | grep -xF "denyusers $name")
    rm -f "$folder/sshd_config"
    if [ -z "$now_for_bot" ] || [ "$now_for_bot" != "$then_for_bot" ] || [ -z "$then_denied" ]; then
        printf 'would not take the drop-in as it is meant\n' && return 1
    fi
}

write_drop_in() {
    file=$(drop_in_of "$name")
    ran="write $file: DenyUsers $name; kill -HUP sshd"
    now_for_bot=$(as "$bot")
    drop_in_text "$name" "$id" >"$folder/drop-in" && chmod 644 "$folder/drop-in" && mv "$folder/drop-in" "$file"
    settle "$file" "$drop_ins"
    if said=$($limit sshd -t 2>&1) && as "$name" | grep -qxF "denyusers $name" &&
        [ "$(as "$bot" | grep -vxF "denyusers $name")" = "$now_for_bot" ] && reload_sshd; then return; fi
    rm -f "$file"
}

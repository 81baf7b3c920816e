# Sets a limit for idle or lost people by a drop-in for sshd, on trial, and keeps it once a fresh login has come through.
# Part of linux.sh. What would change anything for Kickbot's own login, or would not take effect, is never written. First
# the record, then the host's own timer, then the drop-in: whoever dies in between leaves something that the timer takes
# back. Each is the same again if it is done twice. Sessions stay: sshd only reads its files anew.

TRIAL=120 # seconds until the host takes it back by itself

set_limits() { # NOT_AFTER BOOT UID LIMIT SECONDS ID BOT ABOUT
    not_after=${1-} boot=${2-} uid=${3-} limit_name=${4-} seconds=${5-} id=${6-} bot=${7-} about=${8-}
    may_act "$seconds" && one_word "$id" && one_word "$bot" && one_line "$about" && known_limit || return 0
    if ! can_try; then unable "$why" && return; fi

    umask 077
    folder=$limits/$limit_name
    mkdir -p "$holds" "$limits" 2>/dev/null
    if ! alone; then unable "can't take the lock in $holds" && return; fi
    if late; then refuse late && return; fi
    if [ "$(how_the_trial_ended "$id")" = kept ]; then printf 'ran nothing: it is kept already\nstatus 0\n' && return; fi
    if [ "$(how_the_trial_ended "$id")" != - ]; then unable 'that was taken back already' && return; fi
    if read_trial "$folder"; then
        if [ "$tried_by" != "$id" ]; then unable "another change is on trial there: $tried_by" && return; fi
        if [ -e "$folder/applied" ]; then
            if [ -e "$folder/told" ] && takes_effect; then printf 'ran nothing: it is on trial already\nstatus 0\n' && return; fi
            unable 'the try before it was cut off, and is taken back soon' && return
        fi
    else
        rm -rf "$folder"
    fi
    mkdir -p "$folder"
    if ! try_on_a_copy; then rm -rf "$folder" && unable "$why" && return; fi
    if ! write_trial || ! arm_trial; then forget_trial "$folder" && unable "can't write to $folder, or start its timer" && return; fi
    if late; then forget_trial "$folder" && refuse late && return; fi
    if ! apply_limit; then
        put_back "$folder"
        trial_ended "$id" taken kickbot
        forget_trial "$folder"
        unable "it was taken back at once: $why" && return
    fi
    printf 'ran %s\nstatus 0\n' "$ran"
}

keep_limits() { # NOT_AFTER BOOT UID LIMIT ID
    not_after=${1-} boot=${2-} uid=${3-} limit_name=${4-} id=${5-}
    may_act && one_word "$id" && known_limit || return 0
    if [ ! -d "$holds" ]; then refuse gone && return; fi
    if ! alone; then unable "can't take the lock in $holds" && return; fi
    if late; then refuse late && return; fi
    if read_trial "$limits/$limit_name" && [ "$tried_by" = "$id" ] && [ -e "$limits/$limit_name/told" ]; then
        trial_ended "$id" kept kickbot
        forget_trial "$limits/$limit_name"
    fi
    if [ "$(how_the_trial_ended "$id")" != kept ]; then refuse gone && return; fi
    printf 'ran keep %s\nstatus 0\n' "$(limit_file)"
}

# ---------------------------------------------------------------------------------------------------- what is demanded

known_limit() { case $limit_name in idle | unresponsive) ;; *) refuse forbidden && return 1 ;; esac; }

can_try() {
    why='has no systemd, which would take it back if Kickbot were dead'
    [ -d /run/systemd/system ] || return 1
    why='has no flock, date or cp that work'
    { { flock -n 8 && date +%s; } 8</dev/null && command -v cp; } >/dev/null 2>&1 || return 1
    why='has an sshd that is not found, or reads another file'
    command -v sshd >/dev/null && [ -r /etc/ssh/sshd_config ] || return 1
    reads_this_file || return 1
    why='has an sshd that reads no drop-ins: write "Include /etc/ssh/sshd_config.d/*.conf" as the first line of /etc/ssh/sshd_config'
    reads_drop_ins || return 1
    why='has Kickbot'"'"'s limit not set, so there is nothing to take away'
    [ "$seconds" -gt 0 ] || [ -e "$(limit_file)" ] || return 1
    if ! said=$($limit sshd -t 2>&1); then why="has files that sshd does not accept, as they are: $said" && return 1; fi
    why='has an sshd that is too old: ChannelTimeout came with OpenSSH 9.2'
    [ "$limit_name" != idle ] || as "$bot" | grep -q '^unusedconnectiontimeout '
}

# ---------------------------------------------------------------------------------------------------- on a copy

# The same files elsewhere, with the change: sshd accepts them, for Kickbot everything stays, and the limit takes effect.
try_on_a_copy() {
    trial=$folder/sshd_config.d
    mkdir "$trial" && cp /etc/ssh/sshd_config.d/*.conf "$trial/" 2>/dev/null
    for_bot=$(as "$bot")
    rm -f "$trial/$(limit_name_of_file)"
    if [ "$seconds" -gt 0 ]; then limit_text >"$trial/$(limit_name_of_file)"; fi
    sed "/^[[:space:]]*[Ii][Nn][Cc][Ll][Uu][Dd][Ee]/{
        s|/etc/ssh/sshd_config\.d/|$trial/|g
        s|\([[:space:]]\)sshd_config\.d/|\1$trial/|g
    }" /etc/ssh/sshd_config >"$folder/sshd_config" || return 1
    if ! said=$($limit sshd -t -f "$folder/sshd_config" 2>&1); then
        why="sshd does not accept it: $said" && return 1
    fi
    why="it would change something for Kickbot's own login, and could cut it off"
    [ -n "$for_bot" ] && [ "$(as "$bot" -f "$folder/sshd_config" | settings)" = "$(printf '%s\n' "$for_bot" | settings)" ] || return 1
    why='something that stands before it sets the same: write the Include as the first line of /etc/ssh/sshd_config'
    takes_effect -f "$folder/sshd_config" || return 1
    rm -rf "$trial" "$folder/sshd_config"
}

# Without a ChannelTimeout that never ends anything, which is the same as none.
settings() { sed '/^channeltimeout /{ /=0*[1-9]/!d; }' | sort; }

# Everything that is set is there, for someone whom no file names.
takes_effect() { # [-f FILE]
    shown=$(as nobody "$@")
    [ -n "$shown" ] || return 1
    [ "$seconds" -gt 0 ] || return 0
    case $limit_name in
        idle) printf '%s\n' "$shown" | grep -qxF "channeltimeout $(idle_channels)" ;;
        unresponsive)
            printf '%s\n' "$shown" | grep -qxF "clientaliveinterval $((seconds / 3))" &&
                printf '%s\n' "$shown" | grep -qxF 'clientalivecountmax 3'
            ;;
    esac
}

idle_channels() { printf 'session:shell=%ss session:subsystem:sftp=%ss' "$seconds" "$seconds"; }

# Kickbot's own login keeps what it has. Not by `ChannelTimeout none`: in a Match block that passes `sshd -t`, and then
# OpenSSH (9.2, 10.0) ends every login that it is about.
limit_text() {
    printf '# Kickbot, %s (%s).\n' "$about" "$id"
    printf '# To remove it: /limits HOST set %s off, or delete this file and reload sshd.\n' "$limit_name"
    case $limit_name in
        idle)
            printf 'ChannelTimeout %s\nUnusedConnectionTimeout %s\n' "$(idle_channels)" "$seconds"
            keywords='channeltimeout unusedconnectiontimeout'
            ;;
        unresponsive)
            printf 'ClientAliveInterval %s\nClientAliveCountMax 3\n' "$((seconds / 3))"
            keywords='clientaliveinterval clientalivecountmax'
            ;;
    esac
    printf 'Match User %s\n' "$bot"
    for keyword in $keywords; do
        value=$(printf '%s\n' "$for_bot" | sed -n "s/^$keyword //p")
        case $keyword:${value:-none} in channeltimeout:none) value='*=0' ;; esac
        printf '    %s %s\n' "$keyword" "$value"
    done
    printf 'Match all\n'
}

# ---------------------------------------------------------------------------------------------------- for real

write_trial() {
    if [ -e "$(limit_file)" ]; then cp -p "$(limit_file)" "$folder/before" || return 1; fi
    take_back_program >"$folder/take-back" && chmod 700 "$folder/take-back" || return 1
    until=$(($(date +%s) + TRIAL))
    printf '%s %s\n' id "$id" limit "$limit_name" until "$until" >"$folder/draft" || return 1
    settle "$folder/draft" "$folder/take-back"
    mv "$folder/draft" "$folder/record" || return 1
    settle "$folder" "$limits"
}

arm_trial() {
    start_timer "kickbot-limit-$limit_name" "Kickbot takes back a limit on trial ($id)" "$until" "$folder/take-back"
}

apply_limit() {
    file=$(limit_file)
    true >"$folder/applied"
    settle "$folder/applied" "$folder"
    if [ "$seconds" -gt 0 ]; then
        ran="write $file; kill -HUP sshd"
        why="can't write $file"
        limit_text >"$folder/drop-in" && chmod 644 "$folder/drop-in" && mv "$folder/drop-in" "$file" || return 1
    else
        ran="rm $file; kill -HUP sshd"
        rm -f "$file"
    fi
    settle "$drop_ins"
    if ! said=$($limit sshd -t 2>&1); then why="sshd does not accept it: $said" && return 1; fi
    why='it did not take effect, or changed something for Kickbot'
    takes_effect && [ "$(as "$bot" | settings)" = "$(printf '%s\n' "$for_bot" | settings)" ] || return 1
    why='sshd could not be told, or did not come back'
    reload_sshd || return 1
    true >"$folder/told"
    settle "$folder/told" "$folder"
}


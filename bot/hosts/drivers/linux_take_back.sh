# Takes a limit on trial back, exactly once, whoever comes first: Kickbot, or the host's own timer, which runs these very
# lines as a program, so that a Kickbot that was cut off leaves nothing behind. Part of linux.sh.
#
# A trial is a folder, limits/LIMIT, for root alone:
#   record      id, limit, until (seconds since 1970, by this host's clock)
#   before      the drop-in that was there; nothing where there was none
#   applied     from here on the drop-in may stand there
#   told        it stands there, and sshd reads it: only then a fresh login proves anything
#   take-back   this part as a program
# The end of each is a line in limits/ended. The record goes before its timer, and the folder last.

limits=/var/lib/kickbot/limits

limit_name_of_file() { printf '00-kickbot-limit-%s.conf\n' "$limit_name"; }

limit_file() { printf '%s/%s\n' "$drop_ins" "$(limit_name_of_file)"; }

# Its values into $tried_by, $limit_name and $tried_until; false if there is none.
read_trial() { # FOLDER
    tried_by='' tried_until=''
    [ -f "$1/record" ] || return 1
    while read -r word value; do
        case $word in
            id) tried_by=$value ;;
            limit) limit_name=$value ;;
            until) tried_until=$value ;;
        esac
    done <"$1/record"
}

put_back() { # FOLDER
    [ -e "$1/applied" ] || return 0
    if [ -e "$1/before" ]; then
        cp -p "$1/before" "$1/again" && mv "$1/again" "$(limit_file)"
    else
        rm -f "$(limit_file)"
    fi
    settle "$drop_ins"
    reload_sshd || systemctl restart ssh.service >/dev/null 2>&1 || systemctl restart sshd.service >/dev/null 2>&1
}

trial_ended() { # ID HOW BY
    printf '%s %s by %s at %s\n' "$1" "$2" "$3" "$(date +%s)" >>"$limits/ended"
    settle "$limits/ended"
}

# kept, taken, or -.
how_the_trial_ended() { # ID
    awk -v id="$1" '$1 == id { how = $2 } END { print how ? how : "-" }' "$limits/ended" 2>/dev/null || printf -- '-\n'
}

forget_trial() { # FOLDER
    rm -f "$1/record"
    settle "$1"
    stop_timer "kickbot-limit-${1##*/}"
    rm -rf "$1"
}

# What the host's own timer runs. Not yet due, or not done: it is tried again.
take_back_by_timer() { # FOLDER
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C
    export PATH LC_ALL
    if ! alone; then return "$TRY_AGAIN"; fi
    if ! read_trial "$1"; then
        if [ -d "$1" ]; then forget_trial "$1"; fi # somebody died while cleaning up
        return 0
    fi
    if [ "$(date +%s)" -lt "$tried_until" ]; then return "$TRY_AGAIN"; fi
    if [ "$(how_the_trial_ended "$tried_by")" = - ]; then
        if ! put_back "$1"; then return "$TRY_AGAIN"; fi
        trial_ended "$tried_by" taken host
    fi
    forget_trial "$1"
}


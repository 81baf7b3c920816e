# The one thing that Kickbot's key can do on a host with the kit: sudo runs this program, whatever the client sends. It reads
# one request, checks all of it, writes it into the log, and then does it by the very functions that Kickbot sends to other
# hosts. Nothing of a request is ever evaluated, nor a name of a file. Part of linux.sh.
#
#   kickbot 1 KIT NONCE
#   ticket TICKET       - or base64: room for a signed approval, which nothing looks at yet
#   =VERB
#   =ARGUMENT           each in a line of its own
#   .
#
# Whoever has the key can still look, and end, warn, hold and limit people. So the caller is trusted in nothing else: an
# account is root's, Kickbot's own or a protected one by what this host says, and a login is one by its processes.

PROTECTED=/opt/kickbot-host/protected # a login to a line; root's file
LONGEST_REQUEST=200000
MOST_ARGUMENTS=100

kit() {
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C TZ=UTC IFS=' 	
'
    export PATH LC_ALL TZ
    unset CDPATH ENV BASH_ENV
    set -f
    newline='
' guarded=1 nonce=- bot=${SUDO_USER-}
    if timeout 5 true 2>/dev/null; then limit='timeout 10'; else limit=; fi

    set --
    part=greeting
    while IFS= read -r line; do
        case $part:$line in
            greeting:"kickbot 1 "*) greeting "${line#kickbot 1 }" && part=ticket ;;
            ticket:"ticket "*) is_ticket "${line#ticket }" && part=arguments ;;
            arguments:=*) [ $# -lt "$MOST_ARGUMENTS" ] && set -- "$@" "${line#=}" ;;
            arguments:.) part=whole ;;
            *) false ;;
        esac || decline unread
    done <<REQUEST
$($limit head -c "$LONGEST_REQUEST")
REQUEST
    if [ "$part" != whole ] || [ -z "$bot" ]; then decline unread; fi
    if ! fits "$@"; then decline forbidden "$*"; fi
    verb=$1
    shift
    if ! note "$verb${*:+ $*}"; then decline unlogged; fi
    set +f
    main "$verb" "$nonce" "$@" </dev/null
}

# Another version is told before anything else of the request is read: its words may mean something else there.
greeting() { # KIT NONCE
    case ${1#* } in '' | *[!0-9a-f]*) return 1 ;; esac
    within 64 "${1#* }" || return 1
    nonce=${1#* }
    if [ "${1%% *}" != "$KIT" ]; then decline version; fi
}

decline() { # WHY [WHAT]
    note "refused: $1${2:+: $(printf '%.200s' "$2" | tr -c '[:alnum:] @.,:_/-' '?')}"
    printf 'kickbot kit %s refused %s %s\n' "$KIT" "$nonce" "$1"
    exit 0
}

# False where nothing keeps the log: then nothing is done.
note() { # TEXT
    [ -S /dev/log ] || return 1
    loud= # util-linux keeps quiet about a socket at which nobody listens
    case $(logger --help 2>&1) in *--socket-errors*) loud=--socket-errors=on ;; esac
    # shellcheck disable=SC2086 # one word or none
    logger $loud -t kickbot-host -p auth.notice "$(printf '%.500s' "$bot: $1")" 2>/dev/null
}

# ---------------------------------------------------------------------------------------------------- what each verb takes

fits() { # VERB ARGUMENT...
    case ${1-} in
        look)
            shift
            asks_about "$@"
            return
            ;;
        limits) shapes='' ;;
        end) shapes='number boot session number number account word' ;;
        end_login) shapes='number boot account number number list word' ;;
        end_account) shapes='number boot person list list number word' ;;
        show_account) shapes='number boot person text' ;;
        warn) shapes='number boot session number number account text' ;;
        warn_login) shapes='number boot account number number list text' ;;
        hold) shapes='number boot person word word number bot' ;;
        release | show_hold) shapes='number boot some word word' ;;
        set_limits) shapes='number boot some limit seconds word bot text' ;;
        keep_limits) shapes='number boot some limit word' ;;
        *) return 1 ;;
    esac
    shift
    for shape in $shapes; do
        [ $# -gt 0 ] && "is_$shape" "$1" || return 1
        shift
    done
    [ $# -eq 0 ]
}

asks_about() { # [:ACCOUNT] [GROUP...]
    case ${1-} in :*) is_asked "${1#:}" && shift || return 1 ;; esac
    for one; do is_asked "$one" || return 1; done
}

within() { [ "${#2}" -le "$1" ]; } # LENGTH TEXT

is_asked() {
    case $1 in '' | -* | *[!A-Za-z0-9_.@\\\$-]*) return 1 ;; esac
    within 256 "$1"
}

is_number() {
    case $1 in '' | *[!0-9]* | 0?*) return 1 ;; esac
    within 18 "$1"
}

is_boot() {
    case $1 in *[!0-9a-f-]*) return 1 ;; esac
    [ "${#1}" -eq 36 ]
}

is_session() {
    case $1 in '' | self | auto | *[!0-9A-Za-z]*) return 1 ;; esac
    within 32 "$1"
}

is_word() {
    case $1 in '' | -* | .* | *[!A-Za-z0-9_.-]*) return 1 ;; esac
    within 64 "$1"
}

# Processes or sessions: PID@START,PID@,... or ID,ID,... or -
is_list() {
    case $1 in '' | *[!0-9A-Za-z@,-]*) return 1 ;; esac
    within 65000 "$1"
}

# One line of printable text; the codes from 0x80 to 0x9f steer terminals, also as UTF-8.
is_text() {
    case $1 in '' | *[[:cntrl:]]*) return 1 ;; esac
    high=$(printf '\302\001')
    case $(printf '%s' "$1" | tr '\200-\237' '\001') in *"$high"*) return 1 ;; esac
    within 2000 "$1"
}

is_ticket() {
    case $1 in '' | *[!A-Za-z0-9+/=-]*) return 1 ;; esac
    within 8192 "$1"
}

is_limit() { case $1 in idle | unresponsive) ;; *) return 1 ;; esac; }

is_seconds() { is_number "$1" && { [ "$1" -eq 0 ] || { [ "$1" -ge 60 ] && [ "$1" -le 604800 ]; }; }; }

is_bot() { [ "$1" = "$bot" ]; }

# ---------------------------------------------------------------------------------------------------- about whom

is_some() { is_number "$1" && within 10 "$1" && [ "$1" -gt 0 ]; }

# Not root, not Kickbot's own login, and none of those that are protected here. Who can't be looked up is no one's equal,
# but where nothing answers, nobody is known.
is_account() {
    is_some "$1" || return 1
    [ -r "$PROTECTED" ] || return 1
    {
        printf '%s\n' "$bot"
        tr -d '\r' <"$PROTECTED"
    } | while read -r login _ || [ -n "$login" ]; do # the last line too, if it has no end
        case $login in '' | '#'*) continue ;; esac
        entry=$($limit getent passwd "$login")
        case $?:$entry in
            0:*) entry=${entry#*:*:} && [ "${entry%%:*}" != "$1" ] || return 1 ;;
            2:*) ;;
            *) return 1 ;;
        esac
    done
}

# As FIRST_PERSON and NO_PEOPLE in bot/models/people.py.
is_person() {
    is_account "$1" && [ "$1" -ge 1000 ] && [ "$1" -ne 65534 ] && { [ "$1" -lt 61184 ] || [ "$1" -gt 65519 ]; }
}

#!/bin/sh
# sshd of a sandbox host: it tells what its files say of idle people, the first value of each, and serves nobody.
folder=$KICKBOT_SANDBOX_HOST/etc/ssh
case $1 in
    -V) echo 'OpenSSH_10.0p2 Debian-7+deb13u1, OpenSSL 3.5.4 30 Sep 2025' >&2 ;;
    -T)
        if [ -z "$KICKBOT_SANDBOX_ROOT" ]; then
            echo 'sshd: no hostkeys available -- exiting.' >&2
            exit 1
        fi
        cat "$folder"/sshd_config.d/*.conf "$folder/sshd_config" 2>/dev/null | awk '
            BEGIN {
                split("clientaliveinterval 0 clientalivecountmax 3 unusedconnectiontimeout none channeltimeout none", usual)
                for (n = 1; n < 8; n += 2) set[usual[n]] = usual[n + 1]
            }
            /^[[:space:]]*(#|$)/ { next }
            { name = tolower($1) }
            name in set && !(name in said) { said[name]; $1 = ""; set[name] = substr($0, 2) }
            END { for (name in set) print name, set[name] }'
        ;;
    *)
        echo 'sshd: a sandbox host only knows: sshd -V, sshd -T' >&2
        exit 1
        ;;
esac

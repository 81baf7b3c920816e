#!/bin/sh
# systemctl of a sandbox host, which has no services, but the scopes of its sessions.
case "$*" in
    --version) echo 'systemd 257 (257.13-1~deb13u1)' ;;
    'stop --no-block session-'*.scope)
        scope=${3#session-}
        exec loginctl kill-session "${scope%.scope}"
        ;;
    *)
        echo 'systemctl: a sandbox host only knows: systemctl --version, systemctl stop --no-block session-ID.scope' >&2
        exit 1
        ;;
esac

#!/bin/sh
# systemctl --version, and nothing else: a sandbox host has no services.
if [ "$*" = --version ]; then
    echo 'systemd 257 (257.13-1~deb13u1)'
    exit 0
fi
echo 'systemctl: a sandbox host only knows: systemctl --version' >&2
exit 1

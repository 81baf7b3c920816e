#!/bin/sh
# sudo -n -- COMMAND...: the same command, as the root of this sandbox host. It gives no right on the machine itself.
if [ "$1 $2" != '-n --' ]; then
    echo 'sudo: a sandbox host only knows: sudo -n -- COMMAND' >&2
    exit 1
fi
if [ -e "$KICKBOT_SANDBOX_HOST/no-sudo" ]; then
    echo 'sudo: a password is required' >&2
    exit 1
fi
shift 2
KICKBOT_SANDBOX_ROOT=1
export KICKBOT_SANDBOX_ROOT
exec "$@"

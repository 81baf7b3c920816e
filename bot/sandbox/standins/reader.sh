#!/bin/sh
# awk, grep, sed and cat: the machine's own, but every /proc/ in their arguments is the sandbox host's own /proc.
# A cgroup and a user id can't be real without root, so ps writes there what the host shows of each process.
for word; do
    shift
    start=
    while :; do
        case $word in
            */proc/*)
                start=$start${word%%/proc/*}$KICKBOT_SANDBOX_HOST/proc/
                word=${word#*/proc/}
                ;;
            *) break ;;
        esac
    done
    set -- "$@" "$start$word"
done
exec "$KICKBOT_SANDBOX_HOST/real/${0##*/}" "$@"

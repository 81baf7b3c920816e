#!/bin/sh
# sh -s: the machine's own shell, but every /proc, and what is read below /etc, in the script that it is sent is the
# sandbox host's own, also for what the shell reads by itself. What isn't there, such as the machine's other processes, nobody on this host can see or end.
# A cgroup and a user id can't be real without root, so ps writes into that /proc what the host shows of each process.
# It stays the same process, as the keeper has written there what this process is.
script=$(sed "s|/proc\([/ ]\)|$KICKBOT_SANDBOX_HOST/proc\1|g; s|/etc/ssh/|$KICKBOT_SANDBOX_HOST&|g; s|cd /etc |cd $KICKBOT_SANDBOX_HOST/etc |")
exec "$KICKBOT_SANDBOX_HOST/real/sh" "$@" <<END
$script
END

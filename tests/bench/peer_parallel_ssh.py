"""parallel-ssh's part of the bench, run by its own Python: KEY COMMAND PORT WIDTH ADDRESS…; the script on stdin."""

import sys

from pssh.clients import ParallelSSHClient  # type: ignore[import-not-found]

key, command, port, width, *addresses = sys.argv[1:]
script = sys.stdin.buffer.read()
client = ParallelSSHClient(
    addresses, user="root", port=int(port), pkey=key, pool_size=int(width), allow_agent=False, keepalive_seconds=0
)
answers = client.run_command(command)
for answer in answers:
    answer.stdin.write(script)
    answer.stdin.flush()
    answer.client.eagain(answer.channel.send_eof)
for answer in answers:
    for line in answer.stdout:
        print(answer.host, line)

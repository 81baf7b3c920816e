"""asyncssh alone, for what of a look is the library's: KEY KNOWN_HOSTS PORT WIDTH ADDRESS…; the script on stdin.

No code of Kickbot: connect, run the script, read its answer, close. Prints seconds of CPU and of the clock as JSON.
"""

import asyncio
import json
import sys
import time

import asyncssh

from tests.bench.clients import ASKED
from tests.bench.fanout import END


async def main(key: str, known_hosts: str, port: str, width: str, *addresses: str) -> None:
    script, keys = sys.stdin.buffer.read(), asyncssh.load_keypairs([key])
    trusted, few = asyncssh.read_known_hosts(known_hosts), asyncio.Semaphore(int(width))
    options = {"username": "root", "client_keys": keys, "known_hosts": trusted, "config": None, "agent_path": None}

    async def look(address: str) -> None:
        async with few, asyncssh.connect(address, int(port), **options) as connection:
            done = await connection.run(ASKED, input=script, encoding=None)
            if not isinstance(done.stdout, bytes) or END not in done.stdout:
                sys.exit(f"{address} gave no answer")

    cpu, wall = time.process_time(), time.monotonic()
    await asyncio.gather(*(look(address) for address in addresses))
    print(json.dumps({"cpu": time.process_time() - cpu, "wall": time.monotonic() - wall}))


asyncio.run(main(*sys.argv[1:]))

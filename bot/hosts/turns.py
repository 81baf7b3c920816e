"""How many commands may run on one host at a time: as many as is stated, or one, where sshd takes no more."""

import asyncio


class Turns:
    """`async with` is one turn."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._free = asyncio.Semaphore(most)
        self._single = False

    async def __aenter__(self) -> None:
        await self._free.acquire()

    async def __aexit__(self, *_: object) -> None:
        self._free.release()

    async def narrow(self) -> bool:
        """Within a turn: from now on there is one at a time, and this is it. False if somebody else does so."""
        if self._single:
            return False
        self._single, kept = True, 0
        try:
            while kept < self._most - 1:
                await self._free.acquire()
                kept += 1
        except BaseException:
            self._single = False
            for _ in range(kept):
                self._free.release()
            raise
        return True

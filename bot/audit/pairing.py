"""Counts who approved for whom while all events of a trail pass by. Only those that count are read. Pure."""

import re
from collections.abc import Iterator
from datetime import datetime

from bot.audit import records
from bot.audit.report.selecting import PLACE
from bot.pairs import KINDS, SAYS_YES, Counted, Pairs

_COUNTS = re.compile(rb'"kind":"(?:%s)"' % "|".join(sorted(KINDS)).encode())


class Pairing:
    """since: only what was approved then or later, whenever it was asked."""

    def __init__(self, since: datetime | None = None) -> None:
        self._pairs = Pairs()
        self._since = since

    def passing(self, events: Iterator[tuple[bytes, str]]) -> Iterator[tuple[bytes, str]]:
        """The same events."""
        for content, hash_ in events:
            if _COUNTS.search(content) and (place := PLACE.search(content)):
                record = records.read(int(place[2]), content, hash_)
                if record.event.kind not in SAYS_YES or not self._since or record.at >= self._since:
                    self._pairs.see(record)
            yield content, hash_

    def counted(self) -> Counted:
        return self._pairs.counted()

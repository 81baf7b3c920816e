"""What one host may cost the bot. Only numbers."""

from bot.models import Value


class Limits(Value):
    """What a host may cost. Times are seconds.

    connect: until the login is accepted; also for opening a channel. answer: from sending the script to the end of its
    answer. whole: for all hosts of one question. size: bytes of an answer. in_flight: hosts that one question asks at
    the same time; at_once: all questions together; spare: of these, the places for questions about at most so many
    hosts, so that a kick waits for no fleet. through, through_spare: the same two for the hosts behind one jump host.
    jitter: where connections to one address, or through one jump host, are opened at the same time, each waits a random
    part of so long for each other one. channels: on one connection (sshd's MaxSessions is 10). keepalive, misses:
    a silent connection is lost after their product. idle, age: a connection is closed when nobody used it that long,
    and not used again when it is that old. kept: open connections; beyond them the least recently used one is closed.
    """

    connect: float = 10
    answer: float = 30
    whole: float = 120
    size: int = 32 * 1024 * 1024
    in_flight: int = 32
    at_once: int = 96
    spare: int = 16
    through: int = 24
    through_spare: int = 4
    jitter: float = 0.02
    channels: int = 8
    keepalive: float = 15
    misses: int = 3
    idle: float = 300
    age: float = 3600
    kept: int = 256

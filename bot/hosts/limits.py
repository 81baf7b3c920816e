"""What one host may cost the bot. Only numbers."""

from bot.models import Value


class Limits(Value):
    """What a host may cost. Times are seconds.

    connect: until the login is accepted; also for opening a channel. answer: from sending the script to the end of its
    answer. size: bytes of an answer. in_flight: hosts that one command looks at at the same time; at_once: all commands
    together, so that a command on many hosts that are dead holds up nobody else's. channels: on one connection
    (sshd's MaxSessions is 10). keepalive, misses: a silent connection is lost after their product. idle, age: a
    connection is closed when nobody used it that long, and not used again when it is that old.
    """

    connect: float = 10
    answer: float = 30
    size: int = 32 * 1024 * 1024
    in_flight: int = 10
    at_once: int = 30
    channels: int = 8
    keepalive: float = 15
    misses: int = 3
    idle: float = 300
    age: float = 3600

"""Numbers of things, in words. Pure."""


def count(number: int, noun: str, many: str = "") -> str:
    """`1 session`, `3 sessions`. many: the plural, where it takes more than an s."""
    return f"{number} {noun}" if number == 1 else f"{number} {many or noun + 's'}"


def processes(number: int) -> str:
    """`1 process`, `3 processes`."""
    return count(number, "process", "processes")

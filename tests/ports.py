"""Ports of 127.0.0.1 for servers that a test starts later: nobody else on this machine gets them meanwhile."""

import socket

_kept: list[socket.socket] = []


def free_port() -> int:
    """A port that stays bound until this process ends, so that the kernel gives it to nobody who asks for any.

    Who names it may listen there all the same, as every server does that sets SO_REUSEADDR; before that it refuses.
    """
    kept = socket.socket()
    kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    kept.bind(("127.0.0.1", 0))
    _kept.append(kept)
    return int(kept.getsockname()[1])

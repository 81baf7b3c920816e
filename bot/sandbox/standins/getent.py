"""getent passwd for one sandbox host. Never asks this machine who its users are."""

import sys

from bot.sandbox.standins.scene import Scene

NOT_FOUND = 2


def main(words: list[str]) -> int:
    """`getent passwd [NAME | UID]…`; the exit status is 2 if one of them isn't there."""
    if words[:1] != ["passwd"]:
        return NOT_FOUND
    accounts = Scene.here().accounts()
    known = {key: one for one in accounts for key in (one.name, str(one.uid))}
    wanted = words[1:] or [one.name for one in accounts]
    for one in (known[key] for key in wanted if key in known):
        sys.stdout.write(f"{one.name}:x:{one.uid}:{one.uid}::/home/{one.name}:/bin/bash\n")
    return 0 if all(key in known for key in wanted) else NOT_FOUND

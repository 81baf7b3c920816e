"""Whether Kickbot gets through to the hosts, with its rights there, and what their clocks say."""

from collections.abc import AsyncIterator, Iterator

from bot.counting import count
from bot.doctor.clocks import OURS, of_clock
from bot.durations import exact
from bot.errors import SettingsError
from bot.findings import Finding, finding_in
from bot.idleness import APART
from bot.rollcall import Check, checked
from bot.settings import Settings
from bot.survey import Survey

finding = finding_in("hosts")

TODO = (
    ("unknown host key", "Compare that fingerprint with what you know of the host, then: kickbot hosts trust {name}"),
    ("another host key", "If the host really has a new key: kickbot hosts trust {name} --replace"),
    ("unknown authority", "Compare it, and write a line with @cert-authority into known_hosts."),
    (" kit", "Where `kit` under [ssh] names the host, install what this prints there: kickbot hosts kit {name}"),
    ("sudo", "On the host, a file under /etc/sudoers.d: kickbot ALL=(root) NOPASSWD: /bin/sh (its own login's name)"),
    ("refused the login", "Put the public half of the key in ssh.keys into that login's authorized_keys there."),
    ("can't be resolved", "Is its address right in kickbot.toml, and does this machine's resolver know it?"),
    ("", "From this machine, as Kickbot's user: does `ssh` get there? Address, port, firewall, sshd?"),
)
"""By the words of a failure, what mends it; the first that fits."""


async def examine(settings: Settings, survey: Survey) -> AsyncIterator[Finding]:
    """Each as it answers, as `kickbot hosts check` looks at them; their clocks in the end, where they are right."""
    names, right = tuple(survey.inventory.hosts), 0
    try:
        async for check in checked(settings, survey, names):
            right += check.ok and abs(check.ahead) <= APART
            for found in judged(check):
                yield found
    except SettingsError as error:
        yield finding("unknown", count(len(names), "host"), f"could not be looked at: {error}")
    if right:
        yield of_clock(count(right, "host"), 0, OURS)


def judged(check: Check) -> Iterator[Finding]:
    """What one look says."""
    if not check.ok:
        todo = next(todo for words, todo in TODO if words in check.reason)
        yield finding("wrong", check.name, check.reason, todo.format(name=check.name))
        return
    said = f"answered in {exact(check.seconds)}, {check.system}, key {check.host_key}"
    yield finding("ok", check.name, said)
    yield from (finding("note", check.name, note) for note in check.notes)
    if abs(check.ahead) > APART:
        yield of_clock(check.name, check.ahead, OURS)

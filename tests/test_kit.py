"""The kit, over a real sshd: nothing but its program runs, whatever the client sends. tests/hosts has booted hosts."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.hosts.drivers.linux import KIT, KIT_PROGRAM
from bot.hosts.kit.trying import Kind, Thief, Tried
from bot.models import Answer, Host, HostLimits, HostUptime, Snapshot, Unreachable
from tests import make
from tests.kit_host import KitHost
from tests.linux_answers import step
from tests.sshd import SSHD, me, serving

pytestmark = pytest.mark.skipif(not SSHD.exists(), reason="no sshd of the distribution")

BOOT = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
AS_ROOT = "a login as root with the same key"
OTHER = KIT_PROGRAM.replace(KIT.encode(), b"0" * 64)


@pytest.fixture
async def kitted(tmp_path: Path) -> AsyncIterator[KitHost]:
    made = KitHost(tmp_path)
    async with serving(made.server):
        yield made


async def look(kitted: KitHost, host: Host | None = None) -> Snapshot | Unreachable:
    hosts = kitted.hosts(host)
    try:
        (seen,) = [each async for each in hosts.look(["web"], groups=["oncall", "sudo"], account="alice")]
        return seen
    finally:
        await hosts.close()


async def act(kitted: KitHost, host: Host | None = None) -> Answer:
    """The end of a session that is not there, on this boot."""
    approved = step(session="nosuch", identity="nosuch:4242:5000", boot=BOOT, host_key=kitted.server.fingerprint())
    there = approved.model_copy(update={"target": approved.target.model_copy(update={"host": "web"})})
    hosts = kitted.hosts(host)
    try:
        return await hosts.act(there, not_after=HostUptime(10**12))
    finally:
        await hosts.close()


async def thief(kitted: KitHost, *kinds: Kind) -> dict[str, Tried]:
    hosts = kitted.hosts()
    try:
        return {one.what: one async for one in Thief(hosts, kitted.host, make.snapshot()).everything(*kinds)}
    finally:
        await hosts.close()


def allowed(tries: dict[str, Tried]) -> set[str]:
    """Without root's login where these tests are root's: there it is the same login."""
    return {what for what, one in tries.items() if one.allowed} - ({AS_ROOT} if me() == "root" else set())


# ------------------------------------------------------------------------------------------------------- a thief


async def test_a_thief_of_the_key_gets_no_further(kitted: KitHost) -> None:
    """More than forty things, each refused; and the program ran nothing, by its own log."""
    await kitted.start()

    tries = await thief(kitted)

    assert allowed(tries) == set(), tries
    assert len(tries) > 40
    assert {line.split()[2].strip(":") for line in kitted.log} == {"unread", "forbidden", "version"}
    assert all(line.startswith(f"{me()}: refused: ") for line in kitted.log)


async def test_what_a_key_without_restrict_can_do_is_found(kitted: KitHost) -> None:
    """A forced command alone leaves terminals and every way of forwarding."""
    await kitted.start("X11Forwarding yes", "AcceptEnv LD_*", "Subsystem sftp internal-sftp", restrict=False)

    assert allowed(await thief(kitted, "ssh")) >= {
        "a terminal",
        "forwarding of the agent (-A)",
        "environment variables",
        "forwarding a port to the host itself (-L)",
        "forwarding to anywhere (-D)",
        "listening on the host (-R)",
        "listening at a socket of the host (-R)",
    }


async def test_what_a_key_without_a_forced_command_can_do_is_found(kitted: KitHost) -> None:
    """Whatever was run is told."""
    await kitted.start(command=False)

    found = allowed(await thief(kitted, "commands"))

    assert found >= {
        "a command",
        "a command after a semicolon",
        "a command after a line break",
        "a command in $(…)",
        "a command in backquotes",
        "a command behind a pipe, && and ||",
        "a command that ends a quotation",
        "a command by env",
        "a very long command",
        "a shell, and a command typed into it",
    }


# ------------------------------------------------------------------------------------------------------- the bot


async def test_a_look_by_the_kit_is_a_look(kitted: KitHost) -> None:
    """Whole, with what is asked for besides; the script isn't sent, and the log says what was done."""
    await kitted.start()

    seen = await look(kitted)

    assert isinstance(seen, Snapshot), seen
    assert kitted.log == [f"{me()}: look :alice oncall sudo"]


async def test_limits_are_read_by_the_kit(kitted: KitHost) -> None:
    """The other question that changes nothing."""
    await kitted.start()
    hosts = kitted.hosts()
    (seen,) = [each async for each in hosts.limits(["web"])]
    await hosts.close()
    assert isinstance(seen, HostLimits), seen
    assert kitted.log == [f"{me()}: limits"]


async def test_an_act_is_logged_before_it_is_judged(kitted: KitHost) -> None:
    """The program hands it to the same script as everywhere, which has its own say."""
    await kitted.start()

    answer = await act(kitted)

    assert answer.status in {"refused", "done"}
    assert answer.output.find("kit") == -1
    (line,) = kitted.log
    assert line.startswith(f"{me()}: end 1000000000000 ")
    assert line.endswith(" nosuch 4242 5000 1001 terminate")


async def test_another_version_is_refused_with_what_to_do(tmp_path: Path) -> None:
    """A look is none, and an act was not done: both say what has to be installed."""
    kitted = KitHost(tmp_path, program=OTHER)
    async with serving(kitted.server):
        await kitted.start()
        seen, answer = await look(kitted), await act(kitted)

    told = "it has another version of the kit (000000000000): install what `kickbot hosts kit` prints now"
    assert isinstance(seen, Unreachable)
    assert seen.reason == f"did not answer: {told}"
    assert (answer.status, answer.refusal, answer.output) == ("refused", "forbidden", f"web: {told}")


async def test_without_a_log_nothing_is_done(kitted: KitHost) -> None:
    """No record, no act, and no look either."""
    await kitted.start()
    kitted.lose_log()

    seen, answer = await look(kitted), await act(kitted)

    assert isinstance(seen, Unreachable)
    assert "its kit can't write the log" in seen.reason
    assert (answer.status, answer.refusal) == ("refused", "forbidden")


async def test_a_host_that_must_have_the_kit_is_never_asked_without_it(kitted: KitHost) -> None:
    """A key that may run everything is asked for the kit alone: it isn't found, and no script was sent."""
    await kitted.start(command=False)

    seen, answer = await look(kitted), await act(kitted)

    assert isinstance(seen, Unreachable)
    assert seen.reason.startswith("has no kit that works (")
    assert seen.reason.endswith("): install what `kickbot hosts kit web` prints")
    assert answer.status == "unknown"
    assert kitted.log == []


async def test_a_host_that_has_the_kit_unknown_to_the_bot(kitted: KitHost) -> None:
    """Its program reads no script; the answer says where the host has to be named."""
    await kitted.start()
    plain = kitted.host.model_copy(update={"kit": False})

    seen, answer = await look(kitted, plain), await act(kitted, plain)

    assert isinstance(seen, Unreachable)
    assert "is the host named in `kit` under [ssh]?" in seen.reason
    assert answer.status == "unknown"
    assert set(kitted.log) == {f"{me()}: refused: unread"}

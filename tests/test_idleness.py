"""Idle in the careful sense: what isn't known is not idle, nobody who works is, and no clock makes anyone idle."""

from typing import Any

import pytest

from bot.idleness import clock_trouble, why_busy
from bot.models import HostUptime, Process, Session, Snapshot, Terminal
from tests import make

HALF_AN_HOUR = 1800
WITHIN = 100_000 - 300 * 100
"""The uptime five minutes before the look."""


def idle(**changes: Any) -> Session:
    """A login of four hours, with its shell in front and nothing on its terminal for one hour."""
    values = {"terminals": (terminal(),), "processes": (shell(),), "clock_set": 0, "age": 4 * 3600}
    return make.session(**{**values, **changes})


def terminal(name: str = "pts/3", key: int | None = 3600, output: int | None = 3600) -> Terminal:
    return Terminal(name=name, since_key=key, since_output=output)


def shell(pid: int = 4301, name: str = "bash", **changes: Any) -> Process:
    return make.process(pid, name, **{"terminal": "pts/3", "foreground": True, "command": f"-{name}", **changes})


def look(session: Session, **changes: Any) -> Snapshot:
    return make.snapshot(session, **{"ahead": 0, **changes})


def why(session: Session, seconds: int = HALF_AN_HOUR, **changes: Any) -> str:
    return why_busy(look(session, **changes), session, seconds)


# ------------------------------------------------------------------------------------------------ what isn't known


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"terminals": ()}, "no terminal"),
        ({"terminals": (terminal(key=None),)}, "the time of a key on pts/3 can't be read"),
        ({"terminals": (terminal(output=None),)}, "the time of output on pts/3 can't be read"),
        ({"terminals": (terminal(), terminal("pts/4"))}, "what is in the foreground of pts/4 isn't known"),
        ({"processes": ()}, "what is in the foreground of pts/3 isn't known"),
        ({"processes": (shell(foreground=False),)}, "what is in the foreground of pts/3 isn't known"),
        ({"restless": True}, "can't be listed"),
        ({"clock_set": None}, "isn't known whether the host's clock was set"),
        ({"age": None}, "isn't known whether the host's clock was set"),
    ],
)
def test_what_is_not_known_is_not_idle(changes: dict[str, Any], said: str) -> None:
    """Without a terminal, a time, a foreground or a clock nobody is idle, and the reason names what is missing."""
    assert said in why(idle(**changes))


def test_a_host_whose_clock_nobody_compared() -> None:
    """It may be any time there."""
    assert "was not compared" in why(idle(), ahead=None)


@pytest.mark.parametrize("sense", ["careful", "keys"])
def test_a_login_without_a_terminal_is_idle_in_no_sense(sense: Any) -> None:
    """A file transfer has no keys at all."""
    session = idle(terminals=())
    assert why_busy(look(session), session, 60, sense)


# ------------------------------------------------------------------------------------------------ who works


def test_a_shell_that_waits_for_long_is_idle() -> None:
    """No key, no output, and only the shell in front: the only way to be idle."""
    assert why(idle()) == ""


@pytest.mark.parametrize("seconds", [3600 - 7, 3600, 7200])
def test_idle_for_less_than_was_asked(seconds: int) -> None:
    """It counts only what is sure: the kernel notes times of a terminal every 8 s."""
    assert why(idle(), seconds) == "a key on pts/3 1 h ago"
    assert why(idle(), 3600 - 8) == ""


@pytest.mark.parametrize(
    ("worked", "said"),
    [
        (terminal("pts/4", key=2), "a key on pts/4 2 s ago"),
        (terminal("pts/4", output=2), "output on pts/4 2 s ago"),
    ],
)
def test_who_types_or_whose_build_prints_is_never_idle(worked: Terminal, said: str) -> None:
    """One terminal of several is enough."""
    both = (shell(), shell(4400, terminal="pts/4"))
    assert why(idle(terminals=(terminal(), worked), processes=both)) == said


@pytest.mark.parametrize(
    "front",
    [
        shell(4302, "vim", command="vim notes"),
        shell(4302, "bash", command="bash build.sh"),
        shell(4302, "bash", command="bash -c make"),
        shell(4302, "sh", command="sh -x ./nightly"),
        shell(4302, "bashful", command="-bashful"),
        shell(4302, "tmux: client", command="tmux attach"),
        shell(4302, "sudo", command="sudo -i"),
        shell(4302, "busybox", command="busybox vi notes"),
    ],
    ids=lambda p: p.command,
)
def test_whatever_is_no_waiting_shell_works(front: Process) -> None:
    """A program that says nothing for hours, and a shell that runs a script, may still be at work."""
    assert why(idle(processes=(shell(foreground=False), front))) == f"{front.name} is in the foreground of pts/3"
    assert why(idle(processes=(shell(), front)))


def test_a_program_of_somebody_else_in_front() -> None:
    """It counts wherever it runs: it need not be in the session that the terminal belongs to."""
    session = idle()
    stray = shell(4500, "make", uid=1002, user="bob", command="make")
    assert why_busy(look(session, outside=(stray,)), session, 60) == "make is in the foreground of pts/3"


@pytest.mark.parametrize(
    "front",
    [
        shell(4302, "zsh", command="zsh"),
        shell(4302, "bash", command="bash --login -i"),
        shell(4302, "busybox", command="busybox sh -l"),
        shell(4302, "dash", command="-dash"),
    ],
    ids=lambda p: p.command,
)
def test_shells_wait_under_many_names(front: Process) -> None:
    """Options of an interactive shell run nothing."""
    assert why(idle(processes=(front,))) == ""


def test_by_keys_only_keys_count() -> None:
    """Where a rule asks for less, output and programs don't count; a key does."""
    building = idle(terminals=(terminal(output=1),), processes=(shell(4302, "make", command="make"),))
    typing = idle(terminals=(terminal(key=1),))

    assert why_busy(look(building), building, 60, "keys") == ""
    assert why_busy(look(typing), typing, 60, "keys") == "a key on pts/3 1 s ago"


# ------------------------------------------------------------------------------------------------ clocks


@pytest.mark.parametrize(
    ("ahead", "said"), [(7200, "host1's clock is 2 h ahead"), (-600, "host1's clock is 10 min behind")]
)
@pytest.mark.parametrize("sense", ["careful", "keys"])
def test_where_the_clock_is_wrong_nobody_is_idle(ahead: int, said: str, sense: Any) -> None:
    """The answer says how wrong it is."""
    session = idle()
    assert why_busy(look(session, ahead=ahead), session, 60, sense) == f"{said}: idle can't be judged"
    assert clock_trouble(look(session, ahead=ahead)) == f"{said}: idle can't be judged"
    assert clock_trouble(look(session, ahead=60)) == ""


def test_a_step_forward_makes_nobody_idle() -> None:
    """What the clock jumped since the login is taken off: a key one hour old may be one of five minutes ago."""
    assert "set 55 min ahead since it began: a key may be 4 min old" in why(idle(clock_set=3300), 1200)
    assert why(idle(clock_set=3300), 240) == ""


def test_a_step_back_gives_nobody_more_time() -> None:
    """It makes sessions look used later than they were, and nothing is added for it."""
    assert why(idle(clock_set=-7200), 3600) == "a key on pts/3 1 h ago"
    assert why(idle(clock_set=-20_000)) == ""


def test_idle_for_longer_than_the_login_is_old() -> None:
    """Such a time can't be true, whoever set it."""
    assert why(idle(age=60), 60) == "the time of a key on pts/3 is older than the login itself"
    assert why(idle(age=3600)) == ""


# ------------------------------------------------------------------------------------------------ after a warning


def after_a_warning(**changes: Any) -> str:
    session = idle(**changes)
    seen = look(session, uptime=HostUptime(100_000))
    return why_busy(seen, session, HALF_AN_HOUR, told=HostUptime(WITHIN))


def test_the_warning_itself_is_no_use_of_a_session() -> None:
    """Kickbot's own words are output; what came afterwards is not, nor is a key."""
    assert after_a_warning(terminals=(terminal(output=301),)) == ""
    assert after_a_warning(terminals=(terminal(output=290),)) == "output on pts/3 4 min ago"
    assert after_a_warning(terminals=(terminal(key=290, output=301),)) == "a key on pts/3 4 min ago"
    assert "vim is in the foreground" in after_a_warning(processes=(shell(name="vim"),))


# ------------------------------------------------------------------------------------------------ disconnected


def away(seconds: int, **changes: Any) -> Session:
    """A login of four hours that outlives its connections, without anyone for so long."""
    return idle(**{"terminals": (), "processes": (), "disconnected": seconds, **changes})


def test_nobody_is_connected_to_it() -> None:
    """It is idle for as long as nobody has been connected, whatever runs in it, in both senses."""
    assert why(away(HALF_AN_HOUR)) == ""
    assert why(away(HALF_AN_HOUR - 1)) == "somebody was connected to it 29 min ago"
    assert why_busy(look(away(60)), away(60), HALF_AN_HOUR, "keys") == "somebody was connected to it 1 min ago"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"clock_set": 3600}, "somebody was connected to it 0 s ago"),
        ({"clock_set": None}, "isn't known whether the host's clock was set"),
        ({"age": 60}, "older than the login itself"),
        ({"restless": True}, "can't be listed"),
    ],
)
def test_since_when_must_be_sure(changes: dict[str, Any], said: str) -> None:
    """A clock that was set ahead, or a time that can't be true, makes nobody idle."""
    assert said in why(away(3600, **changes))


def test_disconnected_on_a_host_with_another_clock() -> None:
    """Where the host's clock isn't the trail's, nobody is idle."""
    assert "clock is 2 h ahead" in why(away(86_400), ahead=7200)

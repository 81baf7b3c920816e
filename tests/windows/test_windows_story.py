"""A request about a Windows host, from the question to the proof, over SSH; time is the test's own, so nobody waits."""

import pytest

from bot.models import Act, Filter, Listing, Snapshot
from bot.planning import again
from bot.slack.content.headlines import headline
from bot.slack.content.lines import in_plain
from bot.slack.content.story import tell
from bot.slack.content.tickets import FORCE, actions
from tests import make
from tests.test_sweeps import at_its_time
from tests.windows.scenes import ALICE, DAY, HOUR, MAX, UMLAUT, filetime
from tests.windows.windows_stage import WindowsStage, kick, told


async def test_who_is_there(stage: WindowsStage) -> None:
    """`/sessions win1` shows who is there by RDP, by SSH and disconnected."""
    seen = await stage.workflow.look(stage.origin("U0ALICE"), Listing(hosts=("win1",)))
    (look,) = seen.shown

    assert isinstance(look, Snapshot)
    assert [(s.id, s.account.name, s.service, s.state) for s in look.sessions if not s.own] == [
        ("3", "alice", "rdp", "active"),
        ("5", "bob", "rdp", "disconnected"),
        ("ssh-5000", "alice", "ssh", "active"),
    ]


async def test_a_kick(stage: WindowsStage) -> None:
    """Asked, approved, ended, proven: the RDP session by a log-off, the SSH login by its processes; bob stays."""
    request = await stage.ask(kick())
    done = await stage.approve(request)

    assert told(done) == {"3": "ended", "ssh-5000": "ended"}
    assert stage.machine.done == ["logoff 3 0", "terminate 5000", "terminate 5100"]
    assert stage.machine.session_ids() == [5]


async def test_a_log_off_that_takes_its_time(stage: WindowsStage) -> None:
    """A log-off may take 40 s: it is looked for every few seconds, and found."""
    stage.machine.logoff = 40
    request = await stage.ask(kick(session="3"))
    began = stage.clock.now

    done = await stage.approve(request)

    assert told(done) == {"3": "ended"}
    assert 40 <= (stage.clock.now - began).total_seconds() < 60
    assert stage.machine.done == ["logoff 3 0"]


async def test_a_log_off_that_never_happens(stage: WindowsStage) -> None:
    """After three minutes it has failed, what still runs is named, and to force it can be asked next."""
    stage.machine.logoff = None
    request = await stage.ask(kick(session="3"))
    began = stage.clock.now

    done = await stage.approve(request)

    assert told(done) == {"3": "survived it is active"}
    assert "notepad.exe" in {p.name for p in done.outcomes[0].lives_on}
    assert 180 <= (stage.clock.now - began).total_seconds() < 240
    story = tell(await stage.trail.read(done.id))
    assert in_plain(headline(story)) == "⚠️ 1 of 1 session of alice is still on win1"
    assert FORCE in actions(done)
    next_one = again(done, force=True)
    assert next_one is not None
    forced = await stage.approve(await stage.ask(next_one))
    assert told(forced) == {"3": "ended"}
    assert stage.machine.done == ["logoff 3 0", "logoff 3 0", "terminate 3003", "terminate 3004", "logoff 3 0"]


async def test_a_warning_first(stage: WindowsStage) -> None:
    """With `warn` a message stands on the desktop, and nothing ends before its time."""
    request = await stage.approve(await stage.ask(kick(warn=300)))
    (message,) = stage.machine.done

    done = await stage.wait(request)

    assert message.startswith("message 3 7 30 0 Kickbot: ")
    assert "has this session of alice ended at 13:33:" in message
    assert told(done) == {"3": "ended", "ssh-5000": "ended"}


@pytest.mark.parametrize(("idle", "outcome"), [(HOUR, {"5": "ended"}), (3 * HOUR, {})])
async def test_disconnected_for_longer_than(stage: WindowsStage, idle: int, outcome: dict[str, str]) -> None:
    """Idle on Windows is whoever has been disconnected for so long."""
    request = await stage.ask(kick("bob", only=Filter(idle=idle)))
    if outcome:
        request = await stage.approve(request)

    assert told(request) == outcome


async def test_who_comes_back_stays(stage: WindowsStage) -> None:
    """Who connected again before the end keeps the session."""
    request = await stage.ask(kick("bob", only=Filter(idle=HOUR)))
    rows = stage.machine.win.rows
    stage.machine.win.rows = [(*r[:2], 0, *r[3:6], "RDP-Tcp#9", *r[7:]) if r[:2] == ("session", 5) else r for r in rows]

    done = await stage.approve(request)

    assert told(done)["5"].startswith("left alone it was used again")
    assert stage.machine.done == []


async def test_everyone(stage: WindowsStage) -> None:
    """Everyone is everyone, also whose name can't be typed; Kickbot's own login is none of them."""
    stage.allow(Act.EVERYONE)
    stage.machine.win.session(7, "Jörg Müller", UMLAUT)

    done = await stage.approve(await stage.ask(kick("everyone", me=True)))

    assert told(done) == {"3": "ended", "5": "ended", "7": "ended", "ssh-5000": "ended"}
    assert stage.machine.session_ids() == []


async def test_a_sweep_ends_who_is_disconnected(stage: WindowsStage) -> None:
    """By itself, after its time to be stopped: who is connected, or whose idleness nobody knows, stays."""
    stage.allow(Act.EVERYONE, sweeps=(make.series(action="end", hosts=("win1",), idle=HOUR),))

    done = await stage.wait(await at_its_time(stage))

    assert told(done) == {"5": "ended"}
    assert stage.machine.done == ["logoff 5 0"]
    assert stage.machine.session_ids() == [3]


async def test_processes_ends_no_more_than_the_sessions(stage: WindowsStage) -> None:
    """As README says: what runs of the account elsewhere stays, and is shown."""
    stage.allow(Act.PROCESSES)
    stage.machine.win.rows.append(("process", 7_777, 700, filetime(DAY), 0, ALICE, "job.exe", "job.exe"))

    done = await stage.approve(await stage.ask(kick(processes=True)))

    assert told(done) == {"3": "ended", "ssh-5000": "ended"}
    assert "terminate 7777" not in stage.machine.done


async def test_only_a_service_of_the_account(stage: WindowsStage) -> None:
    """What can't be ended there is not offered: no word would help."""
    stage.machine.win.rows += [
        ("process", 7_777, 700, filetime(DAY), 0, MAX, "job.exe", "job.exe"),
        ("logon", 0, "max", "WIN1", MAX),
    ]

    done = await stage.ask(kick("max"))

    assert "1 process runs outside of any session on win1: Kickbot can't end them there." in done.reason

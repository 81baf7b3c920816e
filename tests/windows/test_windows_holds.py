"""Holds on Windows in the story of a request: first the hold, then the log-off; given back in time by whoever can."""

import pytest

from bot import events
from bot.models import Act, RequestId, Unhold
from bot.request import Request
from bot.states import State
from tests.windows.scenes import ALICE, MAX, NETBIOS, NEVER, UMLAUT
from tests.windows.scheduler import run_tasks, tasks
from tests.windows.standin import Scene
from tests.windows.windows_stage import WindowsStage, kick, told

TWO_HOURS = 7200


async def held(stage: WindowsStage, request: Request) -> Request:
    """Its one hold."""
    begun = await stage.trail.requests(limit=100)
    (found,) = [r[0].request for r in begun if isinstance(r[0].event, events.Held)]
    return await stage.request(RequestId(found))


def scene(stage: WindowsStage) -> Scene:
    return Scene(stage.machine.folder / "scene", stage.machine.win.rows)


async def test_first_the_hold_then_the_end(stage: WindowsStage) -> None:
    """The account has expired before its sessions end; two hours later it is as it was, and a look proved it."""
    done = await stage.approve(await stage.ask(kick(hold=TWO_HOURS)))
    assert told(done) == {"3": "ended", "ssh-5000": "ended"}
    assert stage.machine.done == ["expires alice 172800", "logoff 3 0", "terminate 5000", "terminate 5100"]

    over = await stage.wait(await held(stage, done))

    assert over.state is State.RELEASED
    assert over.released is not None
    assert (over.released.how, over.released.by) == ("given", "kickbot")
    assert over.released.after is not None
    assert (over.released.after.record, over.released.after.expiry) == ("", "")
    assert stage.machine.done[-1] == f"expires alice {NEVER}"
    assert tasks(scene(stage)) == []


async def test_the_host_was_first(stage: WindowsStage) -> None:
    """Kickbot was dead, and the machine's own task gave back: Kickbot finds that, and says who it was."""
    done = await stage.approve(await stage.ask(kick(hold=TWO_HOURS)))
    hold = await held(stage, done)
    assert hold.due is not None
    stage.clock.now = hold.due
    stage.machine.session_ids()  # its clock goes with the stage's
    run_tasks(stage.machine.program, scene(stage))

    over = await stage.wait(hold)

    assert over.released is not None
    assert (over.released.how, over.released.by) == ("given", "host")


async def test_who_is_not_logged_in_is_kept_out_too(stage: WindowsStage) -> None:
    """Nothing is there to end: the host is asked whose that name is, spaces and umlauts and all."""
    stage.machine.win.account("Jörg Müller", UMLAUT)
    await stage.approve(await stage.ask(kick("jörg müller", hold=TWO_HOURS)))

    assert stage.machine.done == [r"expires J\u00f6rg M\u00fcller 172800"]


async def test_an_account_of_a_domain_is_not_held(stage: WindowsStage) -> None:
    """It can be disabled in its directory alone: nothing was ended, and it is said what to do."""
    stage.machine.win.session(7, "max", MAX, domain=NETBIOS)
    done = await stage.approve(await stage.ask(kick(r"corp\max", hold=TWO_HOURS)))

    assert "disable it in its directory, by hand" in told(done)["7"]
    assert stage.machine.done == []


async def test_two_people_give_back_before_the_time(stage: WindowsStage) -> None:
    """As everywhere: one asks, another one agrees."""
    stage.allow(Act.HOLD, Act.UNHOLD)
    done = await stage.approve(await stage.ask(kick(hold=TWO_HOURS)))
    for who in ("U0ALICE", "U0CAROL"):
        (hold,), _ = await stage.workflow.unhold(stage.origin(who), Unhold(user="alice", hosts=("win1",)))
    over = await stage.workflow.drive(hold.id)

    assert over.state is State.RELEASED
    assert done.at <= over.at < done.at.replace(hour=done.at.hour + 1)


@pytest.mark.parametrize("groups", ["", "S-1-5-21-1-2-3-2000"])
async def test_whom_a_rule_spares(stage: WindowsStage, groups: str) -> None:
    """Where everyone goes, members of a spared group stay: by their token, or by the group's own list."""
    stage.allow(Act.EVERYONE, spare_groups=("oncall",))
    members = "" if groups else ALICE
    stage.machine.win.rows += [("group", "oncall", "S-1-5-21-1-2-3-2000", members), ("token", 3_003, groups)]

    done = await stage.approve(await stage.ask(kick("everyone", me=True)))

    assert told(done) == {"5": "ended"}
    assert {(k.user, k.why) for k in done.plan.kept if k.user == "alice"} == {  # type: ignore[union-attr]
        ("alice", "the account is in the group oncall")
    }

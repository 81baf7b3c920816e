"""What a look still shows of a login that logind never knew, once its sshd and its shell are gone. Pure.

Kernel sessions are how it is known again: what is left of one keeps its dead leader's pid as the session's number.
"""

from typing import Any

import pytest

from bot import outcomes, planning, presence
from bot.models import Pinned, Process, Result, Rung, Session, Target
from tests import make

SHELL = make.process(500, "bash", kernel_session=500, terminal="pts/3")
NOHUP = make.process(501, "nohup", parent=500, kernel_session=500)
LADDER = (Rung(name="hangup"), Rung(name="signal"))


def login(*processes: Process, **changes: Any) -> Session:
    """A login by sshd alone: its own process 400, a shell that leads the kernel session 500, and more."""
    sshd = make.process(400, "sshd", uid=0, user="root", kernel_session=400)
    values: dict[str, Any] = {
        "identity": "ssh-400:400:4000",
        "source": "sshd",
        "state": "unlisted",
        "leader": 400,
        "processes": (sshd, *(processes or (SHELL, NOHUP))),
        "ladder": LADDER,
        "leaders": (Pinned(pid=400, start="4000"), Pinned(pid=500, start="5000")),
    }
    return make.session("ssh-400", **{**values, **changes})


def target(session: Session | None = None) -> Target:
    plan = planning.make(make.kick(), [make.snapshot(session or login())], make.policy())
    return plan.targets[0]


def left(*outside: Process, aim: Target | None = None, **changes: Any) -> list[int] | None:
    """The pids that are left of the login after its sshd and its shell are gone."""
    found = presence.left(aim or target(), make.snapshot(outside=outside, **changes))
    return None if found is None else [p.pid for p in found]


# ------------------------------------------------------------------------------------------------ not what is left


@pytest.mark.parametrize(
    "other",
    [
        make.process(700, kernel_session=700),
        make.process(700, kernel_session=0),
        make.process(501, "other", start="9999", kernel_session=900),
        make.process(700, kernel_session=500, uid=1002, user="alice"),
        make.process(700, kernel_session=500, uid=0, user="root"),
    ],
    ids=["another session", "none", "reused pid", "someone else's with the number", "root's with the number"],
)
def test_what_is_not_of_the_login(other: Process) -> None:
    """Another kernel session, a reused pid, or someone else in a session with a reused number, is not of the login."""
    assert left(other) is None


def test_a_kernel_session_with_a_new_leader_is_another_one() -> None:
    """Where the dead shell's pid leads a session again, with another start, nothing in that session is of the login."""
    new = make.process(500, "bash", start="9000", kernel_session=500)
    assert left(new, make.process(501, parent=500, start="9001", kernel_session=500)) is None


@pytest.mark.parametrize("changes", [{"boot": "boot-2"}, {"host_key": "SHA256:other"}])
def test_another_boot_or_machine_has_nothing_of_the_login(changes: dict[str, Any]) -> None:
    """The same numbers in another boot, or on another machine, prove nothing."""
    assert left(NOHUP, **changes) is None


def test_a_logind_session_has_no_such_rest() -> None:
    """Where logind knows the session its scope tells all: kernel sessions don't count."""
    there = make.snapshot(make.session("7", processes=(SHELL, NOHUP)))
    (aim,) = planning.make(make.kick(), [there], make.policy()).targets
    assert aim.leaders == ()
    assert left(NOHUP, aim=aim) is None


# ------------------------------------------------------------------------------------------------ what is left


def test_what_its_kernel_sessions_still_hold_is_left() -> None:
    """A nohup survives its shell: it is of the login by the number of its kernel session."""
    assert left(NOHUP.model_copy(update={"parent": 1})) == [501]


def test_what_descends_from_it_is_left() -> None:
    """Children of what is left, in a kernel session of their own, are of the login too."""
    nohup = NOHUP.model_copy(update={"parent": 1})
    assert left(make.process(502, parent=501, kernel_session=502), nohup) == [501, 502]


def test_other_peoples_processes_of_the_login_are_pinned() -> None:
    """Root's process inside the login is known again by pid and start, wherever it is listed."""
    roots = make.process(510, "backup", uid=0, user="root", kernel_session=500)
    aim = target(login(SHELL, roots))
    assert Pinned(pid=510, start="5100") in aim.leaders
    assert left(aim=aim, orphans=(roots.model_copy(update={"parent": 1}),)) == [510]


def test_a_rest_is_tried_to_be_ended() -> None:
    """The login is gone from the list, but not its nohup: the next rung is taken for it."""
    plan = make.plan(make.snapshot(login()))
    request = make.request(*make.approved_story(make.snapshot(login())))
    after = make.snapshot(outside=(NOHUP.model_copy(update={"parent": 1}),))
    step = planning.next_step(request, [after])
    assert step is not None
    assert step.target == plan.targets[0]


def test_a_rest_has_survived() -> None:
    """While anything of it runs, the login has not ended: the outcome names the process."""
    story = (*make.approved_story(make.snapshot(login())), *make.tried(make.step(target(), "hangup")))
    after = make.snapshot(outside=(NOHUP.model_copy(update={"parent": 1}),))
    (outcome,) = outcomes.judge(make.request(*story), [after])
    assert outcome.result is Result.SURVIVED
    assert [p.pid for p in outcome.lives_on] == [501]


def test_the_rest_of_a_login_at_its_terminal_is_no_new_login() -> None:
    """What is left may look like a login at a terminal: it is not reported as someone who came back."""
    rest = make.session(
        "pts/3",
        identity="pts/3:501:5010",
        source="terminal",
        leader=501,
        processes=(NOHUP.model_copy(update={"parent": 1}),),
    )
    plan = make.plan(make.snapshot(login()))
    assert presence.newcomers(plan, make.snapshot(rest)) == ()
    assert left(aim=target(), sessions=(rest,)) == [501]

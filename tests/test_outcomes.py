"""The judgement on each target, from looks alone. A wrong "ended" first."""

from typing import Any

import pytest

from bot import outcomes
from bot.events import Event
from bot.models import Outcome, Result, Snapshot, Unreachable
from bot.request import Request
from tests import make

THERE = make.snapshot(make.session())
TRIED = make.tried(make.step())
HEIR = make.session("7", identity="logind:7:9999:99999", account=make.account("alice"))
AGAIN = make.session("9", since=make.START, remote="198.51.100.7")


def request(*story: Event, looks: tuple[Snapshot | Unreachable, ...] = (THERE,)) -> Request:
    """An approved request, and what happened since."""
    return make.request(*make.approved_story(*looks), *story)


def judged(look: Snapshot | Unreachable, *story: Event) -> Outcome:
    (outcome,) = outcomes.judge(request(*story), [look])
    assert (outcome.host, outcome.session, outcome.identity) == ("host1", "7", "logind:7:4300:43000")
    return outcome


# ------------------------------------------------------------------------------------------------ never a wrong "ended"


def test_exit_status_proves_nothing() -> None:
    """Exit status 0 with the session still there is `survived`, with what lives on."""
    outcome = judged(THERE, *make.tried(make.step(), exit_status=0))

    assert outcome.result is Result.SURVIVED
    assert outcome.lives_on == THERE.sessions[0].processes
    assert outcome.detail == "it is active"


def test_no_answer() -> None:
    """A host that doesn't answer is `unknown`, never `ended`."""
    outcome = judged(make.unreachable(), *TRIED)

    assert outcome.result is Result.UNKNOWN
    assert outcome.detail == "host1: did not answer within 10 s"


def test_not_looked_at() -> None:
    """A host that wasn't looked at is `unknown`; nor does a look at another host prove anything."""
    for looks in ([], [make.snapshot(host="host2")]):
        (outcome,) = outcomes.judge(request(*TRIED), looks)
        assert outcome.result is Result.UNKNOWN


def test_another_host_key() -> None:
    """An empty list from what may be another machine is `unknown`."""
    outcome = judged(make.snapshot(host_key="SHA256:another"), *TRIED)

    assert outcome.result is Result.UNKNOWN
    assert "another host key" in outcome.detail


def test_another_host_key_after_a_reboot() -> None:
    """A new boot under another host key is `unknown` too: it may be another machine."""
    assert judged(make.snapshot(host_key="SHA256:another", boot="boot-2"), *TRIED).result is Result.UNKNOWN


def test_stray_processes() -> None:
    """Logind forgot the session, and processes are left in its scope: `survived`, with them."""
    stray = make.process(4400, session="7")

    outcome = judged(make.snapshot(outside=(stray,)), *TRIED)

    assert outcome.result is Result.SURVIVED
    assert outcome.lives_on == (stray,)


def test_stray_processes_of_someone_else() -> None:
    """What root or another account left in the scope of the session is what lives on of it."""
    assert judged(make.snapshot(outside=(make.process(4400, uid=1002, session="7"),)), *TRIED).result is Result.SURVIVED


def test_stray_processes_without_a_try() -> None:
    """The same if nothing was done yet: a session that logind forgot isn't gone while its processes live."""
    assert judged(make.snapshot(outside=(make.process(4400, session="7"),))).result is Result.SURVIVED


@pytest.mark.parametrize("changes", [{"session": "8"}, {"session": None}])
def test_processes_of_something_else(changes: dict[str, Any]) -> None:
    """Processes of another session or of none are not the target's."""
    assert judged(make.snapshot(outside=(make.process(4400, **changes),)), *TRIED).result is Result.ENDED


# ------------------------------------------------------------------------------------------------ every result


def test_ended() -> None:
    """Tried, and a complete look doesn't show it any more: `ended`."""
    assert judged(make.snapshot(), *TRIED) == Outcome(
        host="host1", session="7", identity="logind:7:4300:43000", result=Result.ENDED
    )


def test_ended_after_an_unknown_answer() -> None:
    """The same where the host's answer never came: the look decides."""
    assert judged(make.snapshot(), *make.tried(make.step(), "unknown")).result is Result.ENDED


def test_ghost() -> None:
    """Still listed, and no process left: `ghost`."""
    outcome = judged(make.snapshot(make.session(state="closing", processes=())), *TRIED)

    assert outcome.result is Result.GHOST
    assert "closing" in outcome.detail
    assert outcome.lives_on == ()


def test_already_gone() -> None:
    """Gone before anything was done: `already gone`."""
    outcome = judged(make.snapshot())

    assert outcome.result is Result.ALREADY_GONE
    assert "by itself" in outcome.detail


def test_already_gone_when_the_host_refused() -> None:
    """A host that refused to act ended nothing, so what is gone went by itself."""
    assert judged(make.snapshot(), *make.tried(make.step(), "refused", refusal="gone")).result is Result.ALREADY_GONE


def test_id_taken_by_another_login() -> None:
    """Gone by itself, its id taken by another login: `already gone`, naming the other one, which was left alone."""
    outcome = judged(make.snapshot(HEIR))

    assert outcome.result is Result.ALREADY_GONE
    assert outcome.detail == ("it was gone by itself; its id 7 now belongs to another login of alice, left alone")


def test_id_taken_with_its_processes_outside() -> None:
    """A process said to be in session 7 belongs to the new session 7, and doesn't make the old one survive."""
    look = make.snapshot(HEIR, outside=(make.process(4400, session="7"),))

    assert judged(look).result is Result.ALREADY_GONE


def test_returned() -> None:
    """Ended, and the account has logged in again: `returned`, naming the new login."""
    outcome = judged(make.snapshot(AGAIN), *TRIED)

    assert outcome.result is Result.RETURNED
    assert outcome.detail == "audituser logged in again: session 9, 13:31:05 from 198.51.100.7"


def test_new_login_without_a_try() -> None:
    """A new login after nothing was done is no return: the old session is `already gone`."""
    assert judged(make.snapshot(AGAIN)).result is Result.ALREADY_GONE


def test_new_login_beside_a_survivor() -> None:
    """A new login doesn't hide that the target survived."""
    assert judged(make.snapshot(make.session(), AGAIN), *TRIED).result is Result.SURVIVED


def test_reboot() -> None:
    """A reboot ends every session of the boot before, even if the new boot has one with the same id."""
    outcome = judged(make.snapshot(make.session(), boot="boot-2"))

    assert outcome.result is Result.ENDED
    assert "rebooted" in outcome.detail


def test_account_changed() -> None:
    """The same identity under another account is not the target."""
    look = make.snapshot(make.session(account=make.account("alice")))

    assert judged(look, *TRIED).result is Result.ENDED


# ------------------------------------------------------------------------------------------------ newcomers


def test_what_the_plan_kept_is_no_return() -> None:
    """Sessions that the plan left alone do not turn an end into a return."""
    kept = make.session("5", ladder=())
    story = request(*TRIED, looks=(make.snapshot(make.session(), kept),))

    assert [o.result for o in outcomes.judge(story, [make.snapshot(kept)])] == [Result.ENDED]


def test_note() -> None:
    """Logins that came after the plan are named for each host; a quiet or lost host isn't mentioned."""
    looks: make.Looks = [make.snapshot(AGAIN), make.snapshot(host="host2"), make.unreachable("host3")]

    assert outcomes.note(request(*TRIED), looks) == (
        "New on host1, not part of the approval, left alone: session 9, 13:31:05 from 198.51.100.7."
    )


def test_local_newcomer() -> None:
    """A new login without a remote address is named by its id and time."""
    look = make.snapshot(make.session("9", since=make.START, remote=""))

    assert outcomes.note(request(), [look]).endswith("left alone: session 9, 13:31:05.")


def test_no_plan() -> None:
    """Before there is a plan there is nothing to judge."""
    asked = make.request(make.asked())

    assert outcomes.judge(asked, [THERE]) == ()
    assert outcomes.note(asked, [THERE]) == ""


def test_each_target_in_order() -> None:
    """Several targets on several hosts get an outcome each, in the plan's order."""
    looks = (make.snapshot(make.session("7"), make.session("8")), make.snapshot(make.session(), host="host2"))
    first, second, third = make.plan(*looks).targets
    story = request(*make.tried(make.step(first)), *make.tried(make.step(third)), looks=looks)

    after: make.Looks = [make.unreachable("host2"), make.snapshot(make.session("8"))]

    assert [(o.host, o.session, o.result) for o in outcomes.judge(story, after)] == [
        ("host1", "7", Result.ENDED),
        ("host1", "8", Result.SURVIVED),
        ("host2", "7", Result.UNKNOWN),
    ]
    assert second.session == "8"

"""Exactly what was named is planned, and exactly what was approved is done. Ways to widen it first."""

from typing import Any

import pytest

from bot import planning, presence
from bot.canonical import canonical
from bot.events import Event, Verifying
from bot.models import EndSession, HostUptime, Rung, Session, Snapshot, Step, Terminal, Unreachable
from bot.request import Request
from tests import make
from tests.make import LADDER

THERE = make.snapshot(make.session())


def approved(*story: Event, looks: tuple[Snapshot | Unreachable, ...] = (THERE,)) -> Request:
    """A request that was approved after those looks, and what happened since."""
    return make.request(*make.approved_story(*looks), *story)


def target_named(session: Session) -> str:
    """Why the plan keeps this session, or `target`."""
    plan = make.plan(make.snapshot(session), command=make.kick(user=session.account.name))
    return plan.kept[0].why if plan.kept else "target"


def rung_of(step: Step | None) -> tuple[str, int] | None:
    return (step.what, step.attempt) if step else None


# ------------------------------------------------------------------------------------------------ never a target


def test_own_session() -> None:
    """The bot's own connection is never a target, even of a kick of the bot's login."""
    assert "own connection" in target_named(make.session(own=True))


@pytest.mark.parametrize("account", [make.account("root", 0), make.account("toor", 0), make.account("breakglass")])
def test_protected_account(account: Any) -> None:
    """Sessions of uid 0 and of protected logins are never targets."""
    assert target_named(make.session(account=account)) == "the account is protected"


def test_session_that_no_driver_can_end() -> None:
    """A login without a rung, or with none that the command may use, is no target, and says so."""
    assert "can't end" in target_named(make.session(ladder=()))
    assert "can't end" in target_named(make.session(ladder=LADDER[2:]))


def test_sessions_of_others() -> None:
    """Sessions of other accounts are no part of the plan at all, not even of one whose name begins the same."""
    others = (make.session("8", account=make.account("alice")), make.session("9", account=make.account("audituser2")))

    plan = make.plan(make.snapshot(make.session(), *others))

    assert [t.session for t in plan.targets] == ["7"]
    assert plan.kept == ()


def test_only_the_session_that_was_named() -> None:
    """With a session id only that one is a target; the account's others stay, with the reason."""
    looks = (make.snapshot(make.session("7"), make.session("71"), make.session("c7")),)

    plan = planning.make(make.kick(session="7"), looks, make.policy())

    assert [t.session for t in plan.targets] == ["7"]
    assert [(k.session, k.why) for k in plan.kept] == [("71", "it was not asked for"), ("c7", "it was not asked for")]


def test_rungs_are_those_of_the_command() -> None:
    """A target has the rungs whose act was asked for, and no others: `force` is never slipped in."""
    assert make.plan().targets[0].rungs == ("terminate", "kill")


def test_hosts_without_a_target() -> None:
    """A host where the account isn't logged in, and one that gave no answer, are told apart."""
    looks = (THERE, make.snapshot(host="host2"), make.unreachable("host3"))

    plan = make.plan(*looks)

    assert plan.hosts == ("host1",)
    assert plan.untouched == ("host2",)
    assert plan.unreachable == (make.unreachable("host3"),)
    assert plan.on("host1") == plan.targets
    assert plan.on("host2") == ()


# ------------------------------------------------------------------------------------------------ the plan's hash


@pytest.mark.parametrize(
    "changes",
    [
        {"host_key": "SHA256:another"},
        {"boot": "boot-2"},
        {"host": "host2"},
        {"sessions": (make.session(identity="logind:7:4300:43001"),)},
        {"sessions": (make.session(account=make.account(uid=1002)),)},
        {"sessions": (make.session("8", identity="logind:7:4300:43000"),)},
        {"sessions": (make.session(ladder=LADDER[:1]),)},
        {"sessions": (make.session(remote="203.0.113.99"),)},
        {"sessions": (make.session(), make.session("8"))},
        {"sessions": (make.session(), make.session("8", own=True))},
    ],
)
def test_another_plan_has_another_hash(changes: dict[str, Any]) -> None:
    """Whatever differs in what would be done gives another hash: a button for the one is none for the other."""
    look = make.snapshot(**{"sessions": (make.session(),), **changes})

    assert make.plan(look).hash != make.plan(THERE).hash


@pytest.mark.parametrize(
    "changes",
    [
        {"time": make.START.replace(year=2027)},
        {"raw": "something else"},
        {"sessions": (make.session(state="online", processes=()),)},
        {"sessions": (make.session(), make.session("8", account=make.account("alice")))},
    ],
)
def test_same_plan_has_the_same_hash(changes: dict[str, Any]) -> None:
    """What doesn't change what would be done doesn't change the hash: processes, other accounts, the host's clock."""
    look = make.snapshot(**{"sessions": (make.session(),), **changes})

    assert make.plan(look).hash == make.plan(THERE).hash


def test_hash_after_storage() -> None:
    """A plan that was written down and read again has the same hash."""
    plan = make.plan(THERE, make.unreachable("host2"))

    assert type(plan).model_validate_json(canonical(plan)).hash == plan.hash


# ------------------------------------------------------------------------------------------------ no step

CHANGED: list[tuple[str, Snapshot | Unreachable]] = [
    ("gone", make.snapshot()),
    ("unreachable", make.unreachable()),
    ("another host key", make.snapshot(make.session(), host_key="SHA256:another")),
    ("rebooted", make.snapshot(make.session(), boot="boot-2")),
    ("id taken by another login", make.snapshot(make.session(identity="logind:7:9999:99999"))),
    ("account renamed", make.snapshot(make.session(account=make.account("alice")))),
    ("account with another uid", make.snapshot(make.session(account=make.account(uid=1002)))),
    ("the same on another host", make.snapshot(make.session(), host="host2")),
]


@pytest.mark.parametrize("look", [look for _, look in CHANGED], ids=[name for name, _ in CHANGED])
def test_not_what_was_approved(look: Snapshot | Unreachable) -> None:
    """A target that is gone or changed in anything, or a host that doesn't answer, gives no step."""
    request = approved()

    assert planning.next_step(request, [look]) is None
    assert request.plan is not None
    assert presence.remaining(request.plan, [look]) == ()


def test_not_looked_at() -> None:
    """Without any look there is no step."""
    assert planning.next_step(approved(), []) is None


@pytest.mark.parametrize("story", [make.pending(), (*make.approved_story(), make.ending(), make.signalled())])
def test_not_approved_or_not_looked_at_since(story: tuple[Event, ...]) -> None:
    """Before the approval, and after a try until the next look, there is no step."""
    assert planning.next_step(make.request(*story), [THERE]) is None


def test_new_login_is_not_in_the_plan() -> None:
    """A login that came after the plan gets no step, though it is the same account's."""
    look = make.snapshot(make.session("8"))

    assert planning.next_step(approved(), [look]) is None


def test_intent_without_an_answer() -> None:
    """An intent whose answer isn't there is never repeated, also not after a look."""
    request = approved(make.ending(), make.observed("acting"))

    assert planning.next_step(request, [THERE]) is None


def test_verifying_takes_no_step() -> None:
    """Once only looks are left, there is no step."""
    events_after = (make.observed("acting"), *make.tried(make.step()), make.observed("acting"))

    assert planning.next_step(approved(*events_after, Verifying()), [THERE]) is None


# ------------------------------------------------------------------------------------------------ the ladder


def walk(*answers: str) -> list[tuple[str, int] | None]:
    """The steps that follow each other when the target stays alive, given what the host says to each."""
    story: list[Event] = []
    steps: list[tuple[str, int] | None] = []
    for minutes, answer in enumerate((*answers, None)):
        look = THERE.model_copy(update={"uptime": HostUptime(THERE.uptime + minutes * 6000)})
        step = planning.next_step(approved(*story), [look])
        steps.append(rung_of(step))
        if step is None or answer is None:
            return steps
        story += [*make.tried(step, answer), make.observed("acting")]
    return steps


@pytest.mark.parametrize(
    ("answers", "steps"),
    [
        ([], [("terminate", 1)]),
        (["done"], [("terminate", 1), ("kill", 1)]),
        (["done", "done"], [("terminate", 1), ("kill", 1), None]),
        (["unknown"], [("terminate", 1), ("terminate", 2)]),
        (["unknown", "unknown"], [("terminate", 1), ("terminate", 2), ("kill", 1)]),
        (["unknown", "done", "unknown"], [("terminate", 1), ("terminate", 2), ("kill", 1), ("kill", 2)]),
        (["unknown"] * 4, [("terminate", 1), ("terminate", 2), ("kill", 1), ("kill", 2), None]),
        (["refused", "done"], [("terminate", 1), ("terminate", 2), ("kill", 1)]),
        (["refused", "refused"], [("terminate", 1), ("terminate", 2), None]),
    ],
)
def test_ladder(answers: list[str], steps: list[tuple[str, int] | None]) -> None:
    """Each rung is tried once, the politest first; once more if refused or unanswered; refused twice: the end."""
    assert walk(*answers) == steps


def test_a_second_try_waits_until_the_first_one_can_not_start_any_more() -> None:
    """As long as the host's uptime isn't past the deadline of a try without an answer, nothing else is tried there."""
    first = planning.next_step(approved(), [THERE])
    assert first is not None
    tried = approved(*make.tried(first, "unknown"), make.observed("acting"))
    deadline = tried.attempts[0].not_after

    def at(uptime: int) -> Snapshot:
        return THERE.model_copy(update={"uptime": HostUptime(uptime)})

    assert planning.next_step(tried, [at(deadline)]) is None
    assert rung_of(planning.next_step(tried, [at(deadline + 1)])) == ("terminate", 2)


def test_never_a_rung_outside_the_target() -> None:
    """What a session could be ended with now doesn't matter: only the target's own rungs are tried."""
    look = make.snapshot(make.session(ladder=(Rung(name="reboot"),)))

    step = planning.next_step(approved(), [look])

    assert rung_of(step) == ("terminate", 1)


def test_step_names_the_target_exactly() -> None:
    """A step carries the approved target itself."""
    request = approved()

    step = planning.next_step(request, [THERE])

    assert request.plan is not None
    assert step == EndSession(target=request.plan.targets[0], rung="terminate")
    assert step.host == "host1"


def test_a_look_at_another_host_does_not_count() -> None:
    """A try waits for a look at its own host: one at another host releases nothing."""
    looks = (THERE, make.snapshot(make.session(), host="host2"))
    tried = approved(
        *make.tried(make.step(make.plan(*looks).targets[0])), make.observed("acting", looks[1]), looks=looks
    )

    step = planning.next_step(tried, looks)

    assert step is not None
    assert step.host == "host2"
    assert planning.next_step(tried, looks[:1]) is None


def test_targets_one_after_the_other() -> None:
    """Every target gets its first step, though another one was tried and not looked at since."""
    look = make.snapshot(make.session("7"), make.session("8"))
    first, second = make.plan(look).targets

    request = approved(*make.tried(make.step(first)), looks=(look,))

    step = planning.next_step(request, [look])
    assert step is not None
    assert step.target == second


def test_host_that_is_lost_stops_no_other() -> None:
    """A host that doesn't answer any more keeps no other host's targets waiting."""
    looks = (THERE, make.snapshot(make.session(), host="host2"))

    step = planning.next_step(approved(looks=looks), [make.unreachable("host1"), looks[1]])

    assert step is not None
    assert step.host == "host2"


# ------------------------------------------------------------------------------------------------ in words


def test_why_nothing() -> None:
    """A plan without targets says for each host why."""
    looks = (
        make.snapshot(host="web01"),
        make.snapshot(host="web02"),
        make.snapshot(make.session(own=True), host="host1"),
        make.unreachable("host9"),
    )

    assert planning.why_nothing(make.kick(), make.plan(*looks)) == (
        "audituser is not logged in on web[01-02]."
        " Session 7 of audituser on host1 stays: it is Kickbot's own connection."
        " host9 did not answer within 10 s. Nothing is known about its sessions."
    )


def test_why_nothing_names_a_session_that_does_not_exist() -> None:
    """A mistyped session id is named, with those that are there."""
    command = make.kick(session="99")

    told = planning.why_nothing(command, planning.make(command, [make.snapshot(make.session("7"))], make.policy()))

    assert told == "audituser has no session 99 there, only 7 on host1."


def test_why_nothing_calls_nobody() -> None:
    """What a host prints instead of an answer stands in a sentence in which Kickbot itself could mention people."""
    lost = make.unreachable(reason="gave no complete answer: it was cut (<@U0EVE> <!subteam^S0LEADS>)")
    assert "<" not in planning.why_nothing(make.kick(), make.plan(lost))


def test_why_nothing_never_says_that_a_lost_host_is_empty() -> None:
    """Of a host that gave no answer it is never said that the account isn't logged in."""
    assert "not logged in" not in planning.why_nothing(make.kick(), make.plan(make.unreachable()))


@pytest.mark.parametrize(
    ("changes", "summary"),
    [
        ({}, "pts/3, from 203.0.113.10"),
        ({"remote": ""}, "pts/3"),
        ({"terminals": ()}, "sshd, no terminal, from 203.0.113.10"),
        ({"terminals": (), "service": "", "remote": ""}, "no service, no terminal"),
        ({"terminals": (Terminal(name="pts/1"), Terminal(name="pts/2")), "remote": ""}, "pts/1, pts/2"),
    ],
)
def test_summary(changes: dict[str, Any], summary: str) -> None:
    """A target is summed up by its terminals, or its service, and where it comes from."""
    assert make.plan(make.snapshot(make.session(**changes))).targets[0].summary == summary

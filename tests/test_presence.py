"""What one look shows of targets and of the account: never more than is there, and nothing of a later login. Pure.

What is left of a login that logind never knew stands in test_leftovers.
"""

from typing import Any

import pytest

from bot import planning, presence
from bot.models import Pinned, Snapshot, Target
from tests import make

SESSION = make.session()
THERE = make.snapshot(SESSION, ladder=make.ACCOUNT_LADDER)
UNLISTED = make.session(
    "ssh-400",
    identity="ssh-400:400:4000",
    source="sshd",
    leader=400,
    processes=(make.process(400, "sshd", kernel_session=400),),
    leaders=(Pinned(pid=400, start="4000"),),
)


def account(look: Snapshot) -> Target:
    """The target that is every process of the account."""
    return planning.make(make.kick(processes=True), [look], make.policy()).accounts[0]


# ------------------------------------------------------------------------------------------------ what is left

LOOKS = {
    "all of it": THERE,
    "nothing": make.snapshot(),
    "another boot": THERE.model_copy(update={"boot": "boot-2"}),
    "another machine": THERE.model_copy(update={"host_key": "SHA256:another"}),
    "only listed": make.snapshot(make.session(processes=())),
    "its id with another login": make.snapshot(make.session(identity="logind:7:9999:99999")),
    "another account": make.snapshot(make.session(account=make.account("alice", 1002))),
    "forgotten with a process in its scope": make.snapshot(outside=(make.process(session="7"),)),
    "a process outside": make.snapshot(outside=(make.process(4400),)),
    "an unlisted login": make.snapshot(UNLISTED),
    "the rest of an unlisted login": make.snapshot(outside=(make.process(401, parent=1, kernel_session=400),)),
    "its rest beside its entry": make.snapshot(
        UNLISTED.model_copy(update={"processes": ()}), outside=(make.process(401, kernel_session=400),)
    ),
}
TARGETS = {
    "session": make.plan(THERE).targets[0],
    "unlisted login": make.plan(make.snapshot(UNLISTED)).targets[0],
    "account": account(THERE),
}


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_something_is_left_if_the_long_way_finds_it(target: Target, look: Snapshot) -> None:
    """Whether anything is left is the same question as what is left, answered sooner."""
    assert presence.is_left(target, look) is (presence.left(target, look) is not None)


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        ("session", {"all of it", "only listed", "forgotten with a process in its scope"}),
        ("unlisted login", {"an unlisted login", "the rest of an unlisted login", "its rest beside its entry"}),
    ],
)
def test_what_counts_as_left_of_a_login(name: str, seen: set[str]) -> None:
    """A login is left while it is listed, or while something of it runs; on its machine, in its boot, as itself."""
    assert {shown for shown, look in LOOKS.items() if presence.is_left(TARGETS[name], look)} == seen


def test_remaining_targets_are_those_of_the_newest_look_at_their_host() -> None:
    """Of two looks at a host the later one counts; a host that gave no answer shows nothing."""
    looks = (THERE, make.snapshot(make.session(), host="host2"), make.snapshot(make.session(), host="host3"))
    plan = make.plan(*looks)

    found = presence.remaining(plan, [*looks, make.snapshot(), make.unreachable("host3")])

    assert [target.host for target in found] == ["host2"]


# ------------------------------------------------------------------------------------------------ whole accounts


def test_every_process_of_an_account_by_either_user_id() -> None:
    """Inside its sessions, outside, in other people's sessions, its managers, and what it runs as another user."""
    su = make.process(600, "su", uid=0, user="root", real_uid=1001)
    others = make.session("9", account=make.account("opsuser", 1009), identity="9", processes=(make.process(610),))
    manager = make.process(620, "systemd")
    look = make.snapshot(SESSION, others, outside=(su,), managers=(manager,), ladder=make.ACCOUNT_LADDER, uptime=1)
    found = presence.left(account(look), look)
    assert found is not None
    assert sorted(p.pid for p in found) == [600, 610, 620, 4301]


def test_a_later_login_and_its_manager_are_not_of_the_target() -> None:
    """A login that came after the plan is left alone, and so is the manager that serves it."""
    later = make.session("15", identity="15", processes=(make.process(700),))
    now = make.snapshot(later, outside=(make.process(701),), managers=(make.process(620, "systemd"),))
    found = presence.left(account(THERE), now)
    assert found is not None
    assert [p.pid for p in found] == [701]


# ------------------------------------------------------------------------------------------------ who else is there


def test_what_the_plan_kept_is_no_newcomer() -> None:
    """Sessions that the plan left alone, the bot's own and other accounts' are no new logins; any other is one."""
    kept = make.session("5", ladder=())
    new = make.session("9")
    others = (make.session("6", own=True), make.session("8", account=make.account("alice")))

    assert presence.newcomers(make.plan(make.snapshot(SESSION, kept)), make.snapshot(kept, *others, new)) == (new,)


@pytest.mark.parametrize(
    ("changes", "number"),
    [({}, 0), ({"processes": (make.process(1), make.process(2), make.process(3, user="alice"))}, 2)],
    ids=["none", "two of three"],
)
def test_inside_others(changes: dict[str, Any], number: int) -> None:
    """Other people's sessions are named with how many processes of the account work in them; its own are not."""
    alices = make.session("8", account=make.account("alice", 1002), **{"processes": (), **changes})

    found = presence.inside_others("audituser", make.snapshot(SESSION, alices))

    assert found == (((alices, number),) if number else ())

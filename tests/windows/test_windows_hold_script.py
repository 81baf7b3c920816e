"""Holds on Windows, by the script's C# run for real: what it does to accounts, what stays, and who gives back."""

import os
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread

import pytest

from bot.models import Account, AccountState, Answer, Ended, Hold, Release, ShowHold, Step, Target
from tests.windows.asked import Ask, Asked, refused
from tests.windows.scenes import ALICE, BOB, DAY, HOUR, MAX, NETBIOS, NEVER, NOW, OPS, Win, filetime
from tests.windows.scheduler import run_tasks, tasks

ID = "42-3f9c81d2aabbccdd"
LATER = NOW + timedelta(hours=2)
HELD = 172_800
ADMINISTRATOR = "S-1-5-21-1004336348-1177238915-682003330-500"
NEXT_YEAR = int(datetime(2027, 6, 30, 22, tzinfo=UTC).timestamp())


def win() -> Win:
    """alice, whose account has no end, bob, whose account has one, and max, who is disabled."""
    host = Win().account("Alice", ALICE).account("bob", BOB, expires=NEXT_YEAR)
    return host.account("Max Mustermann", MAX, disabled=True).account("Administrator", ADMINISTRATOR)


def target(sid: str = ALICE) -> Target:
    return Target.model_validate(
        {
            "kind": "account",
            "host": "win1",
            "host_key": "SHA256:win1",
            "boot": str(Win().boot),
            "session": "",
            "identity": "",
            "account": Account(name="alice", uid=int(sid.rpartition("-")[2]), sid=sid),
            "summary": "",
            "rungs": (),
        }
    )


def hold(sid: str = ALICE, *, name: str = ID, there: datetime = LATER) -> Hold:
    return Hold(target=target(sid), id=name, until=there, there=there)


def release(sid: str = ALICE, *, name: str = ID) -> Release:
    return Release(target=target(sid), id=name)


def show(sid: str = ALICE) -> ShowHold:
    return ShowHold(target=target(sid), id=ID)


def ended(answer: Answer) -> str:
    assert answer.ended is not None
    return f"{answer.ended.now}: {answer.ended.how} by {answer.ended.by}".removesuffix(":  by ")


def expires(host: Asked, sid: str = ALICE) -> int:
    """When that account expires, in seconds since 1970."""
    path = Path(f"{host.scene.path}.expires.{sid}")
    own = next(int(row[3]) for row in win().rows if row[0] == "account" and row[2] == sid)  # type: ignore[call-overload]
    return int(path.read_text()) if path.exists() else own


def by_hand(host: Asked, when: int, sid: str = ALICE) -> None:
    Path(f"{host.scene.path}.expires.{sid}").write_text(f"{when}\n")


def left(host: Asked) -> list[str]:
    """What of holds is left on the host, but for the lines that tell of their ends."""
    kept = {path.name for path in (host.scene.windows / "Kickbot").glob("*")} - {"lock", "ended"}
    return sorted([*kept, *(task.name for task in tasks(host.scene))])


def later(host: Asked, seconds: int = 2 * HOUR) -> Asked:
    """The same host, so much later."""
    text = host.scene.path.read_text()
    host.scene.path.write_text(text.replace(f"now\t{filetime()}", f"now\t{filetime(-seconds)}"))
    return host


@pytest.fixture
def host(ask: Ask) -> Asked:
    return ask(win())


# ------------------------------------------------------------------------------------------------ hold and release


def test_a_hold_and_its_end(host: Asked) -> None:
    """Held: record, task, then the expiry. Given back: nothing of it is left, and the account is as it was."""
    begun = host.act(hold())
    (task,) = tasks(host.scene)
    during = expires(host)
    over = host.act(release())

    assert begun.command == "NetUserSetInfo Alice: expires 1970-01-03 00:00:00"
    assert begun.before == AccountState(where="local")
    assert begun.after == AccountState(where="local", expiry="1970-01-03 00:00:00 UTC", timer="task", record=ID)
    assert (during, task.due) == (HELD, LATER)
    assert (task.repeats, task.after_a_boot, task.when_missed) == ("PT1M", True, True)
    assert (over.ended, over.after) == (Ended(now="given", how="given", by="kickbot", at=NOW), begun.before)
    assert over.command == "NetUserSetInfo Alice: never expires"
    assert (expires(host), left(host)) == (NEVER, [])


def test_an_expiry_of_its_own(host: Asked) -> None:
    """An account that had an end keeps it, to the second."""
    begun = host.act(hold(BOB))
    host.act(release(BOB))

    assert begun.before == AccountState(where="local", expiry="2027-06-30 22:00:00 UTC")
    assert expires(host, BOB) == NEXT_YEAR


def test_a_disabled_account(host: Asked) -> None:
    """That an account is disabled is none of a hold's business: it was, and it stays so."""
    begun, over = host.act(hold(MAX)), host.act(release(MAX))

    assert begun.before == over.after == AccountState(where="local", disabled=True)
    assert host.scene.done == ["expires Max Mustermann 172800", f"expires Max Mustermann {NEVER}"]


def test_the_task_gives_back(host: Asked) -> None:
    """Kickbot is dead: at its time the machine's own task gives back, and says later that it did."""
    host.act(hold())
    run_tasks(host.program, host.scene)
    early = expires(host)
    run_tasks(host.program, later(host).scene)

    assert (early, expires(host), left(host)) == (HELD, NEVER, [])
    assert ended(host.act(release())) == "already: given by host"
    assert ended(host.act(show())) == "shown: given by host"


def test_asked_twice(host: Asked) -> None:
    """An answer got lost, and it is asked again: what was there before stays known."""
    host.act(hold())
    again = host.act(hold())

    assert (again.status, again.command) == ("done", "nothing: it is held already")
    host.act(release())
    assert expires(host) == NEVER
    assert host.scene.done == ["expires Alice 172800", f"expires Alice {NEVER}"]


def test_a_second_hold(host: Asked) -> None:
    """Else the second one would remember the first as what was there before."""
    host.act(hold())
    second = host.act(hold(name="43-aa"))

    assert (second.refusal, second.output) == ("unable", f"Alice is held there already, by {ID}")
    assert ended(host.act(release(name="43-aa"))) == "already"
    assert expires(host) == HELD


def test_a_hold_that_is_over(host: Asked) -> None:
    """A step that arrives late can't hold an account that was given back."""
    host.act(hold())
    host.act(release())

    assert host.act(hold()).output == "that hold is over already"
    assert expires(host) == NEVER


@pytest.mark.parametrize("when", [NEXT_YEAR, NEVER])
def test_changed_by_hand(host: Asked, when: int) -> None:
    """Whatever somebody made of it meanwhile stays, and that is told."""
    host.act(hold())
    by_hand(host, when)

    assert ended(host.act(release())) == "changed: changed by kickbot"
    assert (expires(host), left(host)) == (when, [])


def test_disabled_by_hand(host: Asked) -> None:
    """Who was disabled for good while Kickbot held them stays disabled, and their expiry is given back."""
    host.act(hold())
    text = host.scene.path.read_text()
    host.scene.path.write_text(text.replace(f"Alice\t{ALICE}\t{NEVER}\t513", f"Alice\t{ALICE}\t{NEVER}\t515"))
    over = host.act(release())

    assert ended(over) == "given: given by kickbot"
    assert over.after == AccountState(where="local", disabled=True)


def test_the_account_is_gone(host: Asked) -> None:
    """Deleted meanwhile: nothing is left to give back, and the hold is over."""
    host.act(hold())
    text = host.scene.path.read_text()
    host.scene.path.write_text(text.replace("account\tAlice", "forgotten\tAlice"))

    assert ended(host.act(release())) == "changed: changed by kickbot"
    assert left(host) == []


def test_it_can_not_be_given_back(host: Asked) -> None:
    """Windows refuses: nothing is forgotten, and it is tried again."""
    host.act(hold())
    text = host.scene.path.read_text()
    host.scene.path.write_text(text + "fail\tNetUserSetInfo\t5\n")
    failed = host.act(release())
    host.scene.path.write_text(text)

    assert (ended(failed), failed.output, expires(host)) == ("failed", "error 5", HELD)
    assert ended(host.act(release())) == "given: given by kickbot"


def test_kickbot_and_the_task_meet(host: Asked) -> None:
    """The task is in the middle of it, and Kickbot comes: it waits, finds it done, and changes nothing."""
    host.act(hold())
    later(host)
    answers: list[Answer] = []
    task = Thread(target=run_tasks, args=(host.program, host.scene), kwargs={"stop_at": 6})
    bot = Thread(target=lambda: answers.append(host.act(release())))
    task.start()
    pid = int(seen(host, "signalled ").split(" ")[1])
    assert (host.scene.windows / "Kickbot" / ALICE / "releasing").exists()
    assert expires(host) == HELD
    bot.start()
    seen(host, "waits")
    os.kill(pid, signal.SIGCONT)
    task.join()
    bot.join()

    assert host.scene.done == ["expires Alice 172800", f"expires Alice {NEVER}"]
    assert ended(answers[0]) == "already: given by host"


def seen(host: Asked, beginning: str) -> str:
    """What was noted of the script itself, once it is."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if found := next((line for line in host.scene.noted if line.startswith(beginning)), ""):
            return found
        time.sleep(0.02)
    raise TimeoutError(beginning)


# ------------------------------------------------------------------------------------------------ refused


@pytest.mark.parametrize(
    ("step", "why"),
    [
        (hold(ADMINISTRATOR), "its last way in"),
        (hold(there=NOW - timedelta(seconds=1)), "its time is over, or too far away"),
        (hold(there=NOW + timedelta(days=9)), "its time is over, or too far away"),
    ],
)
def test_unable(host: Asked, step: Step, why: str) -> None:
    """What can't be held, or not so long, is refused with why."""
    answer = host.act(step)

    assert answer.refusal == "unable"
    assert why in answer.output
    assert (host.scene.done, left(host)) == ([], [])


def test_an_account_of_a_domain(ask: Ask) -> None:
    """It is disabled where it is known, by hand: here nothing would give it back."""
    host = ask(Win().account("erika", BOB, domain=NETBIOS))
    answer = host.act(hold(BOB))

    assert answer.refusal == "unable"
    assert answer.output == r"CORP\erika is no account of the machine itself: disable it in its directory, by hand"
    assert host.scene.done == []


def test_a_domain_controller(ask: Ask) -> None:
    """There Windows' own functions would change the account for the whole domain."""
    controller = Win().account("erika", BOB, domain=NETBIOS)
    controller.rows.append(("account", "erika", BOB, NEVER, 0x201, "WIN1"))

    assert ask(controller).act(hold(BOB)).refusal == "unable"


def test_never_its_own(host: Asked) -> None:
    """Kickbot's own account is never held."""
    assert host.act(hold(OPS)) == refused("forbidden")


def test_nobody_there(host: Asked) -> None:
    """An account that is gone by now is told so."""
    assert host.act(hold("S-1-5-21-1-2-3-1009")) == refused("gone")


@pytest.mark.parametrize("step", [hold(), release(), show()])
def test_too_late(host: Asked, step: Step) -> None:
    """After its deadline, by the host's uptime, nothing starts any more."""
    assert host.act(step, not_after=3 * DAY * 100 - 1) == refused("late")
    assert left(host) == []


def test_nothing_that_would_give_back(host: Asked) -> None:
    """Where the scheduler takes no task, the account isn't taken either."""
    host.scene.tasks.mkdir()
    (host.scene.tasks / "refuses").touch()

    answer = host.act(hold())

    assert answer.output == "has nothing that would give it back if Kickbot were dead"
    assert (host.scene.done, left(host)) == ([], [])


def test_no_scheduler(host: Asked) -> None:
    """The same where its program is not there at all."""
    (host.scene.windows / "System32" / "schtasks.exe").unlink()

    assert host.act(hold()).output == "has nothing that would give it back if Kickbot were dead"
    assert (host.scene.done, left(host)) == ([], [])


def test_windows_says_no(host: Asked) -> None:
    """No expiry, no hold: refused with its code, and nothing is left."""
    host.scene.path.write_text(host.scene.path.read_text() + "fail\tNetUserSetInfo\t5\n")

    answer = host.act(hold())

    assert (answer.refusal, answer.output) == ("unable", "could not hold Alice: error 5")
    assert (expires(host), left(host)) == (NEVER, [])


def test_a_record_that_was_cut(host: Asked) -> None:
    """It was never finished, so the account was never touched: the task clears it away, or a new hold does."""
    host.act(hold())
    record = host.scene.windows / "Kickbot" / ALICE / "record"
    by_hand(host, NEVER)
    record.write_text(record.read_text()[:-3])

    assert host.act(hold(name="43-aa")).status == "done"
    assert ended(host.act(release(name="43-aa"))) == "given: given by kickbot"
    assert (expires(host), left(host)) == (NEVER, [])


# ------------------------------------------------------------------------------------------------ kill -9


def deaths(host: Asked, act: Callable[[int], bytes], after: Callable[[], None], before: Callable[[], None]) -> int:
    """Killed at each moment at which something changes, one after the other. How many there were.

    act: killed there; its answer is empty unless it came to its end first. before, after: around it.
    """
    at = 0
    while True:
        at += 1
        before()
        if act(at):
            return at - 1
        after()
        assert (expires(host), left(host)) == (NEVER, [])
        for path in (host.scene.windows / "Kickbot").glob("*"):
            path.unlink()  # so that the same hold can be asked for again


def test_killed_while_it_holds(host: Asked) -> None:
    """Kill -9 at any moment of a hold: the task gives back at its time, or there is nothing to give back."""

    def after() -> None:
        run_tasks(host.program, later(host).scene)
        assert ended(host.act(release())).split(":")[0] in {"already", "never"}

    begun = host.scene.path.read_text()

    def before() -> None:
        host.scene.path.write_text(begun)

    assert deaths(host, lambda at: host.ask(hold(), die_at=at), after, before) > 8


def test_killed_while_it_gives_back(host: Asked) -> None:
    """Kill -9 at any moment of the end: who comes next finishes it, and it is told as given, once."""

    def after() -> None:
        assert ended(host.act(release())).split(": ")[1].split(" ")[0] == "given"
        assert (host.scene.windows / "Kickbot" / "ended").read_text().count(ID) == 1
        run_tasks(host.program, host.scene)

    def before() -> None:
        assert host.act(hold()).status == "done"

    assert deaths(host, lambda at: host.ask(release(), die_at=at), after, before) > 8

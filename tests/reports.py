"""A trail worth a report, for the tests of the report: what stands in it is as hostile as hosts and people can be."""

from datetime import datetime, timedelta
from pathlib import Path

from bot.audit.notary import Notary
from bot.audit.signing import Signer
from bot.audit.sqlite import SqliteTrail
from bot.events import Approved, Closed, DecisionRefused, Event, Verifying
from bot.models import Outcome, Result
from tests import make

HOSTILE = "</code></table><script>document.title='owned'</script><img src=http://[::1]:9/ onerror=alert(1)>\x1b[31m"


def story(hostile: str) -> list[Event]:
    """A kick from its question to its end."""
    seen = make.snapshot(
        *make.usual_logins()[:2], make.login("12", "alice", uid=1002, runs=("bash", hostile or "tail"))
    )
    plan = make.plan()
    (target, *_) = plan.targets
    intent = make.step(target)
    return [
        make.asked(words=f"audituser host1 because INC-42 {hostile}"),
        make.observed("before", seen, make.unreachable("host2", hostile or "no route to host")),
        make.planned(plan),
        DecisionRefused(who=make.ASKER, action="approve", reason="You asked for this one, so you can't approve it."),
        Approved(
            who=make.APPROVER,
            plan_hash=plan.hash,
            hosts=("host1",),
            complete=True,
            act_by=make.START + timedelta(minutes=9),
        ),
        make.ending(intent),
        make.signalled(intent, command=f"loginctl terminate-session {target.session}", exit_status=0, output=hostile),
        Verifying(),
        make.observed("after", make.snapshot(make.login("12", "alice", uid=1002, runs=("bash", "tail")))),
        Closed(outcomes=(Outcome(host="host1", session="7", identity=target.identity, result=Result.ENDED),)),
    ]


class Times:
    """One event after the other; people take minutes."""

    def __init__(self) -> None:
        self.at = make.START

    def __call__(self) -> datetime:
        self.at += timedelta(seconds=0.7)
        return self.at


async def record(database: Path, key: Path, hostile: str = HOSTILE) -> None:
    """The story, twice."""
    times = Times()
    async with SqliteTrail.open(database, times) as trail:
        for number in "12":
            first = None
            for event in story(hostile):
                if event.kind in {"decision_refused", "approved"}:
                    times.at += timedelta(seconds=40)
                keyed = event.model_copy(update={"key": number}) if first is None else event
                done = await trail.append(first, keyed)
                first = first or done.request
        await Notary(trail, Signer(key), 3600).make()

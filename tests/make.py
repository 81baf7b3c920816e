"""Small builders of core values with good defaults: say only what the test is about. They decide nothing."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from bot import events, lifecycle, planning, sweeping
from bot.events import Attachment, Entry, Event, Record
from bot.inventory import Inventory
from bot.models import (
    Account,
    Act,
    Answer,
    EndSession,
    Host,
    HostLimits,
    HostUptime,
    Kick,
    Outcome,
    Person,
    Plan,
    Process,
    RequestId,
    Rung,
    Series,
    Session,
    Snapshot,
    Step,
    Sweep,
    Target,
    Terminal,
    Unreachable,
    Warn,
)
from bot.policy import Channel, Policy, Rule
from bot.request import Request

START = datetime(2026, 11, 20, 13, 31, 5, tzinfo=UTC)
"""When every story begins, by the trail's clock."""
LOGIN = datetime(2026, 11, 20, 13, 10, tzinfo=UTC)
"""When people logged in, by the hosts' clock."""

LADDER = (Rung(name="terminate"), Rung(name="kill"), Rung(name="force", act=Act.FORCE))
ACCOUNT_LADDER = (
    Rung(name="terminate", act=Act.PROCESSES),
    Rung(name="signal", act=Act.PROCESSES),
    Rung(name="kill", act=Act.FORCE),
)
INCIDENT = "C0INCIDENT"
ASKER, APPROVER, OTHER, OWNER = "U0ALICE", "U0CAROL", "U0DAVE", "U0BOB"

Phase = Literal["before", "warning", "acting", "after"]
Looks = Sequence[Snapshot | Unreachable]


# ---------------------------------------------------------------------------------------------------- hosts


def inventory(*names: str, groups: Iterable[str] = ("prod",)) -> Inventory:
    """Configured hosts, all in the same groups."""
    shared = frozenset(groups)
    return Inventory(hosts={n: Host(name=n, address=f"{n}.example.com", groups=shared) for n in names or ("host1",)})


def with_windows(inventory: Inventory, *names: str) -> Inventory:
    """The same, and these hosts with Windows in no group."""
    hosts = {n: Host(name=n, address=f"{n}.example.com", platform="windows") for n in names}
    return Inventory(hosts={**inventory.hosts, **hosts})


def account(name: str = "audituser", uid: int = 1001) -> Account:
    return Account(name=name, uid=uid)


def process(pid: int = 4301, name: str = "bash", **changes: Any) -> Process:
    """A process of audituser."""
    values = {"parent": 1, "start": str(pid * 10), "uid": 1001, "user": "audituser", "name": name, "command": name}
    return Process.model_validate({"pid": pid, **values, **changes})


def session(id: str = "7", **changes: Any) -> Session:  # noqa: A002 - the session's own word
    """An active login of audituser on pts/3, with one process."""
    values = {
        "identity": f"logind:{id}:4300:43000",
        "account": account(),
        "source": "logind",
        "state": "active",
        "service": "sshd",
        "remote": "203.0.113.10",
        "leader": 4300,
        "since": START - timedelta(hours=1),
        "terminals": (Terminal(name="pts/3", since_key=60, since_output=30),),
        "processes": (process(),),
        "ladder": LADDER,
    }
    return Session.model_validate({"id": id, **values, **changes})


def login(
    id: str,  # noqa: A002 - the session's own word
    user: str = "audituser",
    *,
    uid: int = 1001,
    leader: int = 4200,
    tty: str | None = "pts/3",
    runs: Sequence[str] = ("bash", "vim"),
    **changes: Any,
) -> Session:
    """A whole login: sshd leads it, and each program of `runs` is the child of the one before it."""
    processes = [
        process(pid, name, parent=pid - 1 if pid > leader else 1, uid=uid, user=user, session=id)
        for pid, name in enumerate(("sshd", *runs), leader)
    ]
    if tty:
        processes[-1] = processes[-1].model_copy(update={"foreground": True})
    values = {
        "identity": f"logind:{id}:{leader}:{leader * 10}",
        "account": account(user, uid),
        "leader": leader,
        "since": LOGIN,
        "terminals": (Terminal(name=tty, since_key=720, since_output=3),) if tty else (),
        "processes": tuple(processes),
    }
    return session(id, **{**values, **changes})


def at_rest(session: Session, seconds: int = 3600, tty: str = "pts/3") -> Session:
    """The same login, a day old, with a waiting shell in front of its one terminal, where nothing came for so long."""
    leader = session.processes[0]
    shell = process(
        leader.pid + 1,
        parent=leader.pid,
        uid=session.account.uid,
        user=session.account.name,
        terminal=tty,
        foreground=True,
        command="-bash",
    )
    quiet = Terminal(name=tty, since_key=seconds, since_output=seconds)
    changes = {"terminals": (quiet,), "processes": (leader, shell), "clock_set": 0, "age": 86_400}
    return session.model_copy(update=changes)


def usual_logins() -> list[Session]:
    """Two logins of audituser, one of them without a terminal, and one of alice."""
    return [
        login("7", leader=1070, runs=("bash", "vim", "rsync")),
        login("9", leader=1090, tty=None, runs=("sftp-server",)),
        login("12", "alice", uid=1002, leader=1120, tty="pts/1", remote="198.51.100.4", runs=("bash", "tail")),
    ]


def snapshot(*sessions: Session, **changes: Any) -> Snapshot:
    """A complete look at host1."""
    values = {
        "host": "host1",
        "host_key": "SHA256:key-of-host1",
        "boot": "boot-1",
        "uptime": HostUptime(100_000),
        "time": START,
        "sessions": sessions,
    }
    return Snapshot.model_validate({**values, **changes})


def limits(**changes: Any) -> HostLimits:
    """What Debian 12 does as it comes: nothing about idle people."""
    usual = {
        "host": "host1",
        "host_key": "SHA256:key-of-host1",
        "sshd": "OpenSSH_9.2",
        "alive_count": 3,
        "channels": (),
    }
    return HostLimits.model_validate({**usual, "logind": True, "stop_idle": 0, **changes})


def unreachable(host: str = "host1", reason: str = "did not answer within 10 s") -> Unreachable:
    return Unreachable(host=host, reason=reason)


# ---------------------------------------------------------------------------------------------------- people and rules


def person(id: str = APPROVER, **changes: Any) -> Person:  # noqa: A002 - Slack's own word
    """A full member."""
    return Person.model_validate({"id": id, "name": id.removeprefix("U0").lower(), **changes})


def rule(**changes: Any) -> Rule:
    """On host1 ASKER may look and ask, APPROVER and OTHER may approve."""
    values = {"hosts": {"host1"}, "look": (ASKER,), "ask": (ASKER,), "approve": (APPROVER, OTHER)}
    return Rule.model_validate({**values, **changes})


def policy(*rules: Rule, **changes: Any) -> Policy:
    """Those rules, or the one of `rule()`; OWNER owns audituser."""
    values = {
        "rules": rules or (rule(),),
        "owners": {"audituser": frozenset({OWNER})},
        "protected": frozenset({"root", "breakglass"}),
        "incident_channel": INCIDENT,
    }
    return Policy.model_validate({**values, **changes})


def team_policy(**changes: Any) -> Policy:
    """On host1 and host2 the group S0SRE may look and ask, S0LEADS may approve; nobody is protected or owned."""
    rules = (rule(hosts={"host1", "host2"}, look=("S0SRE",), ask=("S0SRE",), approve=("S0LEADS",)),)
    values = {"rules": rules, "incident_channel": INCIDENT, "channels": ("#inc-*",)}
    return Policy.model_validate({**values, **changes})


def channel(id: str = INCIDENT, **changes: Any) -> Channel:  # noqa: A002 - Slack's own word
    """A channel of this workspace that the bot is in."""
    return Channel.model_validate({"id": id, "name": id.removeprefix("C0").lower(), "member": True, **changes})


def series(**changes: Any) -> Series:
    """Every hour it reports what is idle for half an hour on host1. changes: of the sweep, its command, or `idle`."""
    idle = changes.pop("idle", 1800)
    sweep = {"name": "nightly", "action": "report", "every": 3600}
    sweep |= {name: changes.pop(name) for name in list(changes) if name in Sweep.model_fields}
    values = {"user": "everyone", "hosts": ("host1",), "only": {"idle": idle}, "reason": f"sweep {sweep['name']}"}
    warn = {"warn": 300} if sweep["action"] == "end" else {}
    return Series.model_validate({"sweep": sweep, "command": {**values, **warn, **changes}})


def soon(now: datetime) -> int:
    """An interval of which one run is due in some seconds from that moment, and the next one in many years.

    A bot that is up later than that, on a busy machine, would wait for the next one.
    """
    return int((now - sweeping.ANCHOR).total_seconds() + 5)


def sweeping_policy(*sweeps: Series, **rule_changes: Any) -> Policy:
    """Those sweeps, and one rule about host1 that lets them end without a click. rule_changes: of that rule."""
    lets = {"acts": {Act.KICK, Act.EVERYONE}, "sweeps": "end"}
    return policy(rule(**{**lets, **rule_changes}), sweeps=sweeps)


# ---------------------------------------------------------------------------------------------------- requests


def kick(*hosts: str, **changes: Any) -> Kick:
    """`/kick audituser host1`."""
    return Kick.model_validate({"user": "audituser", "hosts": hosts or ("host1",), **changes})


def plan(*looks: Snapshot | Unreachable, command: Kick | None = None) -> Plan:
    """What `/kick audituser` would do after those looks; by default with one target, session 7 on host1."""
    seen = looks or (snapshot(session()),)
    return planning.make(command or kick(*(look.host for look in seen)), seen, policy())


def target(look: Snapshot, seen: Session, **changes: Any) -> Target:
    """That very session of that look, with every rung that it has."""
    values = {
        "host": look.host,
        "host_key": look.host_key,
        "boot": look.boot,
        "session": seen.id,
        "identity": seen.identity,
        "account": seen.account,
        "summary": "",
        "rungs": tuple(rung.name for rung in seen.ladder),
    }
    return Target.model_validate({**values, **changes})


def step(target: Target | None = None, rung: str = "terminate", attempt: int = 1) -> EndSession:
    return EndSession(target=target or plan().targets[0], rung=rung, attempt=attempt)


def warning(target: Target | None = None, **changes: Any) -> Warn:
    """In five minutes from START."""
    values = {"target": target or plan().targets[0], "text": "Save your work.", "act_at": START + timedelta(minutes=5)}
    return Warn.model_validate({**values, **changes})


def record(event: Event, seq: int = 1, *, request: int = 1, at: datetime = START) -> Record:
    """That event in the trail."""
    return Record(entry=Entry(seq=seq, request=RequestId(request), at=at, event=event), hash="0" * 64)


def records(*story: Event, request: int = 1, every: timedelta = timedelta(seconds=1)) -> list[Record]:
    """Those events in the trail: the first one at START, each later one `every` after the one before."""
    return [
        record(event, request + number, request=request, at=START + number * every)
        for number, event in enumerate(story)
    ]


def request(*story: Event) -> Request:
    """The request that those events tell."""
    return lifecycle.replay(records(*story))


def pending(*looks: Snapshot | Unreachable, **changes: Any) -> tuple[Event, ...]:
    """The story so far of a request that waits for its approval. changes: of its `planned` event."""
    seen = looks or (snapshot(session()),)
    made = plan(*seen)
    return (asked(command=kick(*(look.host for look in seen))), observed("before", *seen), planned(made, **changes))


def approved_story(*looks: Snapshot | Unreachable) -> tuple[Event, ...]:
    """The story so far of a request that was just approved."""
    story = pending(*looks)
    return (*story, approved(plan(*(looks or (snapshot(session()),)))))


def tried(step: Step, status: str = "done", **changes: Any) -> tuple[Event, Event]:
    """The intent and the answer of one step."""
    return ending(step), signalled(step, status, **changes)


# ---------------------------------------------------------------------------------------------------- events


def asked(**changes: Any) -> events.Asked:
    values = {
        "who": ASKER,
        "key": "T1/1700000000.1",
        "channel": INCIDENT,
        "home": INCIDENT,
        "words": "audituser host1",
        "command": kick(),
    }
    return events.Asked.model_validate({**values, **changes})


def observed(phase: Phase, *looks: Snapshot | Unreachable) -> events.Observed:
    return events.Observed(phase=phase, looks=tuple(Attachment.of(look) for look in looks or (snapshot(session()),)))


def planned(made: Plan | None = None, **changes: Any) -> events.Planned:
    """To be decided within 15 minutes from START, and then done within 15 more."""
    chosen = made or plan()
    values = {
        "plan": chosen,
        "plan_hash": chosen.hash,
        "decide_by": START + timedelta(minutes=15),
        "act_within": 900,
        "approvals": 1,
        "approvers": (APPROVER, OTHER),
    }
    return events.Planned.model_validate({**values, **changes})


def approved(made: Plan | None = None, **changes: Any) -> events.Approved:
    chosen = made or plan()
    values = {
        "who": APPROVER,
        "plan_hash": chosen.hash,
        "hosts": chosen.hosts,
        "complete": True,
        "act_by": START + timedelta(minutes=30),
    }
    return events.Approved.model_validate({**values, **changes})


def ending(intent: Step | None = None, **changes: Any) -> events.Ending:
    """The host may start it for 20 s."""
    values = {"step": intent or step(), "not_after": 102_000, "answer_by": START + timedelta(seconds=20)}
    return events.Ending.model_validate({**values, **changes})


def signalled(intent: Step | None = None, status: str = "done", **changes: Any) -> events.Signalled:
    return events.Signalled(step=intent or step(), answer=Answer.model_validate({"status": status, **changes}))


def judged(*outcomes: Outcome) -> events.Judged:
    """On their hosts nothing is left to do."""
    return events.Judged(hosts=tuple(dict.fromkeys(o.host for o in outcomes)), outcomes=outcomes)

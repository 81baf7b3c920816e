"""The question says what would end, what dies with it, what stays, and by which means, before anyone approves."""

from typing import Any

import pytest

from bot.models import Snapshot
from bot.slack.content.telling import Part
from tests import make
from tests.fakes import FakeHosts
from tests.make import process
from tests.stories import Telling, many, put_inside


class Crowded(FakeHosts):
    """host1 with services, cron, other people inside the sessions, and the account inside other people's."""

    def __init__(self) -> None:
        ops = make.login("15", "opsuser", uid=1003, leader=1150, tty="pts/4", runs=("bash",))
        super().__init__(host1=[*make.usual_logins(), ops])
        host = self["host1"]
        root = process(1500, "bash", user="root", uid=0, parent=1071)
        put_inside(host, "7", root, process(1501, "vim", user="alice", uid=1002, parent=1500))
        put_inside(host, "15", process(1600, parent=1151), process(1601, "less", parent=1600))
        put_inside(host, "9", process(1700, "tmux: server"), process(1701, "python"), process(1702, "python"))
        host.outside = tuple(process(n, "nightly", unit="nightly.service") for n in (98, 99))
        plain = host.snapshot
        more = {"lingering": ("audituser",), "cron": ("audituser",), "at": ("audituser", "bob")}

        def crowded() -> Snapshot:
            return plain().model_copy(update=more)

        host.snapshot = crowded  # type: ignore[method-assign]


def asks(**command: Any) -> str:
    return Telling(Crowded(), **command).planned().says(Part.PARENT)


def test_what_dies_with_the_sessions_is_named() -> None:
    """Programs, a tmux before all others; and other people's work inside, by name and user."""
    said = asks()
    assert "*Ends 2 sessions:* *7* (pts/3, from 203.0.113.10), *9* (sshd, no terminal, from 203.0.113.10)." in said
    assert "With them: tmux, python ×2, vim, rsync, sftp-server." in said  # noqa: RUF001
    assert "Of other people, inside: root's bash, alice's vim. They end with them." in said


def test_sessions_that_were_asked_for_and_are_gone_are_named() -> None:
    """By the ids with which they were asked for; of a host that doesn't answer nothing is known."""
    said = asks(session="9,host1:7,11,host1:12")
    assert "*Ends 2 sessions:* *7*" in said
    assert "Asked for too, but not there any more: sessions 11, host1:12." in said
    hosts = FakeHosts(host1=make.usual_logins(), host2=())
    lost = Telling(hosts, ("host1", "host2"), session="7,11").planned(host2="did not answer").says(Part.PARENT)
    assert "not there any more" not in lost


def test_what_stays_is_named_with_what_it_would_take() -> None:
    """Services by their unit, lingering, cron and at, and the account inside another one's session."""
    said = asks()
    assert "*Stays:* 1 service of audituser outside its sessions on host1 (`nightly.service`)." in said
    assert "It would take `processes` to end it." in said
    assert "audituser lingers on host1: its services run on and start again after a reboot." in said
    assert "audituser has a crontab and at jobs on host1: what cron or at starts later is not ended." in said
    assert "*Also active:* inside opsuser's session 15 on host1 (2 processes): they stay." in said


def test_every_process_of_the_account_is_counted_and_told() -> None:
    """What stayed before ends at this level; what cron or a reboot starts does not."""
    said = asks(processes=True)
    assert ", and *every process of audituser* on host1 (13 now)." in said
    assert "nightly ×2" in said  # noqa: RUF001
    assert "outside its sessions" not in said
    assert "audituser lingers on host1: its services start again after a reboot." in said
    assert "audituser has a crontab" in said
    assert "*Also active:* inside opsuser's session 15 on host1 (2 processes): they end." in said


def test_an_account_without_a_session_ends_by_its_processes() -> None:
    """There is no "0 sessions"."""
    hosts = FakeHosts(host1=())
    hosts["host1"].outside = (process(99, "nightly"),)
    said = Telling(hosts, processes=True, warn=300).planned().says(Part.PARENT)
    assert "*Ends* *every process of audituser* on host1 (1 now)." in said
    assert "0 sessions" not in said
    assert "is told" not in said


def test_the_means_are_named() -> None:
    """SIGKILL, the warning with its terminals, and the request before this one; none of them unasked."""
    said = asks(force=True, warn=300, after=12)
    assert "(SIGKILL for what ignores the polite signals)" in said
    assert "audituser is told 5 min before, on pts/3; session 9 has no terminal to tell." in said
    assert "Next step after request 12." in said
    plain = asks()
    assert "SIGKILL" not in plain
    assert "is told" not in plain
    assert "Next step" not in plain


@pytest.mark.parametrize("level", [{}, {"processes": True, "force": True, "warn": 60}])
def test_a_crowd_still_fits(level: dict[str, Any]) -> None:
    """However much there is, some is named and the rest counted."""
    hosts = many(200)
    hosts["host1"].outside = tuple(process(n, f"p{n}", unit=f"u{n}.service") for n in range(2_000))
    for number in range(200):
        put_inside(hosts["host1"], str(number), process(50_000 + number, f"x{number}", user=f"user{number}", uid=7))
    said = Telling(hosts, **level).planned().says(Part.PARENT)
    assert "and 192 more, listed below" in said
    assert "Of other people, inside: user0's x0" in said
    assert " and 192 more. They end with them." in said
    assert len(said) < 8_000

"""What a host does by itself about idle people, in words; and `/limits` in Slack."""

from typing import Any

import pytest

from bot.events import Looked
from bot.limits import in_short, sentences
from bot.models import ChannelLimit, RequestId, ShellLimit
from bot.sandbox.nouns import Message
from bot.slack.content.limits import limits
from tests import make
from tests.make import INCIDENT
from tests.slack_bot import Bot
from tests.stories import HOSTILE, check, harmless

SHELLS_ALONE = (ChannelLimit(channels="session:shell", seconds=900),)
EVERYTHING = (ChannelLimit(channels="session*", seconds=90),)


def said(**changes: Any) -> str:
    found = make.limits(**changes)
    return "\n".join((in_short(found), *sentences(found)))


# ------------------------------------------------------------------------------------------------ sshd


def test_a_host_as_it_comes_ends_nobody() -> None:
    """Every setting that could end someone is named, with what it means that it isn't set."""
    assert said().split("\n") == [
        "nobody is ended for being idle.",
        "sshd ends nobody for being idle: `ChannelTimeout` is not set.",
        "Someone whose network is gone may stay for hours: sshd does not ask (`ClientAliveInterval 0`).",
        "logind ends no idle login: `StopIdleSessionSec` is not set.",
        "What someone leaves running (`nohup`, `tmux`) lives on after the login (`KillUserProcesses no`).",
        "No shell's profile sets `TMOUT`.",
    ]


def test_an_old_sshd_knows_no_idle_limit() -> None:
    """It is said which release would."""
    told = said(sshd="OpenSSH_8.4p1", channels=None)
    assert "`ChannelTimeout` came with OpenSSH 9.2, this is OpenSSH_8.4p1." in told
    assert "UnusedConnectionTimeout" not in told


@pytest.mark.parametrize(
    ("channels", "told"),
    [
        (
            SHELLS_ALONE,
            "a shell after 15 min, also while a silent program runs (`ChannelTimeout session:shell=15 min`)",
        ),
        (EVERYTHING, "a shell after 90 s, a command (`ssh host command`) after 90 s, a file transfer after 90 s, also"),
        ((ChannelLimit(channels="global", seconds=3600),), "a shell after 1 h, a command"),
        ((ChannelLimit(channels="session:[a-z]*", seconds=9),), "is about no session, it would have to be `session:*`"),
        (
            (ChannelLimit(channels="session", seconds=900),),
            "⚠️ sshd ends nobody for being idle: `ChannelTimeout session=",
        ),
        (
            (ChannelLimit(channels="x11", seconds=9),),
            "sshd ends nobody for being idle: `ChannelTimeout x11=9 s` is about",
        ),
        ((ChannelLimit(channels="session:shell", seconds=0), *EVERYTHING), "for so long: a command"),
    ],
)
def test_what_a_channel_timeout_means(channels: tuple[ChannelLimit, ...], told: str) -> None:
    """By sshd's own patterns, of which the first that fits counts; one that fits no session has a warning."""
    assert told in said(channels=channels)


def test_a_closed_shell_is_the_answer_in_short() -> None:
    """What ends people first stands first; and a shared connection is named."""
    assert said(channels=SHELLS_ALONE).startswith("an idle shell is closed after 15 min.")
    assert "A shared connection stays open without its sessions" in said(channels=SHELLS_ALONE)
    assert "A connection without a session is closed after 5 min" in said(channels=SHELLS_ALONE, unused=300)


def test_who_is_gone_is_noticed() -> None:
    """ClientAliveInterval × CountMax, and that it ends no idle person."""  # noqa: RUF002
    told = said(alive_interval=300, alive_count=3)
    assert "Someone whose network is gone is noticed after about 15 min" in told
    assert "That ends nobody who is only idle." in told


def test_a_count_of_zero_switches_the_check_off() -> None:
    """Whoever wrote it meant the opposite."""
    told = said(alive_interval=300, alive_count=0)
    assert "⚠️ Someone whose network is gone may stay for hours: `ClientAliveCountMax 0` switches the check off" in told


# ------------------------------------------------------------------------------------------------ logind, shells


def test_logind_ends_what_nobody_types_at() -> None:
    """Whatever runs there; and only where it knows the terminal."""
    told = said(stop_idle=1800)
    assert told.startswith("a login without typing may be ended after 30 min.")
    assert "nothing was typed for 30 min, whatever runs there (`StopIdleSessionSec`)" in told
    assert "`StopIdleSessionSec` came with systemd 252" in said(stop_idle=None)
    assert "logind" not in said(logind=False)


def test_what_is_left_running() -> None:
    """KillUserProcesses, in plain words."""
    assert "ends with the login (`KillUserProcesses yes`)" in said(kill_left=True)


def test_a_shell_at_its_prompt() -> None:
    """TMOUT, and whether its user can undo it."""
    told = said(shells=(ShellLimit(file="/etc/profile", seconds=900, fixed=True), ShellLimit(file="/etc/bash.bashrc")))
    assert told.startswith("nobody is ended for being idle, but a shell that waits at its prompt.")
    assert "A shell that waits at its prompt ends after 15 min (`TMOUT`, set in /etc/profile for good)." in told
    assert "may end, it isn't known when (`TMOUT`, set in /etc/bash.bashrc, where anyone can undo it" in told
    assert said(shells=(ShellLimit(file="/etc/profile", seconds=0),)).startswith("nobody is ended for being idle.")


def test_what_holds_for_some_is_named() -> None:
    """Match blocks."""
    assert "For some, sshd's configuration may say something else: `Match User deploy`." in said(
        matches=("Match User deploy",)
    )


def test_nothing_is_made_up() -> None:
    """Without sshd's answer nobody knows."""
    assert said(sshd="", logind=False).startswith("what ends idle people is not known.")


# ------------------------------------------------------------------------------------------------ in Slack


def test_hosts_that_do_the_same_stand_together() -> None:
    """A thousand hosts alike are one paragraph, and who does not answer is no host without limits."""
    looks = [make.limits(host=f"web{n:02}") for n in range(1, 21)]
    other = make.limits(host="db1", channels=SHELLS_ALONE)
    told = check(limits((*looks, other, make.unreachable("web21")), ("You may not look at host9.",)))

    assert "web[01-20]: nobody is ended for being idle." in told
    assert "db1: an idle shell is closed after 15 min." in told
    assert "web21 did not answer within 10 s." in told
    assert "Nothing is known about its limits." in told
    assert "You may not look at host9." in told


def test_what_a_host_says_stays_text() -> None:
    """Nobody is called by a Match block or a version."""
    harmless(limits((make.limits(matches=(HOSTILE,), notes=(HOSTILE,), sshd="", logind=False),), ()))
    harmless(limits((make.limits(matches=(HOSTILE,), channels=(ChannelLimit(channels=HOSTILE, seconds=5),)),), ()))


def test_many_different_hosts_fit_into_a_message() -> None:
    """What does not fit is said to be left out."""
    looks = tuple(make.limits(host=f"host{n}", alive_interval=n, channels=EVERYTHING) for n in range(1, 200))
    assert "of this message did not fit into Slack" in check(limits(looks, ()))


def test_many_hosts_that_do_not_answer_fit_into_a_message() -> None:
    """Each for a reason of its own, such as its address."""
    looks = tuple(make.unreachable(f"host{n}", f"refuses connections at 192.0.2.{n} port 22") for n in range(1, 100))
    said = check(limits(looks, ()))
    assert "host1 refuses connections at 192.0.2.1 port 22." in said
    assert "and 79 more lines" in said


async def test_limits_are_shown_in_the_channel_and_recorded(bot: Bot) -> None:
    """All see them where evidence may stand; one small event says who asked."""
    bot.hosts["host1"].limits = {"alive_interval": 300}
    await bot.sandbox.as_("alice").command(INCIDENT, "/limits", "host1,host2")
    seen = await bot.sandbox.as_("bob").sees("host1: nobody is ended for being idle.")
    assert isinstance(seen, Message)
    assert "noticed after about 15 min" in seen.text
    (record,) = await bot.trail.read(RequestId(1))
    assert isinstance(record.event, Looked)
    assert (record.event.what, record.event.hosts) == ("limits", ("host1", "host2"))
    assert [look.reached for look in record.event.looks] == [True, True]


async def test_who_may_not_look_learns_no_limits(bot: Bot) -> None:
    """The same right as for a listing."""
    await bot.sandbox.as_("dave").command(INCIDENT, "/limits", "host1")
    await bot.sandbox.as_("dave").sees("may look at host1")
    (record,) = await bot.trail.read(RequestId(1))
    assert isinstance(record.event, Looked)
    assert record.event.looks == ()

"""`[[sweeps]]` in kickbot.toml: what a sweep becomes, and every slip stops the start with its name and a way out."""

from pathlib import Path

import pytest

from bot.errors import SettingsError
from bot.models import Filter, Kick, Sweep
from bot.policy import Policy
from bot.settings import Settings, load
from tests.test_settings import SMALL

LETS = 'acts = ["kick", "everyone"]\nsweeps = "end"\n'
NIGHTLY = '[[sweeps]]\nname = "nightly"\nhosts = "*"\nidle = "4h"\nevery = "1d"\naction = "end"\n'


def configured(folder: Path, text: str) -> tuple[Settings, Policy]:
    path = folder / "kickbot.toml"
    path.write_text(text)
    settings = load(path)
    return settings, settings.policy(settings.inventory())


def stopped(folder: Path, text: str) -> str:
    with pytest.raises(SettingsError) as told:
        configured(folder, text)
    assert "\n" not in str(told.value)
    return str(told.value)


def test_a_sweep_as_it_is_written(tmp_path: Path) -> None:
    """What ends without a click warns for five minutes, said or not; the zone is UTC; nothing is quiet."""
    _, policy = configured(tmp_path, SMALL + LETS + NIGHTLY)
    (series,) = policy.sweeps

    assert series.sweep == Sweep(name="nightly", action="end", every=86_400)
    assert series.command == Kick(
        user="everyone", hosts=("host1",), only=Filter(idle=14_400), warn=300, reason="sweep nightly"
    )


def test_all_that_can_be_said_of_a_sweep(tmp_path: Path) -> None:
    """Accounts that it leaves alone, quiet times by the clocks of a zone, a longer warning."""
    more = 'protect = ["deploy"]\nquiet = ["08:00-18:00", "22:00-02:00"]\nzone = "Europe/Berlin"\nwarn = "15m"\n'
    _, policy = configured(tmp_path, SMALL + LETS + NIGHTLY + more)
    (series,) = policy.sweeps

    assert (series.sweep.quiet, series.sweep.zone) == (("08:00-18:00", "22:00-02:00"), "Europe/Berlin")
    assert (series.command.spare, series.command.warn) == (("deploy",), 900)


@pytest.mark.parametrize(("action", "warn"), [("report", 0), ("propose", 0), ("end", 300)])
def test_only_what_ends_by_itself_must_warn(tmp_path: Path, action: str, warn: int) -> None:
    """People who approve know what they do."""
    _, policy = configured(tmp_path, SMALL + LETS + NIGHTLY.replace('"end"', f'"{action}"'))
    assert policy.sweeps[0].command.warn == warn


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('name = "nightly"\n', "", "sweeps[0].name: is missing"),
        ('"nightly"', '"a b"', "sweeps[0].name: 'a b' is not a short name such as nightly"),
        ('hosts = "*"\nidle', 'hosts = "web99"\nidle', "sweeps[0].hosts: "),
        ('idle = "4h"\n', "", "sweeps[0].idle: is missing"),
        ('"4h"', '"30s"', "sweeps[0].idle: must be a time from 1 min to 30 days"),
        ('"1d"', '"31d"', "sweeps[0].every: must be a time from 1 min to 30 days"),
        ('"1d"', '"daily"', "sweeps[0].every: must be a time such as 30s, 15m, 2h or 1d"),
        ('action = "end"', 'action = "kill"', "sweeps[0].action: "),
        ('action = "end"', "", "sweeps[0].action: is missing"),
        ('action = "end"', 'action = "end"\nprotect = []', "sweeps[0].protect: is empty"),
        ('action = "end"', 'action = "end"\nquiet = ["8-18h"]', "is not a time of the day such as 08:00-18:00"),
        ('action = "end"', 'action = "end"\nquiet = ["18:00-18:00"]', "is not a time of the day such as 08:00-18:00"),
        ('action = "end"', 'action = "end"\nquiet = ["08:00-20:00", "20:00-08:00"]', "it would never run"),
        ('action = "end"', 'action = "end"\nzone = "Berlin"', "sweeps[0].zone: 'Berlin' is not a time zone"),
        ('action = "end"', 'action = "end"\nzone = "../etc/passwd"', "is not a time zone"),
        ('action = "end"', 'action = "end"\nwarn = "0s"', "sweeps[0].warn: must be a time such as"),
        ('action = "end"', 'action = "end"\nwarn = "3h"', "sweeps[0].warn: must be a time from 1 s to 2 h"),
        ('action = "end"', 'action = "report"\nwarn = "5m"', "sweeps[0].warn: has no meaning where nothing ends"),
        ('action = "end"', 'action = "end"\nminutes = 5', "sweeps[0].minutes: is not a key that Kickbot knows"),
        ('sweeps = "end"', 'sweeps = "yes"', "rules[0].sweeps: "),
        ("\n[[sweeps]]", "\n" + NIGHTLY + "[[sweeps]]", "sweeps[1].name: nightly is configured twice"),
    ],
)
def test_a_sweep_that_makes_no_sense(tmp_path: Path, old: str, new: str, said: str) -> None:
    """The line is named, and what stands there instead."""
    whole = SMALL + LETS + NIGHTLY
    assert whole.count(old) == 1
    assert said in stopped(tmp_path, whole.replace(old, new))


@pytest.mark.parametrize(
    ("action", "lets"),
    [
        ("end", ""),
        ("propose", ""),
        ("end", 'acts = ["kick", "everyone"]\n'),
        ("end", 'acts = ["kick", "everyone"]\nsweeps = "propose"\n'),
        ("end", 'sweeps = "end"\n'),
    ],
)
def test_a_sweep_that_no_rule_lets_do_its_work(tmp_path: Path, action: str, lets: str) -> None:
    """It stops the start, with the host and what the rule needs: not one night after the other in the log."""
    said = stopped(tmp_path, SMALL + lets + NIGHTLY.replace('"end"', f'"{action}"'))
    assert said.startswith(f"sweeps[0].action: no rule lets a sweep {action} on host1: ")
    assert f'sweeps = "{action}"' in said


def test_a_report_needs_no_rule(tmp_path: Path) -> None:
    """It ends nothing."""
    _, policy = configured(tmp_path, SMALL + NIGHTLY.replace('"end"', '"report"'))
    assert policy.rules[0].sweeps == "no"
    assert len(policy.sweeps) == 1

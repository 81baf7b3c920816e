"""The hosts and the rules, made of kickbot.toml and of other sources: at the start, and again."""

import asyncio
import json
import logging
import os
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from bot import settings
from bot.errors import SettingsError
from bot.estate import Estate
from bot.hosts.sources import ansible
from bot.sandbox.cast import demo_workspace
from bot.sandbox.host_logins import Login
from bot.sandbox.hosts import HostSpec, SandboxHost, SandboxHosts
from bot.sandbox.server import SandboxSlack
from bot.survey import Survey, again, survey
from tests.lives import PATIENCE
from tests.whole import CHANNEL, bot_at_work, configure

BASE = """
[slack]
incident_channel = "C0INCIDENT"
[ssh]
user = "kickbot"
"""
RULE = '[[rules]]\nhosts = "{}"\nlook = ["S0SRE"]\nask = ["S0SRE"]\napprove = ["S0LEADS"]\n'
EVERYWHERE = RULE.format("*")
ANSIBLE = '[inventory]\nansible = "inventory.json"\n'
TRUSTED = ANSIBLE + "trusted = true\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def write(folder: Path, **groups: list[str]) -> None:
    """An inventory of Ansible with those groups."""
    (folder / "inventory.json").write_text(json.dumps({name: {"hosts": hosts} for name, hosts in groups.items()}))


async def surveyed(folder: Path, *parts: str) -> Survey:
    (folder / "kickbot.toml").write_text("".join([BASE, *parts]))
    return await survey(settings.load(folder / "kickbot.toml"))


async def stopped(folder: Path, *parts: str) -> str:
    with pytest.raises(SettingsError) as error:
        await surveyed(folder, *parts)
    assert len(str(error.value).splitlines()) == 1
    return str(error.value)


async def test_hosts_from_outside_stand_beside_those_of_kickbot_toml(folder: Path) -> None:
    """With the login that is usual, and the name of their source."""
    write(folder, web=["web01", "host1"])
    seen = await surveyed(folder, TRUSTED, '[[hosts]]\nname = "host1"\naddress = "10.0.0.9"\n', EVERYWHERE)

    hosts = seen.inventory.hosts
    assert [(host.name, host.address, host.user, host.source) for host in hosts.values()] == [
        ("host1", "10.0.0.9", "kickbot", "kickbot.toml"),
        ("web01", "web01", "kickbot", "ansible"),
    ]
    assert seen.inventory.select("@web") == ("host1", "web01")
    assert seen.policy.rules[0].hosts == {"host1", "web01"}


async def test_a_group_from_a_trusted_source_chooses_a_rule(folder: Path) -> None:
    """And a host that only an untrusted one puts into it does not fall under that rule."""
    write(folder, web=["web01"])
    (folder / "more.cfg").write_text("web: web02\n")
    two = '[[inventory]]\nansible = "inventory.json"\ntrusted = true\n[[inventory]]\ngroups = ["*.cfg"]\n'

    seen = await surveyed(folder, two, RULE.format("@web"))

    assert seen.policy.rules[0].hosts == {"web01"}
    assert set(seen.inventory.select("@web")) == {"web01", "web02"}


async def test_a_group_from_a_source_that_is_not_trusted_chooses_no_rule(folder: Path) -> None:
    """A rule that needs it stops the start, and says why."""
    write(folder, web=["web01"])
    assert "rules[0].hosts: `@web` comes from a source without `trusted = true`" in await stopped(
        folder, ANSIBLE, RULE.format("@web")
    )


@pytest.mark.parametrize(
    ("section", "told"),
    [
        ("[inventory]\n", "inventory[0]: names no source"),
        ('[inventory]\nansible = "nowhere.json"\n', "inventory[0]: ansible "),
        ('[inventory]\nansible_command = ["false"]\n', "inventory[0]: ansible_command ended with status 1"),
        ("[inventory]\nansible_command = []\n", "inventory[0].ansible_command: is empty"),
        ('[inventory]\nansible_command = "ansible-inventory --list"\n', "inventory[0].ansible_command: "),
        ('[inventory]\ngroups = ["groups.d/*.cfg"]\n', "inventory[0]: groups "),
        ('[inventory]\nssh_config = "nowhere"\n', "inventory[0]: ssh_config "),
        ('[inventory]\nansible = "x"\ntrust = true\n', "inventory[0].trust: is not a key"),
    ],
)
async def test_a_source_that_can_not_be_read_stops_the_start(folder: Path, section: str, told: str) -> None:
    """With one line that names it."""
    assert told in await stopped(folder, section, EVERYWHERE)


async def test_ssh_config_says_how_hosts_of_all_sources_are_reached(folder: Path) -> None:
    """As `ssh` would reach their addresses; one that needs a command is left out and told."""
    (folder / "ssh_config").write_text(
        "Host *.prod\n  ProxyJump bastion\nHost lab1\n  ProxyCommand nc %h 22\nHost bastion\n  Port 2200\n"
    )
    write(folder, web=["web01.prod"])
    both = '[inventory]\nssh_config = "ssh_config"\nansible = "inventory.json"\n'

    seen = await surveyed(folder, both, '[[hosts]]\nname = "host1"\naddress = "%h.prod"\n', EVERYWHERE)

    assert set(seen.inventory.hosts) == {"host1", "web01.prod", "bastion"}
    for name in ("host1", "web01.prod"):
        jump = seen.inventory.hosts[name].jump
        assert jump
        assert (jump.address, jump.port) == ("bastion", 2200)
    assert seen.notes == (
        "ssh_config: lab1 is left out: is reached by a ProxyCommand, and no command is run for a host",
    )


def two_names(folder: Path, *names: str) -> None:
    """An inventory with the group `dev`, whose first host has another name outside of it."""
    variables = {name: {"ansible_host": "10.0.0.1"} for name in names}
    inventory = {"_meta": {"hostvars": variables}, "dev": {"hosts": [names[0], "dev2"]}}
    (folder / "inventory.json").write_text(json.dumps(inventory))


async def test_a_machine_that_has_two_names_under_other_rules_is_left_out_and_told(folder: Path) -> None:
    """Nobody gets to it by the name with the milder rule, or by the other one."""
    two_names(folder, "dev1", "db1")

    seen = await surveyed(folder, TRUSTED, RULE.format("@dev"), EVERYWHERE)

    assert set(seen.inventory.hosts) == {"dev2"}
    assert [rule.hosts for rule in seen.policy.rules] == [{"dev2"}, {"dev2"}]
    assert seen.notes == (
        "ansible: dev1 is left out: 10.0.0.1 port 22 is the machine of db1 too, under other rules",
        "ansible: db1 is left out: 10.0.0.1 port 22 is the machine of dev1 too, under other rules",
    )


async def test_a_rule_about_a_machine_that_was_left_out_stops_the_start(folder: Path) -> None:
    """With the reason for which it was."""
    two_names(folder, "dev1", "db1")
    said = await stopped(folder, TRUSTED, RULE.format("dev1"), EVERYWHERE)
    assert said.startswith("rules[0].hosts: There is no host `dev1`.")
    assert "ansible: dev1 is left out: 10.0.0.1 port 22 is the machine of db1 too, under other rules" in said


async def test_two_names_of_a_machine_in_kickbot_toml_under_other_rules_stop_the_start(folder: Path) -> None:
    """Whoever wrote them can say which one is meant."""
    own = "".join(f'[[hosts]]\nname = "{name}"\naddress = "10.0.0.1"\n' for name in ("dev1", "db1"))
    said = await stopped(folder, own, RULE.format("dev1"), EVERYWHERE)
    assert said == "hosts: dev1: 10.0.0.1 port 22 is the machine of db1 too, under other rules"


# ------------------------------------------------------------------------------------------------ again


class Running:
    """A bot whose sources are read again on SIGHUP."""

    def __init__(self, folder: Path, seen: Survey, log: pytest.LogCaptureFixture) -> None:
        self.folder, self.log = folder, log
        self.estate = Estate(seen.inventory, seen.policy)

    async def told(self, words: str) -> None:
        """After SIGHUP, once the log says so."""
        self.log.clear()
        os.kill(os.getpid(), signal.SIGHUP)
        await self.until(lambda: words in self.log.text)

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not true():  # noqa: ASYNC110 - what another process would see
                await asyncio.sleep(0.01)


@pytest.fixture
async def running(folder: Path, caplog: pytest.LogCaptureFixture) -> AsyncIterator[Running]:
    caplog.set_level(logging.INFO)
    write(folder, web=["web01"])
    made = Running(folder, await surveyed(folder, TRUSTED, RULE.format("@web")), caplog)
    task = asyncio.create_task(again(settings.load(folder / "kickbot.toml"), made.estate))
    await asyncio.sleep(0)
    yield made
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_host_that_comes_and_one_that_goes_count_after_sighup(running: Running) -> None:
    """The rules hold for them at once, and whoever follows is told."""
    followed: list[set[str]] = []
    running.estate.follow(lambda estate: followed.append(set(estate.inventory.hosts)))
    write(running.folder, web=["web02", "web03"])

    await running.told("read again: 2 hosts, 2 new, 1 gone")

    assert set(running.estate.inventory.hosts) == {"web02", "web03"}
    assert running.estate.policy.rules[0].hosts == {"web02", "web03"}
    assert followed == [{"web02", "web03"}]


@pytest.mark.parametrize("content", ["", "{}", "no JSON", '{"db": ["db1"]}'])
async def test_a_reading_that_fails_or_is_empty_keeps_the_old_one_and_says_so(running: Running, content: str) -> None:
    """Also one that leaves a rule without its group."""
    before = running.estate.inventory
    (running.folder / "inventory.json").write_text(content)

    await running.told("the inventory stays as it was: ")

    assert running.estate.inventory is before


async def test_a_fault_in_a_reading_does_not_end_the_bot(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is in the log, and the next reading is none the worse."""
    before = running.estate.inventory
    with monkeypatch.context() as broken:
        broken.setattr(ansible, "parse", None)
        await running.told("the inventory stays as it was: it could not be read")
    assert running.estate.inventory is before
    write(running.folder, web=["web01", "web02"])
    await running.told("1 new, 0 gone")


async def test_a_bad_reading_is_followed_by_a_good_one(running: Running) -> None:
    """It goes on reading."""
    (running.folder / "inventory.json").unlink()
    await running.told("the inventory stays as it was: ")
    write(running.folder, web=["web01", "web02"])
    await running.told("1 new, 0 gone")


async def test_sources_are_read_again_by_themselves(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    """As often as the section says."""
    write(folder, web=["web01"])
    seen = await surveyed(folder, TRUSTED, 'every = "1s"\n', EVERYWHERE)
    bot = Running(folder, seen, caplog)
    task = asyncio.create_task(again(settings.load(folder / "kickbot.toml"), bot.estate))
    write(folder, web=["web01", "web02"])

    await bot.until(lambda: len(bot.estate.inventory.hosts) == 2)

    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_the_whole_bot_takes_hosts_that_came_and_leaves_those_that_went(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """People can ask about a new host at once, and no more about one that is gone."""
    caplog.set_level(logging.INFO)
    async with (
        SandboxHosts.start([HostSpec("host1"), HostSpec("host2", (Login("alice"),))]) as hosts,
        SandboxSlack.start(demo_workspace()) as slack,
    ):
        config = configure(folder, [], key=hosts.client_key, known_hosts=hosts.known_hosts)
        config.write_text(config.read_text() + TRUSTED)
        tell_of(folder, hosts.hosts["host1"])
        alice = slack.as_("alice")
        async with bot_at_work(slack, config):
            await alice.command(CHANNEL, "/sessions", "host2")
            await alice.sees("There is no host `host2`.")
            tell_of(folder, hosts.hosts["host2"])
            os.kill(os.getpid(), signal.SIGHUP)
            async with asyncio.timeout(60):
                while "read again" not in caplog.text:  # noqa: ASYNC110 - what a person would read
                    await asyncio.sleep(0.01)
            await alice.command(CHANNEL, "/sessions", "host2")
            await alice.sees("host2: 1 session")
            await alice.command(CHANNEL, "/sessions", "host1")
            await alice.sees("There is no host `host1`.")


def tell_of(folder: Path, host: SandboxHost) -> None:
    """An inventory with that one host."""
    said = {"ansible_host": host.address, "ansible_port": host.port}
    (folder / "inventory.json").write_text(json.dumps({"_meta": {"hostvars": {host.name: said}}}))

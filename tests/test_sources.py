"""What other tools say of hosts: OpenSSH's configuration, Ansible's inventory, ClusterShell's group files."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from bot.hosts.sources import ansible, clustershell, trouble
from bot.hosts.sources.openssh import OpenSsh
from bot.hosts.sources.trouble import SourceTrouble
from bot.merging import Entry
from bot.models import Host
from tests.lives import PATIENCE


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nobody's own configuration."""
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


# ------------------------------------------------------------------------------------------------ OpenSSH

CONFIG = """
Host web01 web02 *.lab !web03
    HostName %h.prod.example.com
    Port 2222
    User admin
    IdentityFile ~/.ssh/of_hosts
    CertificateFile ~/.ssh/of_hosts-cert.pub

Host db1
    HostName 10.0.0.7
    ProxyJump ops@bastion:2200,inner

Host bastion
    HostName 203.0.113.1

Host *
    User everywhere
"""


def openssh(folder: Path, text: str = CONFIG) -> OpenSsh:
    path = folder / "ssh_config"
    path.write_text(text)
    return OpenSsh([path], "kickbot")


def reached(ssh: OpenSsh, address: str, port: int | None = None, user: str = "") -> Host:
    host = Host(name=address, address=address, port=port or 22, user=user or "kickbot")
    return ssh.reached(host, port=port, user=user)


def test_the_hosts_of_ssh_config_are_the_concrete_names_of_its_host_lines(home: Path) -> None:
    """Patterns name nobody."""
    assert [each.name for each in openssh(home).named().entries] == ["web01", "web02", "db1", "bastion"]


def test_a_host_is_reached_as_ssh_would(home: Path) -> None:
    """Address, port, login and keys, with what stands under a pattern."""
    host = reached(openssh(home), "web01")

    assert (host.address, host.port, host.user) == ("web01.prod.example.com", 2222, "admin")
    assert host.keys == (f"{home}/.ssh/of_hosts",)
    assert host.certificates == (f"{home}/.ssh/of_hosts-cert.pub",)


def test_what_another_source_says_of_port_and_login_stands_before_ssh_config(home: Path) -> None:
    """As on ssh's command line."""
    host = reached(openssh(home), "web01", port=22, user="root")

    assert (host.port, host.user) == (22, "root")


def test_a_host_that_ssh_config_does_not_know_stays_as_it_is(home: Path) -> None:
    """With the bot's own login, where no pattern names another one."""
    assert reached(openssh(home, "Host web01\n  Port 2222\n"), "db9") == Host(name="db9", address="db9", user="kickbot")


def test_jump_hosts_stand_one_behind_the_other(home: Path) -> None:
    """The first in the list is the first on the way, each reached as the configuration says."""
    last = reached(openssh(home), "db1").jump
    assert last
    assert (last.name, last.address, last.user) == ("inner", "inner", "everywhere")
    assert last.jump
    assert (last.jump.address, last.jump.port, last.jump.user) == ("203.0.113.1", 2200, "ops")
    assert last.jump.jump is None


def test_a_jump_host_may_be_behind_another_one(home: Path) -> None:
    """Its own ProxyJump counts."""
    text = "Host db1\n  ProxyJump inner\nHost inner\n  ProxyJump bastion\n"
    host = reached(openssh(home, text), "db1")
    assert host.jump
    assert host.jump.jump
    assert host.jump.jump.name == "bastion"


def test_the_login_on_a_jump_host_is_the_one_of_the_bot(home: Path) -> None:
    """Not the one that the host behind it asks for."""
    jump = reached(openssh(home, "Host db1\n  ProxyJump bastion\n"), "db1", user="admin").jump
    assert jump
    assert jump.user == "kickbot"


def test_an_address_of_ipv6_as_a_jump_host(home: Path) -> None:
    """In brackets, with a port behind them."""
    jump = reached(openssh(home, "Host db1\n  ProxyJump ssh://ops@[2001:db8::1]:2200\n"), "db1").jump
    assert jump
    assert (jump.address, jump.port, jump.user) == ("2001:db8::1", 2200, "ops")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("Host db1\n  ProxyCommand touch {touched}\n", "ProxyCommand"),
        ("Host *\n  ProxyJump db1\n", "in a circle"),
        ("Host db1\n  ProxyJump -oProxyCommand=id\n", "'-oProxyCommand=id' is no address"),
        ("Host db1\n  ProxyJump a;touch\n", "'a;touch' is no address"),
        ("Host db1\n  HostName $(touch\n", "is no address"),
        ('Match exec "touch {touched}"\n  Port 1\n', "Match exec"),
        ("Host db1\n  Port many\n", "Port"),
    ],
)
def test_no_command_of_ssh_config_is_run(home: Path, text: str, why: str) -> None:
    """A host that needs one is left out, and a configuration that asks one is not read."""
    touched = home / "touched"
    with pytest.raises(SourceTrouble, match=why):
        reached(openssh(home, text.format(touched=touched)), "db1")
    assert not touched.exists()


def test_included_files_count(home: Path) -> None:
    """As in OpenSSH."""
    (home / "more").write_text("Host app1\n  Port 2022\n")
    ssh = openssh(home, f"Include {home}/more\n")

    assert [each.name for each in ssh.named().entries] == ["app1"]
    assert reached(ssh, "app1").port == 2022


def test_an_ssh_config_that_is_not_there(home: Path) -> None:
    """It is told, not taken for an empty one."""
    with pytest.raises(SourceTrouble, match="can't be read"):
        OpenSsh([home / "nowhere"], "kickbot").named()


# ------------------------------------------------------------------------------------------------ Ansible

INVENTORY: dict[str, Any] = {
    "_meta": {
        "hostvars": {
            "web01": {"ansible_host": "10.0.0.1", "ansible_port": 2222, "ansible_user": "admin", "secret": "x"},
            "web02": {"ansible_port": "22"},
        }
    },
    "all": {"children": ["ungrouped", "prod"]},
    "prod": {"children": ["web", "db"]},
    "web": {"hosts": ["web01", "web02"]},
    "db": {"hosts": ["db1"], "children": ["prod"]},
    "old": ["web02"],
}


def parsed(inventory: object, *, trusted: bool = True) -> dict[str, Entry]:
    found = ansible.parse(json.dumps(inventory).encode(), "ansible", trusted=trusted)
    return {entry.name: entry for entry in found.entries}


@pytest.mark.parametrize(
    ("shell", "platform"), [("powershell", "windows"), ("cmd", "windows"), ("sh", "linux"), (["cmd"], "linux")]
)
def test_a_windows_host_of_an_ansible_inventory(shell: object, platform: str) -> None:
    """Ansible reaches Windows over SSH by the shell that it finds there."""
    hosts = {"_meta": {"hostvars": {"win1": {"ansible_shell_type": shell}}}, "all": {"hosts": ["win1"]}}

    assert parsed(hosts)["win1"].platform == platform


def test_hosts_of_an_ansible_inventory() -> None:
    """Address, port, login, and the groups, also those that hold their group; a circle of groups ends."""
    entries = parsed(INVENTORY)

    assert set(entries) == {"web01", "web02", "db1"}
    assert (entries["web01"].address, entries["web01"].port, entries["web01"].user) == ("10.0.0.1", 2222, "admin")
    assert (entries["web02"].address, entries["web02"].port, entries["web02"].user) == ("web02", 22, "")
    assert entries["web01"].groups == {"prod", "web", "db"}
    assert entries["web02"].groups == {"prod", "web", "db", "old"}
    assert entries["db1"].groups == {"prod", "db"}


@pytest.mark.parametrize(
    ("name", "said", "told"),
    [
        ("localhost", {"ansible_connection": "local"}, "localhost is left out: it is reached by local, not by SSH"),
        ("win1", {"ansible_connection": "winrm"}, "win1 is left out: it is reached by winrm, not by SSH"),
        ("web1", {"ansible_port": "{{ port }}"}, "web1 is left out: its port is no number"),
        ("web1", {"ansible_port": 70000}, "web1 is left out: 70000 is no port"),
        ("web1", {"ansible_port": True}, "web1 is left out: its port is no number"),
        ("web1", {"ansible_host": "{{ ip }}"}, "web1 is left out: '{{ ip }}' is no address"),
        ("web1", {"ansible_host": ["10.0.0.1"]}, "is no address"),
        ("web1", {"ansible_user": "a b"}, "web1 is left out: 'a b' is no login name"),
        ("web;1", {}, "web;1 is left out: that is no host name"),
        ("web\n1", {}, "is left out: that is no host name"),
    ],
)
def test_hosts_that_ssh_can_not_reach_are_left_out_and_told(name: str, said: dict[str, Any], told: str) -> None:
    """The others stay."""
    inventory = {"_meta": {"hostvars": {name: said, "good": {}}}}
    found = ansible.parse(json.dumps(inventory).encode(), "ansible")

    assert [entry.name for entry in found.entries] == ["good"]
    (note,) = found.notes
    assert told in note
    assert note.isprintable()


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b"null", b"\xff", b"[" * 100_000, b'{"_meta": {"hostvars": {}}}', b'{"_meta": 1}']
)
def test_an_inventory_that_is_none_or_empty(content: bytes) -> None:
    """It is trouble: it never means that there are no hosts any more."""
    with pytest.raises(SourceTrouble):
        ansible.parse(content, "ansible")


@pytest.mark.parametrize(
    "inventory",
    [
        {"web": {"hosts": "web01"}, "db": {"hosts": ["db1", 7, None]}},
        {"web": {"children": {"db": 1}}, "db": {"hosts": ["db1"]}},
        {"_meta": {"hostvars": {"db1": None}}},
        {"_meta": {"hostvars": {"db1": []}}},
    ],
)
def test_an_inventory_of_an_odd_shape(inventory: object) -> None:
    """What isn't in its place is not there."""
    assert set(parsed(inventory)) == {"db1"}


def test_an_inventory_that_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is refused whole."""
    monkeypatch.setattr(ansible, "MAX_HOSTS", 2)
    with pytest.raises(SourceTrouble, match="names 3 hosts, more than 2"):
        parsed(INVENTORY)


PRINT = "import json, os, sys; print(json.dumps(dict(os.environ)))"


async def test_a_command_prints_the_inventory_without_the_secrets_of_the_bot(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has the rest of the environment, and stands in the folder of kickbot.toml."""
    for name in (
        "SLACK_BOT_TOKEN",
        "SLACK_SIGNING_SECRET",
        "PGPASSWORD",
        "AWS_SECRET_ACCESS_KEY",
        "AUDIT_PUSH_AUTHORIZATION",
    ):
        monkeypatch.setenv(name, "hunter2")

    printed = json.loads(await ansible.run([sys.executable, "-c", PRINT], home))

    assert "hunter2" not in printed.values()
    assert printed["HOME"] == str(home)


@pytest.mark.parametrize(
    ("argv", "why"),
    [
        (["/nowhere/ansible-inventory"], "can't be started"),
        (["echo; touch x"], "can't be started"),
        (["a\0b"], "can't be started"),
        (["sh", "-c", "echo 'ERROR! no password=hunter2' >&2; exit 4"], r"ended with status 4 \(ERROR! no password="),
    ],
)
async def test_a_command_that_fails(home: Path, argv: list[str], why: str) -> None:
    """Its status, and what it said, without secrets."""
    with pytest.raises(SourceTrouble, match=why) as failed:
        await ansible.run(argv, home)
    assert "hunter2" not in str(failed.value)
    assert not (home / "x").exists()


async def test_a_command_that_hangs_is_ended_with_its_children(home: Path) -> None:
    """Also one that keeps the pipe open."""
    argv = ["sh", "-c", f"sleep 1000 & echo $! >{home}/child; exit 0"]
    with pytest.raises(SourceTrouble, match="did not end within"):
        await ansible.run(argv, home, seconds=0.5)
    async with asyncio.timeout(PATIENCE):
        while runs(int((home / "child").read_text())):  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def test_a_command_that_floods(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is ended where enough is enough, also where its pipe is full by then."""
    monkeypatch.setattr(ansible, "MAX_BYTES", 100_000)
    for _ in range(50):
        with pytest.raises(SourceTrouble, match="prints more than 100000 bytes"):
            await ansible.run(["yes"], home)


# ------------------------------------------------------------------------------------------------ ClusterShell


def groups(folder: Path, text: str, name: str = "local.cfg") -> dict[str, set[str]]:
    path = folder / name
    path.write_text(text)
    return {entry.name: set(entry.groups) for entry in clustershell.parse([path], trusted=True).entries}


def test_lines_of_a_group_file(home: Path) -> None:
    """Ranges, several words, groups in groups, comments; `all` is no group, `*` would be."""
    text = "# ours\nweb: web[01-02],lb1\n\nprod: @web db1\nall: @prod,old[1]\nloop: @loop x1\n"
    assert groups(home, text) == {
        "web01": {"web", "prod"},
        "web02": {"web", "prod"},
        "lb1": {"web", "prod"},
        "db1": {"prod"},
        "old1": set(),
        "x1": {"loop"},
    }


@pytest.mark.parametrize(
    "text",
    [
        "roles:\n  web: web[01-02]\n  db: [db1, '@web']\n",
        "roles:\n  web: 'web01 web02'\n  empty:\nother:\n  db: 'db1,@roles:web'\n",
    ],
)
def test_groups_in_yaml(home: Path, text: str) -> None:
    """Strings or lists, in one source or several."""
    assert groups(home, text, "roles.yaml") == {"web01": {"web", "db"}, "web02": {"web", "db"}, "db1": {"db"}}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.cfg", "[local]\nmap: touch {touched}\n"),
        ("a.cfg", "no colon\n"),
        ("a.cfg", "\n"),
        ("a.cfg", "web: $(touch {touched})\n"),
        ("a.cfg", "web: @a;touch {touched}\n"),
        ("a.yaml", "web: [\n"),
        ("a.yaml", "- web\n"),
        ("a.yaml", "!!python/object/apply:os.system ['touch {touched}']\n"),
        ("a.yaml", "roles:\n  1: web\n"),
        ("a.yaml", "roles:\n  web: {{a: b}}\n"),
    ],
)
def test_group_files_that_are_none(home: Path, name: str, text: str) -> None:
    """Nothing in them is run."""
    touched = home / "touched"
    with pytest.raises(SourceTrouble):
        groups(home, text.format(touched=touched), name)
    assert not touched.exists()


def test_a_range_without_end_in_a_group_file_is_left_out_and_told(home: Path) -> None:
    """Before it takes all the memory."""
    path = home / "local.cfg"
    path.write_text("web: web[1-999999999] web1 web!x\n")
    found = clustershell.parse([path])

    assert [entry.name for entry in found.entries] == ["web1"]
    assert len(found.notes) == 2


def test_a_file_without_end(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not read."""
    monkeypatch.setattr(trouble, "MAX_BYTES", 1000)
    with pytest.raises(SourceTrouble, match="is larger than 1000 bytes"):
        trouble.read(Path("/dev/zero"))

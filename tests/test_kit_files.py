"""What `kickbot hosts kit` hands out: to be read by a person and run by root, or for Ansible."""

import subprocess
from pathlib import Path
from typing import Any

import asyncssh
import pytest
import yaml

from bot import settings
from bot.errors import SettingsError
from bot.hosts.drivers.linux import KIT_PROGRAM
from bot.hosts.kit import making
from bot.models import Host
from tests.sshd import keygen
from tests.whole import configure, kickbot

PROGRAM = "/opt/kickbot-host/kickbot-host"
OPTIONS = f'restrict,command="sudo -n -- {PROGRAM}"'


@pytest.fixture
def config(tmp_path: Path) -> Path:
    key = tmp_path / "id"
    keygen("-t", "ed25519", "-f", str(key), "-C", "somebody's comment")
    (tmp_path / "known_hosts").touch()
    path = configure(tmp_path, [("web", "192.0.2.1", 22)], key=key, known_hosts=tmp_path / "known_hosts")
    path.write_text(path.read_text() + '\n[protect]\nusers = ["breakglass", "deploy"]\n')
    return path


def kit(config: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return kickbot("hosts", "kit", "web", *words, "--config", str(config))


def printed_by(script: str, function: str) -> str:
    """What that function of the install script prints. Nothing of it is installed."""
    defined = script.removesuffix("\nmain\n")
    done = subprocess.run(["sh"], input=f"{defined}\n{function}\n", capture_output=True, text=True, check=True)
    return done.stdout


def test_the_install_script_holds_everything(config: Path) -> None:
    """The program byte for byte, one line for sudo, and one for the key with nothing but its own command."""
    done = kit(config)

    assert (done.returncode, done.stderr) == (0, "")
    public = (config.parent / "id.pub").read_text().split()
    assert printed_by(done.stdout, "the_program").encode() == KIT_PROGRAM
    assert printed_by(done.stdout, "the_keys") == f"{OPTIONS} {public[0]} {public[1]} Kickbot\n"
    assert printed_by(done.stdout, "the_sudoers").splitlines()[1:] == [
        f"Defaults!{PROGRAM} env_reset, !requiretty",
        f'kickbot ALL=(root) NOPASSWD: {PROGRAM} ""',
    ]
    assert "\nlogin=kickbot\nprotected_logins='breakglass deploy'\n" in done.stdout


def test_a_script_that_was_cut_installs_nothing(config: Path) -> None:
    """Its only call is its last line; a half-read pipe into a root shell does nothing."""
    script = made(config).script()
    done = subprocess.run(
        ["sh"], input=script.removesuffix("main\n"), capture_output=True, text=True, check=False, timeout=60
    )
    assert script.endswith("\n}\n\nmain\n")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_folder_has_the_same_in_files(config: Path, tmp_path: Path) -> None:
    """Also the Ansible tasks, with the program beside them."""
    folder = tmp_path / "kit"

    done = kit(config, "--to", str(folder))

    assert done.stdout.splitlines() == [f"{folder}/{name}" for name in made(config).files()]
    assert (folder / "install.sh").read_text() == made(config).script()
    assert (folder / "kickbot-host").read_bytes() == KIT_PROGRAM
    assert (folder / "kickbot-host").stat().st_mode & 0o777 == 0o755
    assert (folder / "tasks.yml").read_text() == made(config).tasks()


def made(config: Path) -> making.Kit:
    loaded = settings.load(config)
    return making.make("kickbot", asyncssh.load_keypairs(list(map(str, loaded.ssh_keys))), loaded.protect.users or ())


def test_the_ansible_tasks_install_the_same(config: Path) -> None:
    """The same files with the same owner and mode, sudo's own checks, and the key last."""
    tasks: list[dict[str, Any]] = yaml.safe_load(kit(config, "--ansible").stdout)

    values = tasks[0]["ansible.builtin.set_fact"]
    expected = made(config)
    assert values == {
        "kickbot_login": "kickbot",
        "kickbot_protected": ["breakglass", "deploy"],
        "kickbot_sudoers": expected.sudoers,
        "kickbot_keys": expected.authorized_keys,
    }
    copied = [task["ansible.builtin.copy"] for task in tasks if "ansible.builtin.copy" in task]
    assert {(c["dest"].rpartition("/")[2], c["mode"]) for c in copied} == {
        *(("kickbot-host", "0755"), ("protected", "0644"), ("kickbot-host", "0440"), ("authorized_keys", "0644"))
    }
    assert {(c["owner"], c["group"]) for c in copied} == {("root", "root")}
    assert copied[-1]["content"] == "{{ kickbot_keys }}"
    assert next(c for c in copied if "sudoers" in c["dest"])["validate"] == "visudo -c -f %s"


def test_a_certificate_is_let_in_by_who_signed_it(config: Path) -> None:
    """Not the key itself, so that an expired certificate opens nothing; and only for Kickbot's own login."""
    folder = config.parent
    keygen("-t", "ed25519", "-f", str(folder / "ca"))
    keygen("-s", str(folder / "ca"), "-I", "kickbot", "-n", "kickbot", "-V", "+1h", str(folder / "id.pub"), new=False)
    kind, public, *_ = (folder / "ca.pub").read_text().split()

    line = f'cert-authority,principals="kickbot",{OPTIONS} {kind} {public} Kickbot\n'
    assert made(config).authorized_keys == line


@pytest.mark.parametrize("login", ["root", "", "a b", 'x" ALL', "-x", "ALL,x", "%sudo", "#0", "x\ny"])
def test_a_login_that_could_mean_something_else(login: str) -> None:
    """In sudoers or a shell it would be more than a name."""
    with pytest.raises(SettingsError, match="login of its own"):
        making.make(login, [], [])


@pytest.mark.parametrize("name", ["a b", "$(id)", "'", "-x", "x\ny", ""])
def test_a_protected_name_that_could_mean_something_else(name: str) -> None:
    """It stands in the install script."""
    with pytest.raises(SettingsError, match=r"protect\.users"):
        making.make("kickbot", [], [name])


# ------------------------------------------------------------------------------------------------ kickbot.toml


def kitted(config: Path, line: str, *more: str) -> dict[str, Host]:
    text = config.read_text().replace("[ssh]\n", f"[ssh]\n{line}\n")
    config.write_text("\n".join([text, *more]))
    return settings.load(config).inventory().hosts


DB = '[[hosts]]\nname = "db"\naddress = "192.0.2.2"\ngroups = ["own"]'


def test_which_hosts_have_the_kit(config: Path) -> None:
    """By names and groups, as rules choose hosts; the others are asked in the way that they were."""
    hosts = kitted(config, 'kit = "@own"', DB)
    assert {name: host.kit for name, host in hosts.items()} == {"web": False, "db": True}


def test_without_a_word_nobody_has_it(config: Path) -> None:
    """As it was."""
    assert not kitted(config, "")["web"].kit


@pytest.mark.parametrize(
    ("line", "more", "told"),
    [
        ('kit = ""', "", "ssh.kit: There is an empty name in that list of hosts"),
        ('kit = "wep"', "", "ssh.kit: There is no host `wep`"),
        ('kit = "*"', '[[hosts]]\nname = "win"\nplatform = "windows"', "ssh.kit: win is no Linux host"),
        ('kit = "*"', '[[hosts]]\nname = "old"\nuser = "root"', "ssh.kit: the kit needs a login of its own"),
    ],
)
def test_a_host_that_can_not_have_it_stops_the_start(config: Path, line: str, more: str, told: str) -> None:
    """It would be asked in a way in which it can't answer."""
    with pytest.raises(SettingsError, match=told):
        kitted(config, line, more)


def test_only_a_host_that_has_it_is_verified(config: Path) -> None:
    """Otherwise the tries would be run by the host's own shell."""
    done = kit(config, "--verify")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "kickbot: web is asked without the kit: write it into `kit` under [ssh] first\n"

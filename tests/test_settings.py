"""kickbot.toml and the environment. Everything that must stop the start first, with one line that names the key."""

import re
from pathlib import Path

import pytest

from bot import credentials, settings
from bot.credentials import SLACK_API_URL
from bot.errors import SettingsError
from bot.models import Act, Host
from bot.policy import Policy
from bot.settings import Settings

# The configuration as the documentation shows it.
FULL = """
[slack]
incident_channel = "C0INCIDENT"
channels = ["#inc-*"]

[audit]
database = "kickbot.db"

[ssh]
user = "kickbot"
keys = ["~/.ssh/id_ed25519"]
known_hosts = "~/.ssh/known_hosts"

[[hosts]]
name = "web[01-20]"
address = "%h.prod.example.com"
port = 22
groups = ["prod"]

[[rules]]
hosts = "@prod"
accounts = "people"
acts = ["kick"]
look = ["S0SRE"]
ask = ["S0SRE"]
approve = ["S0LEADS", "U0CAROL"]
approvals = 1
expires = "15m"
act_by = "15m"
late = "2m"
reason = true
channel = "C0PROD"

[people]
U0BOB = ["bob", "rsmith"]

[protect]
users = ["breakglass"]
"""

SMALL = """
[slack]
incident_channel = "C0INCIDENT"
[ssh]
user = "kickbot"
[[hosts]]
name = "host1"
[[rules]]
hosts = "*"
look = ["U0ALICE"]
ask = ["U0ALICE"]
approve = ["U0CAROL"]
"""

TOKEN = "xoxb-1-hunter2"
APP_TOKEN = "xapp-1-hunter2"
SECRET = "hunter20hunter20hunter20hunter2"


@pytest.fixture
def kickbot_toml(tmp_path: Path) -> Path:
    return tmp_path / "kickbot.toml"


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET", "SLACK_API_URL", "KICKBOT_CONFIG"):
        monkeypatch.delenv(name, raising=False)


def load(path: Path, text: str) -> Settings:
    path.write_text(text, encoding="utf-8")
    return settings.load(path)


def policy(path: Path, text: str) -> Policy:
    loaded = load(path, text)
    return loaded.policy(loaded.inventory())


def stopped(path: Path, text: str) -> str:
    """The one line with which the start stops."""
    with pytest.raises(SettingsError) as error:
        policy(path, text)
    line = error.value.for_user()
    assert line.isprintable()
    assert len(line.splitlines()) == 1
    return line


def replaced(old: str, new: str) -> str:
    assert FULL.count(old) == 1
    return FULL.replace(old, new)


# ------------------------------------------------------------------------------------------------ an empty list


@pytest.mark.parametrize("key", ["look", "ask", "approve", "acts", "accounts"])
def test_empty_list(kickbot_toml: Path, key: str) -> None:
    """A list written empty stops the start: it never means everyone, and never silently nobody."""
    line = stopped(
        kickbot_toml, SMALL.replace(f'{key} = ["U0ALICE"]', "").replace('approve = ["U0CAROL"]', "") + f"{key} = []"
    )

    assert f"rules[0].{key}: " in line


def test_empty_approve_says_what_to_do(kickbot_toml: Path) -> None:
    """The line about an empty approve list says what an empty list isn't, and what to write instead."""
    line = stopped(kickbot_toml, replaced('approve = ["S0LEADS", "U0CAROL"]', "approve = []"))

    assert "rules[0].approve: is empty. An empty list never means everyone: name someone" in line


def test_absent_lists(kickbot_toml: Path) -> None:
    """Lists that aren't there name nobody."""
    made = policy(kickbot_toml, SMALL.split("look =", maxsplit=1)[0])

    assert (made.rules[0].look, made.rules[0].ask, made.rules[0].approve) == ((), (), ())


# ------------------------------------------------------------------------------------------------ broken

BROKEN = [
    ("incident_channel", 'incident_channel = "C0INCIDENT"', "", "slack.incident_channel: is missing"),
    ("channel by name", '"C0INCIDENT"', '"#incidents"', "slack.incident_channel: '#incidents' is not a channel id"),
    ("bad channel", '["#inc-*"]', '["inc"]', "slack.channels[0]: 'inc' is not"),
    ("no ssh user", 'user = "kickbot"', "", "ssh.user: is missing"),
    ("unknown key", "port = 22", "prot = 22", "hosts[0].prot: is not a key that Kickbot knows"),
    ("unknown key with a dash", 'known_hosts = "', 'known-hosts = "', "ssh.known-hosts: is not a key that Kickbot"),
    ("unknown key with a line", "port = 22", '"a\\nb" = 22', "hosts[0].a\\x0ab: is not a key that Kickbot knows"),
    ("unknown section", "[protect]", "[proteced]", "proteced: is not a key that Kickbot knows"),
    ("a token in the file", "[audit]", f'bot_token = "{TOKEN}"\n[audit]', "slack.bot_token: is not a key"),
    ("another database", '"kickbot.db"', '"mysql://h/d"', "audit.database: must be the path of a SQLite file"),
    ("a password", '"kickbot.db"', '"postgresql://u:p@h/d"', "audit.database: must not hold a password"),
    ("a password behind", '"kickbot.db"', '"postgresql://h/d?password=p"', "audit.database: must not hold a password"),
    ("port 0", "port = 22", "port = 0", "hosts[0].port: "),
    ("port as text", "port = 22", 'port = "ssh"', "hosts[0].port: "),
    ("platform", "port = 22", 'platform = "solaris"', "hosts[0].platform: "),
    ("a range without end", "web[01-20]", "web[1-999999999]", "hosts[0].name: `web[1-999999999]` is too large"),
    ("a long name", "web[01-20]", "x" * 300, "hosts[0].name: That host name is too long (300 characters"),
    ("no host name", "web[01-20]", "$(id)", "hosts[0].name: `$(id)` is not a host name"),
    ("a loose end", "web[01-20]", "web-", "hosts[0].name: `web-` is not a host name"),
    ("two lines in a name", "web[01-20]", "a\\nb", "hosts[0].name: `a\\x0ab` is not a host name"),
    ("unknown group in a rule", '"@prod"', '"@production"', "rules[0].hosts: There is no group `@production`. Did you"),
    ("unknown host in a rule", '"@prod"', '"web99"', "rules[0].hosts: There is no host `web99`."),
    ("no hosts in a rule", 'hosts = "@prod"', "", "rules[0].hosts: is missing"),
    ("empty hosts in a rule", '"@prod"', '""', "rules[0].hosts: "),
    ("accounts", '"people"', '"everyone"', "rules[0].accounts: "),
    ("unknown act", '["kick"]', '["kick", "reboot"]', "rules[0].acts[1]: "),
    ("a name for an id", '"U0CAROL"', '"carol"', "rules[0].approve[1]: 'carol' is not a Slack user id"),
    ("a channel for an id", '"U0CAROL"', '"C0CAROL"', "rules[0].approve[1]: "),
    ("small letters", '"U0CAROL"', '"u0carol"', "rules[0].approve[1]: "),
    ("a text for a list", '["S0LEADS", "U0CAROL"]', '"U0CAROL"', "rules[0].approve: "),
    ("no approvals", "approvals = 1", "approvals = 0", "rules[0].approvals: "),
    ("a duration without unit", 'expires = "15m"', 'expires = "15"', "rules[0].expires: must be a time such as 30s"),
    ("a duration as number", 'expires = "15m"', "expires = 15", "rules[0].expires: must be a time such as 30s"),
    ("no duration", 'act_by = "15m"', 'act_by = "0m"', "rules[0].act_by: must be a time such as 30s"),
    ("a duration below zero", 'act_by = "15m"', 'act_by = "-5m"', "rules[0].act_by: must be a time such as 30s"),
    ("an endless duration", 'act_by = "15m"', 'act_by = "999999d"', "rules[0].act_by: must be a time such as 30s"),
    ("no time to arrive", 'late = "2m"', 'late = "0s"', "rules[0].late: must be a time such as 30s"),
    ("reason as text", "reason = true", 'reason = "please"', "rules[0].reason: "),
    ("a rule's channel by name", '"C0PROD"', '"#prod"', "rules[0].channel: "),
    ("an owner by name", "U0BOB =", "bob =", "people.bob: 'bob' is not a Slack user id"),
    ("a group as owner", "U0BOB =", "S0BOB =", "people.S0BOB: 'S0BOB' is not a Slack user id"),
    ("an owner of nothing", '["bob", "rsmith"]', "[]", "people.U0BOB: is empty"),
    ("nobody protected", '["breakglass"]', "[]", "protect.users: is empty"),
    ("broken TOML", "[slack]", "[slack", "is not TOML: "),
    ("a key twice", "port = 22", "port = 22\nport = 23", "is not TOML: "),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "told"), [b[1:] for b in BROKEN], ids=[b[0] for b in BROKEN])
def test_broken(kickbot_toml: Path, old: str, new: str, told: str) -> None:
    """What is wrong in the file stops the start with one line that names the key and shows no secret."""
    line = stopped(kickbot_toml, replaced(old, new))

    assert told in line
    assert "hunter2" not in line


@pytest.mark.parametrize("section", ["hosts", "rules"])
def test_no_hosts_or_rules(kickbot_toml: Path, section: str) -> None:
    """A file without hosts, or without rules, stops the start."""
    kept = [part for part in SMALL.split("\n[") if not part.startswith(f"[{section}")]

    assert f"{section}: is missing" in stopped(kickbot_toml, "\n[".join(kept))


def test_empty_file(kickbot_toml: Path) -> None:
    """An empty file stops the start."""
    assert "slack: is missing" in stopped(kickbot_toml, "")


@pytest.mark.parametrize("name", ["web07", "web[20-21]"])
def test_host_twice(kickbot_toml: Path, name: str) -> None:
    """A host that stands in two sections stops the start: nobody knows which address is meant."""
    line = stopped(kickbot_toml, FULL + f'\n[[hosts]]\nname = "{name}"\n')

    assert line.startswith("hosts[1].name: web")
    assert line.endswith("is configured twice")


def test_no_file(tmp_path: Path) -> None:
    """A file that isn't there, or can't be read, is named with what to do."""
    for path in (tmp_path / "missing.toml", tmp_path):
        with pytest.raises(SettingsError, match=r"Name another file with --config FILE") as error:
            settings.load(path)
        assert str(path) in str(error.value)


def test_not_utf_8(kickbot_toml: Path) -> None:
    """A file that isn't UTF-8 stops the start in one line."""
    kickbot_toml.write_bytes(b'[slack]\nincident_channel = "\xff"')

    with pytest.raises(SettingsError, match=r"^[^\n]+ is not TOML: [^\n]+$"):
        settings.load(kickbot_toml)


# ------------------------------------------------------------------------------------------------ the way to Slack


def slack(lines: str) -> str:
    """The small configuration with these lines in its [slack] section."""
    return SMALL.replace('"C0INCIDENT"\n', f'"C0INCIDENT"\n{lines}\n')


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ('mode = "https"', "slack.mode: "),
        ('mode = ""', "slack.mode: "),
        ('listen = "127.0.0.1:3000"', "slack.listen: has no meaning in Socket Mode"),
        ('mode = "socket"\nlisten = "127.0.0.1:3000"', "slack.listen: has no meaning in Socket Mode"),
        *(
            (f'mode = "http"\nlisten = {text}', "slack.listen: ")
            for text in ('""', '"3000"', '":3000"', '"127.0.0.1"', '"127.0.0.1:0"', '"127.0.0.1:65536"', "3000")
        ),
        ('mode = "http"\nlisten = "http://127.0.0.1:3000"', "is not host:port"),
        ('mode = "http"\nport = 3000', "slack.port: is not a key that Kickbot knows"),
        ('mode = "http"\nsigning_secret = "x"', "slack.signing_secret: is not a key that Kickbot knows"),
    ],
)
def test_a_way_to_slack_that_is_none(kickbot_toml: Path, lines: str, told: str) -> None:
    """An unknown mode, an address that is none or that nobody would use stops the start."""
    assert told in stopped(kickbot_toml, slack(lines))


@pytest.mark.parametrize(
    ("lines", "mode", "listens_on"),
    [
        ("", "socket", ("127.0.0.1", 3000)),
        ('mode = "http"', "http", ("127.0.0.1", 3000)),
        ('listen = "0.0.0.0:8080"\nmode = "http"', "http", ("0.0.0.0", 8080)),
        ('mode = "http"\nlisten = "[::1]:65535"', "http", ("::1", 65535)),
        ('mode = "http"\nlisten = "localhost:1"', "http", ("localhost", 1)),
    ],
)
def test_the_way_to_slack(kickbot_toml: Path, lines: str, mode: str, listens_on: tuple[str, int]) -> None:
    """Socket Mode unless it says so; and then on this machine alone unless it says so."""
    found = load(kickbot_toml, slack(lines)).slack
    assert (found.mode, found.listens_on) == (mode, listens_on)


# ------------------------------------------------------------------------------------------------ secrets


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({}, "SLACK_BOT_TOKEN is not set"),
        ({"SLACK_APP_TOKEN": APP_TOKEN}, "SLACK_BOT_TOKEN is not set"),
        ({"SLACK_BOT_TOKEN": TOKEN}, "SLACK_APP_TOKEN is not set"),
        ({"SLACK_BOT_TOKEN": APP_TOKEN, "SLACK_APP_TOKEN": APP_TOKEN}, "SLACK_BOT_TOKEN has the wrong form"),
        ({"SLACK_BOT_TOKEN": TOKEN, "SLACK_APP_TOKEN": TOKEN}, "SLACK_APP_TOKEN has the wrong form"),
        ({"SLACK_BOT_TOKEN": f" {TOKEN}", "SLACK_APP_TOKEN": APP_TOKEN}, "SLACK_BOT_TOKEN has the wrong form"),
    ],
)
def test_no_token(environment: dict[str, str], told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token that is missing or of the wrong kind is named, with what to do, and never shown."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(SettingsError) as error:
        credentials.secrets()

    assert str(error.value).startswith(told)
    assert len(str(error.value).splitlines()) == 1
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({}, "SLACK_BOT_TOKEN is not set"),
        ({"SLACK_BOT_TOKEN": TOKEN}, "SLACK_SIGNING_SECRET is not set"),
        ({"SLACK_BOT_TOKEN": TOKEN, "SLACK_APP_TOKEN": APP_TOKEN}, "SLACK_SIGNING_SECRET is not set"),
        ({"SLACK_BOT_TOKEN": TOKEN, "SLACK_SIGNING_SECRET": TOKEN}, "SLACK_SIGNING_SECRET has the wrong form"),
        ({"SLACK_BOT_TOKEN": TOKEN, "SLACK_SIGNING_SECRET": "hunter2"}, "SLACK_SIGNING_SECRET has the wrong form"),
        ({"SLACK_BOT_TOKEN": TOKEN, "SLACK_SIGNING_SECRET": f"{SECRET}\n"}, "SLACK_SIGNING_SECRET has the wrong form"),
    ],
)
def test_no_signing_secret(environment: dict[str, str], told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """HTTP mode needs another secret beside the bot token: without it, or with what can't be it, it is named."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(SettingsError) as error:
        credentials.secrets("http")

    assert str(error.value).startswith(told)
    assert len(str(error.value).splitlines()) == 1
    assert "hunter2" not in str(error.value)


def test_each_mode_needs_its_own_secrets_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """No app token in HTTP mode, no signing secret in Socket Mode."""
    monkeypatch.setenv("SLACK_BOT_TOKEN", TOKEN)
    monkeypatch.setenv("SLACK_SIGNING_SECRET", SECRET)
    assert credentials.secrets("http").slack_signing_secret.get_secret_value() == SECRET
    with pytest.raises(SettingsError, match="SLACK_APP_TOKEN is not set"):
        credentials.secrets("socket")


def test_secrets_are_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tokens don't show in any text of the settings; who needs one asks for it by name."""
    monkeypatch.setenv("SLACK_BOT_TOKEN", TOKEN)
    monkeypatch.setenv("SLACK_APP_TOKEN", APP_TOKEN)

    found = credentials.secrets()

    assert "hunter2" not in f"{found} {found!r} {found.model_dump()} {found.model_dump_json()}"
    assert found.slack_bot_token.get_secret_value() == TOKEN
    assert found.slack_app_token.get_secret_value() == APP_TOKEN


def test_secrets_come_from_the_environment_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A `.env` file beside the bot is not read."""
    (tmp_path / ".env").write_text(f"SLACK_BOT_TOKEN={TOKEN}\nSLACK_APP_TOKEN={APP_TOKEN}\n")
    monkeypatch.chdir(tmp_path)

    with pytest.raises(SettingsError, match="SLACK_BOT_TOKEN is not set"):
        credentials.secrets()


def test_slack_api_url(monkeypatch: pytest.MonkeyPatch) -> None:
    """SLACK_API_URL points the bot at another Slack; without it, it is Slack itself."""
    monkeypatch.setenv("SLACK_BOT_TOKEN", TOKEN)
    monkeypatch.setenv("SLACK_APP_TOKEN", APP_TOKEN)
    assert credentials.secrets().slack_api_url == SLACK_API_URL

    monkeypatch.setenv("SLACK_API_URL", "http://127.0.0.1:8900/api/")

    assert credentials.secrets().slack_api_url == "http://127.0.0.1:8900/api/"


# ------------------------------------------------------------------------------------------------ read


def test_full_configuration(kickbot_toml: Path) -> None:
    """The configuration of the documentation is read with everything that it says."""
    loaded = load(kickbot_toml, FULL)
    inventory = loaded.inventory()
    made = loaded.policy(inventory)
    (rule,) = made.rules

    assert inventory.hosts["web07"] == Host(
        name="web07", address="web07.prod.example.com", user="kickbot", groups=frozenset({"prod"})
    )
    assert len(inventory.hosts) == 20
    assert rule.hosts == set(inventory.hosts)
    assert rule.accounts == "people"
    assert rule.acts == {Act.KICK}
    assert (rule.look, rule.ask, rule.approve) == (("S0SRE",), ("S0SRE",), ("S0LEADS", "U0CAROL"))
    assert (rule.approvals, rule.expires, rule.act_by, rule.reason, rule.channel) == (1, 900, 900, True, "C0PROD")
    assert rule.late == 120
    assert made.owners == {"bob": {"U0BOB"}, "rsmith": {"U0BOB"}}
    assert made.protected == {"root", "kickbot", "breakglass"}
    assert (made.incident_channel, made.channels) == ("C0INCIDENT", ("#inc-*",))
    assert loaded.database == kickbot_toml.parent / "kickbot.db"


def test_small_configuration(kickbot_toml: Path) -> None:
    """`look`, `ask` and `approve` with hosts are a complete rule; the rest has defaults."""
    loaded = load(kickbot_toml, SMALL)
    inventory = loaded.inventory()
    (rule,) = loaded.policy(inventory).rules

    assert inventory.hosts == {"host1": Host(name="host1", address="host1", user="kickbot")}
    assert rule.hosts == {"host1"}
    assert rule.accounts == "people"
    assert rule.acts == {Act.KICK}
    assert (rule.approvals, rule.expires, rule.act_by, rule.reason, rule.channel) == (1, 900, 900, False, None)
    assert rule.late == 60
    assert loaded.slack.commands.model_dump() == {
        "sessions": "/sessions",
        "kick": "/kick",
        "unhold": "/unhold",
        "limits": "/limits",
        "audit": "/audit",
        "kickbot": "/kickbot",
    }


def test_every_login_of_the_bot_is_protected(kickbot_toml: Path) -> None:
    """The login that the bot uses on any host is protected, wherever it is configured; root always is."""
    made = policy(
        kickbot_toml, SMALL.replace('name = "host1"', 'name = "host1"\nuser = "other"\n[[hosts]]\nname = "h2"')
    )

    assert made.protected == {"root", "other", "kickbot"}


def test_account_of_two_people(kickbot_toml: Path) -> None:
    """An account may have several owners: none of them decides about it."""
    made = policy(kickbot_toml, SMALL + '[people]\nU0BOB = ["deploy"]\nU0EVE = ["deploy"]\n')

    assert made.owners == {"deploy": {"U0BOB", "U0EVE"}}


@pytest.mark.parametrize(("text", "seconds"), [("30s", 30), ("15m", 900), ("2h", 7_200), ("1d", 86_400)])
def test_durations(kickbot_toml: Path, text: str, seconds: int) -> None:
    """A time is a number with its unit."""
    assert policy(kickbot_toml, SMALL + f'expires = "{text}"').rules[0].expires == seconds


@pytest.mark.parametrize("accounts", ["any", "people", ["postgres", "deploy"]])
def test_accounts(kickbot_toml: Path, accounts: str | list[str]) -> None:
    """Accounts are a word or a list of logins."""
    (rule,) = policy(kickbot_toml, SMALL + f"accounts = {accounts!r}").rules

    assert rule.accounts == (accounts if isinstance(accounts, str) else set(accounts))


def test_names_of_the_commands(kickbot_toml: Path) -> None:
    """The commands can have other names in Slack, and only names that Slack knows as such."""
    renamed = SMALL.replace("[ssh]", '[slack.commands]\nkick = "/logout"\n[ssh]')

    assert load(kickbot_toml, renamed).slack.commands.kick == "/logout"
    assert "slack.commands.kick: " in stopped(kickbot_toml, renamed.replace("/logout", "logout now"))


def test_paths(kickbot_toml: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative path starts at the file's folder, `~` at home, and an absolute one stays."""
    monkeypatch.setenv("HOME", "/home/kickbot")
    loaded = load(kickbot_toml, SMALL)

    assert loaded.path("keys/id") == kickbot_toml.parent / "keys" / "id"
    assert loaded.path("~/.ssh/id") == Path("/home/kickbot/.ssh/id")
    assert loaded.path("/etc/id") == Path("/etc/id")


def test_find(monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is named by --config, else by KICKBOT_CONFIG, else it is ./kickbot.toml."""
    assert settings.find(None) == Path("kickbot.toml")
    monkeypatch.setenv("KICKBOT_CONFIG", "/etc/kickbot.toml")
    assert settings.find(None) == Path("/etc/kickbot.toml")
    assert settings.find("other.toml") == Path("other.toml")


@pytest.mark.parametrize(
    ("listen", "found"),
    [("127.0.0.1:9464", ("127.0.0.1", 9464)), ("127.8.8.8:80", ("127.8.8.8", 80)), ("[::1]:9464", ("::1", 9464))],
)
def test_the_port_of_health(kickbot_toml: Path, listen: str, found: tuple[str, int]) -> None:
    """An address of this machine alone."""
    health = load(kickbot_toml, SMALL + f'[health]\nlisten = "{listen}"').health
    assert health
    assert health.listens_on == found


def test_without_health_there_is_no_port(kickbot_toml: Path) -> None:
    """It is opened where the file says so."""
    assert load(kickbot_toml, SMALL).health is None


@pytest.mark.parametrize(
    "listen", ["0.0.0.0:9464", "[::]:9464", "192.0.2.1:9464", "localhost:9464", "127.0.0.1", "127.0.0.1:0", ":9464"]
)
def test_health_is_not_for_strangers(kickbot_toml: Path, listen: str) -> None:
    """Any other address is refused, and so is a name: it can come to mean another one."""
    assert "health.listen: " in stopped(kickbot_toml, SMALL + f'[health]\nlisten = "{listen}"')


def test_health_says_where(kickbot_toml: Path) -> None:
    """The section alone opens nothing by guess."""
    assert "health.listen: is missing" in stopped(kickbot_toml, SMALL + "[health]")


# ------------------------------------------------------------------------------------------------ checkpoints


@pytest.mark.parametrize(
    "push",
    [
        *(
            "http://a/",
            "file:relative",
            "file:",
            "syslog+tcp://collector",
            "syslog+udp://c:514",
            "syslog+tcp://c:70000",
            "",
        ),
        *("syslog+tls://c", "syslog+tls://me:secret@c:6514", "cef+tls://c:1", "https://b", "https://me:secret@b/k"),
        *("https://b/k?token=secret", "https://b/k#x", "https://b/a b", "https://b/%41", "https:///k", "tsp+ftp://a/"),
        *("tsp+https://me:secret@a/", "tsp+https://a/?key=secret", "tsp+https://", "https://b:0/k", "https://b/k\\n"),
    ],
)
def test_a_place_that_nothing_can_be_pushed_to(kickbot_toml: Path, push: str) -> None:
    """A slip is no place without checkpoints."""
    said = stopped(kickbot_toml, SMALL + f'[audit]\nkey = "k"\npush = "{push}"')

    assert "audit.push" in said
    assert "secret" not in said


def test_places_of_checkpoints(kickbot_toml: Path) -> None:
    """One alone, or several; the key lies beside the file."""
    one = load(kickbot_toml, SMALL + '[audit]\nkey = "k"\nevery = "10m"\npush = "file:/a"').audit
    both = load(kickbot_toml, SMALL + '[audit]\npush = ["file:///a", "syslog+tcp://[::1]:514"]').audit

    assert (one.push, one.every) == (("file:/a",), 600)
    assert both.push == ("file:///a", "syslog+tcp://[::1]:514")
    assert load(kickbot_toml, SMALL + '[audit]\nkey = "k"').signing_key == kickbot_toml.parent / "k"
    assert load(kickbot_toml, SMALL).signing_key is None


def test_places_outside_of_this_machine(kickbot_toml: Path) -> None:
    """Each kind, and what they need; a path starts at the file's folder."""
    push = '"syslog+tls://c:6514", "tsp+https://a/tsr", "tsp+http://a.example:80", "https://b.s3.example.com/kickbot/"'
    files = 'tls_authorities = "ca.pem"\ntls_certificate = "bot.pem"\nstamp_authorities = "/tsa.pem"'
    found = load(kickbot_toml, SMALL + f"[audit]\npush = [{push}]\n{files}")

    assert len(found.audit.push) == 4
    assert found.tls_authorities == kickbot_toml.parent / "ca.pem"
    assert found.tls_certificate == kickbot_toml.parent / "bot.pem"
    assert found.stamp_authorities == Path("/tsa.pem")
    assert load(kickbot_toml, SMALL).stamp_authorities is None


@pytest.mark.parametrize(
    "stream", ["file:/a", "https://b/k", "syslog+udp://c:514", "cef+tcp://c", "syslog+tls://u@c:1"]
)
def test_a_collector_that_nothing_can_be_streamed_to(kickbot_toml: Path, stream: str) -> None:
    """Events go to collectors alone."""
    assert "audit.stream" in stopped(kickbot_toml, SMALL + f'[audit]\nstream = "{stream}"')


def test_collectors_of_events(kickbot_toml: Path) -> None:
    """From the beginning of the trail, if nothing else is said."""
    both = load(kickbot_toml, SMALL + '[audit]\nstream = ["cef+tls://c:6514", "syslog+tcp://[::1]:601"]').audit

    assert both.stream == ("cef+tls://c:6514", "syslog+tcp://[::1]:601")
    assert both.stream_from == "beginning"
    assert load(kickbot_toml, SMALL + '[audit]\nstream_from = "now"').audit.stream_from == "now"
    assert "audit.stream_from" in stopped(kickbot_toml, SMALL + '[audit]\nstream_from = "1"')


CERTIFICATES = ("tls_authorities", "tls_certificate", "stamp_authorities")


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ('key = "k"', "kickbot audit key"),
        ('push = "file:/a"', "audit.push: "),
        ('key = "known_hosts"\npush = "tsp+https://a/"', "audit.stamp_authorities: is missing"),
        *((f'{name} = "nowhere.pem"', f"audit.{name}: there is no file") for name in CERTIFICATES),
    ],
)
def test_checkpoints_without_their_key_stop_the_start(kickbot_toml: Path, lines: str, told: str) -> None:
    """Nobody believes for months that something was signed."""
    for name in ("id_ed25519", "known_hosts"):
        (kickbot_toml.parent / name).touch()
    small = SMALL.replace('user = "kickbot"', 'user = "kickbot"\nkeys = ["id_ed25519"]\nknown_hosts = "known_hosts"')
    with pytest.raises(SettingsError, match=told):
        load(kickbot_toml, small + f"[audit]\n{lines}").check_files()


# ------------------------------------------------------------------------------------------------ idle, and everyone


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('idle = "never"', "rules[0].idle: "),
        ("spare_groups = []", "rules[0].spare_groups: is empty"),
        ('spare_groups = ["-x"]', "rules[0].spare_groups[0]: '-x' is not the name of a Unix group"),
        ('spare_groups = ["a;b"]', "is not the name of a Unix group"),
        ("max_sessions = 0", "rules[0].max_sessions: "),
        ("max_hosts = 0", "rules[0].max_hosts: "),
        ("requests_per_hour = 0", "rules[0].requests_per_hour: "),
        ("requests_per_hour = 501", "rules[0].requests_per_hour: "),
        ("hosts_per_hour = -1", "rules[0].hosts_per_hour: "),
        ('above = "yes"', "rules[0].above: "),
        ('canary = "maybe"', "rules[0].canary: "),
    ],
)
def test_maintenance_that_makes_no_sense(kickbot_toml: Path, line: str, said: str) -> None:
    """A sense of idle that isn't one, a group that can't be asked for, a limit that nobody passes."""
    assert said in stopped(kickbot_toml, SMALL + line)


def test_maintenance(kickbot_toml: Path) -> None:
    """What a rule says of idle sessions and of everyone; without a word it is careful, spares no group, and 20."""
    said = '\nidle = "keys"\nspare_groups = ["oncall", "db-admins"]\nmax_sessions = 3\n'

    (usual,), (rule,) = (policy(kickbot_toml, text).rules for text in (SMALL, SMALL + said))

    assert (usual.idle, usual.spare_groups, usual.max_sessions) == ("careful", (), 20)
    assert (rule.idle, rule.spare_groups, rule.max_sessions) == ("keys", ("oncall", "db-admins"), 3)


def test_bounds(kickbot_toml: Path) -> None:
    """What a rule says of hosts and of requests in an hour; without a word none is bound, and above it is no."""
    said = '\nmax_hosts = 50\nrequests_per_hour = 6\nhosts_per_hour = 100\nabove = "approval"\n'
    said += "canary = true\nemergency = true\n"

    (usual,), (rule,) = (policy(kickbot_toml, text).rules for text in (SMALL, SMALL + said))

    assert (usual.max_hosts, usual.requests_per_hour, usual.hosts_per_hour) == (None, None, None)
    assert (usual.above, usual.canary, usual.emergency) == ("no", False, False)
    assert (rule.max_hosts, rule.requests_per_hour, rule.hosts_per_hour) == (50, 6, 100)
    assert (rule.above, rule.canary, rule.emergency) == ("approval", True, True)


def test_names_in_any_case(kickbot_toml: Path) -> None:
    """Windows takes any case for the same account: who is protected, and whose it is, counts in small letters too."""
    text = SMALL.replace('user = "kickbot"', 'user = "Kickbot"')
    found = policy(kickbot_toml, text + '\n[people]\nU0BOB = ["CORP\\\\Bob"]\n[protect]\nusers = ["Administrator"]\n')

    assert {"Administrator", "administrator", "kickbot"} <= found.protected
    assert found.owns(r"corp\bob", "U0BOB")


@pytest.mark.parametrize("platform", ["linux", "windows"])
def test_the_platform_of_a_host(kickbot_toml: Path, platform: str) -> None:
    """It is the one that the file names, all the way to the host that is asked."""
    text = SMALL.replace('name = "host1"', f'name = "host1"\nplatform = "{platform}"')

    assert load(kickbot_toml, text).inventory().hosts["host1"].platform == platform


@pytest.mark.parametrize("keep", ["0 months", "1m", "30d", "12", "forever", "12 moons"])
def test_what_is_no_time_to_keep_for(kickbot_toml: Path, keep: str) -> None:
    """Too short, or nothing that is understood: the start stops, and names the key."""
    assert "audit.keep_bodies: must be a time" in stopped(kickbot_toml, SMALL + f'[audit]\nkeep_bodies = "{keep}"')


@pytest.mark.parametrize(("keep", "days"), [("1 month", 31), ("12 months", 372), ("400d", 400)])
def test_how_long_bodies_are_kept(kickbot_toml: Path, keep: str, days: int) -> None:
    """A month is never shorter than the longest one; without the key it is for ever."""
    assert policy(kickbot_toml, SMALL + f'[audit]\nkeep_bodies = "{keep}"').keep == days * 86_400
    assert policy(kickbot_toml, SMALL).keep == 0


def test_a_second_factor(kickbot_toml: Path) -> None:
    """A rule asks for it only by its word, and the file lies beside kickbot.toml."""
    asks = SMALL + '\nsecond_factor = true\n[second_factor]\nsecrets = "codes.toml"\n'

    (usual,), (rule,) = (policy(kickbot_toml, text).rules for text in (SMALL, asks))

    assert (usual.second_factor, rule.second_factor) == (False, True)
    assert load(kickbot_toml, asks).second_factors == kickbot_toml.parent / "codes.toml"
    assert load(kickbot_toml, SMALL).second_factors is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("second_factor = true", "rules[0].second_factor: needs [second_factor]"),
        ('second_factor = true\n[second_factor]\nsecrets = "codes.toml"', "second_factor.secrets: there is no file"),
        ('[second_factor]\nsecrets = "codes.toml"', "second_factor.secrets: there is no file"),
    ],
)
def test_a_second_factor_that_nobody_could_have_stops_the_start(kickbot_toml: Path, text: str, said: str) -> None:
    """A rule that asks for it without a file, and a file that isn't there."""
    (kickbot_toml.parent / "key").touch()
    (kickbot_toml.parent / "hosts").touch()
    small = SMALL.replace('user = "kickbot"', 'user = "kickbot"\nkeys = ["key"]\nknown_hosts = "hosts"')
    with pytest.raises(SettingsError, match=re.escape(said)):
        load(kickbot_toml, small + text).check_files()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("second_factor = true\nemergency = true", "rules[0].second_factor: asks for nothing beside emergency"),
        ('second_factor = "U0CAROL"', "rules[0].second_factor"),
        ("[second_factor]", "second_factor.secrets: is missing"),
        ('[second_factor]\nsecrets = ""', "second_factor.secrets"),
        ('[second_factor]\nsecrets = "x"\nU0CAROL = "GEZDGNBV"', "second_factor.U0CAROL"),
    ],
)
def test_what_a_second_factor_can_not_be(kickbot_toml: Path, text: str, said: str) -> None:
    """It stops the start, and no secret that stands in the wrong place is quoted."""
    line = stopped(kickbot_toml, SMALL + text)

    assert said in line
    assert "GEZDGNBV" not in line

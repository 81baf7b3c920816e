"""What people type. Hostile text first: a clear error, nothing run, no memory eaten."""

import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands import MAX_REASON, USAGE, parse, words
from bot.errors import CommandError
from bot.inventory import Inventory
from bot.models import Act, Audit, Command, Filter, Form, Help, Holds, Host, Kick, Limits, Listing, SetLimit, Unhold
from tests import make

INVENTORY = make.with_windows(make.inventory("host1", "web01", "web02", "web03"), "win1", "win2")

TWO_GROUPS = {"host1": "prod", "sql7": "db"}

HOSTILE = [
    "x; reboot",
    "x;reboot",
    "$(id)",
    "`id`",
    "-rf",
    "--",
    "../..",
    "/etc/passwd",
    "web[1-999999999]",
    "web[1-5000000]",
    "web[1-9999]" * 3,
    "web[1-9][1-9]",
    "web[1-9999/2]",
    "web[5-1]",
    "web[",
    "web]",
    "[1-3]",
    "@a;touch${IFS}x",
    "@a$(touch x)",
    "@",
    "@@prod",
    "@*",
    "@prod[1-3]",
    "host1!web01",
    "host1&web01",
    "host1^web01",
    "host1|id",
    "*",
    "x" * 300,
    "host\N{RIGHT-TO-LEFT OVERRIDE}1",
    "\N{RIGHT-TO-LEFT MARK}host1",
    "host1\N{ZERO WIDTH SPACE}",
    "host1\0",
    "host1\x1b[2J",
    "\ud800",
    "hoѕt1",  # noqa: RUF001 - a Cyrillic letter
    "<!channel>",
    "nosuchhost",
    "HOST1",
    "host1,",
    ",host1",
    "host1,,web01",
    "(.*)*",
    "%h",
    "'host1'",
    '"host1"',
]

CommandWord = Literal["sessions", "kick", "kickbot"]


KEY = "SHA256:" + "AbC+/" * 8 + "xyz"
HERE: dict[str, Any] = {"user": "audituser", "hosts": ("host1",)}


def typed(command: str, text: str) -> Command:
    return parse(command, text, INVENTORY)


def refused(command: str, text: str) -> str:
    with pytest.raises(CommandError) as error:
        typed(command, text)
    return error.value.for_user()


def peak_memory(action: Callable[[], object]) -> int:
    """The most bytes that were allocated at one time while something ran."""
    tracemalloc.start()
    try:
        action()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


# ------------------------------------------------------------------------------------------------ hostile text


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_hosts(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hostile HOSTS are refused in a few words without markup, run nothing, make no file and take no memory."""
    monkeypatch.chdir(tmp_path)
    messages: list[str] = []

    used = peak_memory(lambda: messages.extend([refused("sessions", text), refused("kick", f"audituser {text}")]))

    assert used < 5_000_000
    assert list(tmp_path.iterdir()) == []
    for message in messages:
        assert len(message) < 400
        assert message.isprintable()
        assert not set("<>") & set(message)
        assert message.count("`") % 2 == 0


@pytest.mark.parametrize("user", [t for t in HOSTILE if t not in {"nosuchhost", "HOST1", "x;reboot"}])
def test_hostile_user(user: str) -> None:
    """What is no login name is refused, in both commands."""
    assert refused("kick", f"{user} host1")
    assert refused("sessions", f"host1 {user}")


@pytest.mark.parametrize("session", ["../..", "-rf", "$(id)", "7;reboot", "x" * 33, "*", "@7", "/7"])
def test_hostile_session(session: str) -> None:
    """What is no session id is refused."""
    assert "session id" in refused("kick", f"audituser host1 session {session}")


@pytest.mark.parametrize("command", ["kick", "kickbot"])
@pytest.mark.parametrize("word", ["<!channel>", "<@U0BOB>", "`x`", "x" * 300, "<https://example.com|host1>"])
def test_unknown_word_is_never_markup(command: str, word: str) -> None:
    """An unknown word comes back short, and without what Slack would take for a mention, a link or the end of code."""
    message = refused(command, f"audituser host1 {word}" if command == "kick" else word)

    assert len(message) < 300
    assert not set("<>") & set(message)
    assert message.count("`") % 2 == 0


@pytest.mark.parametrize("mark", ["\N{RIGHT-TO-LEFT OVERRIDE}", "\N{ZERO WIDTH SPACE}", "\0", "\x1b", "\ud800"])
def test_invisible_character(mark: str) -> None:
    """An invisible character anywhere before the reason is named by its code, since nobody can see it."""
    for text in (f"audit{mark}user host1", f"audituser host1{mark}", f"audituser host1 session{mark} 7", f"{mark}"):
        assert f"(U+{ord(mark):04X})" in refused("kick", text)


def test_no_such_host() -> None:
    """An unknown host is named, with the nearest name that there is."""
    assert refused("kick", "audituser hots1") == "There is no host `hots1`. Did you mean `host1`?"


def test_dashed_keyword_is_no_login() -> None:
    """`--force host1` asks for force, not for an account of that name: it says where the word belongs."""
    for dash in ("--", "\N{EM DASH}", "\N{EN DASH}"):
        assert "`force` comes after who and where" in refused("kick", f"{dash}force host1")
        assert "`hold` comes after who and where" in refused("kickbot", f"kick {dash}hold audituser host1")


def test_endless_reason() -> None:
    """A reason that is too long is refused, also if only its invisible characters make it so."""
    assert typed("kick", "audituser host1 because " + "x" * MAX_REASON)
    assert "too long" in refused("kick", "audituser host1 because " + "x" * (MAX_REASON + 1))
    assert "too long" in refused("kick", "audituser host1 because " + "\N{RIGHT-TO-LEFT OVERRIDE}" * MAX_REASON)


@pytest.mark.parametrize("text", ["a " * 50_000, "x" * 100_000, "-" * 100_000, " " * 100_000, "because " * 12_000])
def test_endless_text(text: str) -> None:
    """100 kB of anything is refused in a few words, at once."""
    started = time.process_time()

    messages = [refused(command, text) for command in USAGE]

    assert time.process_time() - started < 3
    assert max(map(len, messages)) < 300


WORDS = ("sessions", "session", "7", "because", "help", "--force", "idle", "\N{EM DASH}because")
QUOTED = ('"jane doe"', "“Jürgen Müller”", '"Everyone"', '"because"', '"', "«", "王伟", "win1")
TYPED = st.text(max_size=400) | st.lists(
    st.sampled_from([*HOSTILE, *QUOTED, "host1", "@prod", "web[01-03]", "audituser", "everyone", "kick", *WORDS]),
    max_size=6,
).map(" ".join)


@given(st.sampled_from(sorted(USAGE)), TYPED)
def test_whatever_is_typed(command: str, text: str) -> None:
    """Whatever is typed, it is a command about known hosts or a CommandError, within a second and 5 MB."""
    started = time.process_time()
    tracemalloc.start()
    understood: Command | str
    try:
        understood = typed(command, text)
    except CommandError as error:
        understood = error.for_user()
    finally:
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()

    assert time.process_time() - started < 1
    assert not isinstance(understood, str) or understood.isprintable()
    assert used < 5_000_000
    if isinstance(understood, Kick | Listing):
        assert understood.hosts
        assert set(understood.hosts) <= set(INVENTORY.hosts)
    if isinstance(understood, Kick):
        assert understood.user != "everyone"
        assert understood.reason.isprintable()


def test_no_group_source_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with a ClusterShell group source runs no shell for a group: only the configured groups count."""
    config = tmp_path / "clustershell"
    config.mkdir()
    (config / "groups.conf").write_text(
        "[Main]\ndefault: evil\n[evil]\n" + "".join(f"{key}: touch {tmp_path}/ran\n" for key in ("map", "all", "list"))
    )
    monkeypatch.setenv("CLUSTERSHELL_CFGDIR", str(config))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))

    for text in ("@a", "@evil:a", "@*", f"@a;touch${{IFS}}{tmp_path}/ran", "host1,@a"):
        refused("sessions", text)
    typed("sessions", "@prod")

    assert list(tmp_path.iterdir()) == [config]


# ------------------------------------------------------------------------------------------------ understood


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("host1", Listing(hosts=("host1",))),
        ("  host1  ", Listing(hosts=("host1",))),
        ("web[01-03]", Listing(hosts=("web01", "web02", "web03"))),
        ("@prod", Listing(hosts=("host1", "web01", "web02", "web03"))),
        ("web02,host1,web[01-02]", Listing(hosts=("web02", "host1", "web01"))),
        ("host1 audituser", Listing(hosts=("host1",), user="audituser")),
        ("host1 everyone", Listing(hosts=("host1",))),
        ("host1 audituser key " + KEY, Listing(hosts=("host1",), user="audituser", only=Filter(key=KEY))),
        ("host1 from 203.0.113.7/24", Listing(hosts=("host1",), only=Filter(network="203.0.113.0/24"))),
        ("host1 idle 30m", Listing(hosts=("host1",), only=Filter(idle=1800))),
        ("host1 audituser --idle 1d", Listing(hosts=("host1",), user="audituser", only=Filter(idle=86400))),
    ],
)
def test_sessions(text: str, command: Listing) -> None:
    """`/sessions HOSTS [USER]`: hosts in the order they were typed, each once."""
    assert typed("sessions", text) == command


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("audituser host1", Kick(user="audituser", hosts=("host1",))),
        ("audituser web[01-02]", Kick(user="audituser", hosts=("web01", "web02"))),
        ("audituser host1 session c1", Kick(user="audituser", hosts=("host1",), session="c1")),
        ("audituser host1 session pts/3", Kick(user="audituser", hosts=("host1",), session="pts/3")),
        ("DOM\\bob host1", Kick(user="DOM\\bob", hosts=("host1",))),
        ("_x.y@z$ host1", Kick(user="_x.y@z$", hosts=("host1",))),
        ("hold host1", Kick(user="hold", hosts=("host1",))),
        ("session host1 session 7", Kick(user="session", hosts=("host1",), session="7")),
        ("audituser host1 force", Kick(user="audituser", hosts=("host1",), force=True)),
        ("audituser host1 processes", Kick(user="audituser", hosts=("host1",), processes=True)),
        ("audituser host1 warn 5m --force", Kick(user="audituser", hosts=("host1",), force=True, warn=300)),
        ("audituser host1 from 2001:DB8::1", Kick(**HERE, only=Filter(network="2001:db8::1/128"))),
        ("audituser host1 key " + KEY, Kick(**HERE, only=Filter(key=KEY))),
        ("audituser host1 warn 5m idle 1m", Kick(**HERE, only=Filter(idle=60), warn=300)),
        ("audituser host1 idle 30d", Kick(**HERE, only=Filter(idle=30 * 86400))),
    ],
)
def test_kick(text: str, command: Kick) -> None:
    """`/kick USER HOSTS` and its words in any order; an account may be called like a keyword."""
    assert typed("kick", text) == command


@pytest.mark.parametrize(
    "text",
    [
        "force force",
        "session",
        "warn",
        "warn 5",
        "warn 0m",
        "warn -5m",
        "warn 3h",
        "warn 99999d",
        "from here",
        "from 203.0.113.0/99",
        "key SHA256:short",
        "key MD5:00",
        "session 7 session 8",
        "session 7 processes",
        "idle",
        "idle 30",
        "idle 59s",
        "idle 31d",
        "idle 1h idle 2h",
        "idle 1h processes",
        "processes key " + "SHA256:" + "A" * 43,
    ],
)
def test_words_that_make_no_sense(text: str) -> None:
    """A word twice, without its value, with a wrong one, or against another word, is refused and said why."""
    assert refused("kick", f"audituser host1 {text}")


@pytest.mark.parametrize(
    "command",
    [
        Kick(user="audituser", hosts=("web01", "web02"), session="pts/3", force=True, reason="INC-42"),
        Kick(user="audituser", hosts=("host1",), processes=True, warn=300),
        Kick(user="audituser", hosts=("host1",), only=Filter(idle=30 * 86400)),
        Kick(user="audituser", hosts=("host1",), only=Filter(idle=5400)),
        Kick(user="audituser", hosts=("host1",), only=Filter(network="203.0.113.0/24", key="SHA256:" + "A" * 43)),
    ],
)
def test_words_of_a_command(command: Kick) -> None:
    """A command in words is what someone would type for it."""
    assert typed("kick", words(command).removeprefix("/kick ")) == command


@pytest.mark.parametrize("keyword", ["session", "--session", "\N{EM DASH}session", "\N{EN DASH}session"])
@pytest.mark.parametrize("because", ["because", "--because", "\N{EM DASH}because", "\N{EN DASH}because"])
def test_dashes(keyword: str, because: str) -> None:
    """Keywords may have the dashes of a command line, also those that phones make of them."""
    assert typed("kick", f"audituser host1 {keyword} 7 {because} INC-42") == Kick(
        user="audituser", hosts=("host1",), session="7", reason="INC-42"
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("because INC-42", "INC-42"),
        ("because  of\n\tINC-42 ", "of INC-42"),
        ("because he left because of it", "he left because of it"),
        ("because $(id) `x` force --hold", "$(id) `x` force --hold"),
        ("because \N{RIGHT-TO-LEFT OVERRIDE}x", "\\u{202e}x"),
        ("because help", "help"),
        ("", ""),
    ],
)
def test_because(text: str, reason: str) -> None:
    """Everything after the first `because` is the reason, as it was typed, made printable, on one line."""
    assert typed("kick", f"audituser host1 {text}") == Kick(user="audituser", hosts=("host1",), reason=reason)


@pytest.mark.parametrize("text", ["because", "force because  ", "\N{EM DASH}because"])
def test_because_without_a_reason(text: str) -> None:
    """Like any word without its value: who began a reason had one."""
    assert refused("kick", f"audituser host1 {text}").startswith("Something is missing after `because`. ")


def test_because_inside_a_word() -> None:
    """Only a word of its own starts the reason."""
    assert "because-of" in refused("kick", "audituser host1 because-of")
    assert "nobecause" in refused("kick", "audituser host1 nobecause x")


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("everyone host1", Kick(user="everyone", hosts=("host1",))),
        ("everyone @prod me warn 5m", None),
        ("everyone web[01-02] idle 1h", Kick(user="everyone", hosts=("web01", "web02"), only=Filter(idle=3600))),
    ],
)
def test_everyone(text: str, command: Kick | None) -> None:
    """`everyone` stands where a login could; `me` says that the asker's own sessions go too."""
    understood = typed("kick", text)
    assert isinstance(understood, Kick)
    assert understood.is_of_everyone
    assert understood == command if command else understood.me
    assert typed("kick", words(understood).removeprefix("/kick ")) == understood


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("everyone host1 processes", "`processes` is about one account"),
        ("everyone host1 session 7", "`session` is about one account"),
        ("everyone host1 me me", "stands there twice"),
        ("audituser host1 me", "`me` stands only with `everyone`"),
        ("everyone", "On which host?"),
    ],
)
def test_what_everyone_can_not_be(text: str, said: str) -> None:
    """Every process of everyone is nothing that anybody should ask for."""
    assert said in refused("kick", text)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", Audit()),
        ("since 24h", Audit(since=86400)),
        ("42", Audit(request=42)),
        ("audituser", Audit(about="audituser")),
        ("host1 since 30m", Audit(about="host1", since=1800)),
        ("host1 --since 30m", Audit(about="host1", since=1800)),
        ("U0CAROL", Audit(person="U0CAROL")),
        ("<@U0CAROL>", Audit(person="U0CAROL")),
        ("<@U0CAROL|carol> since 7d", Audit(person="U0CAROL", since=604800)),
        ("@carol", Audit(called="carol")),
        ("@Carol Okafor since 1h", Audit(called="Carol Okafor", since=3600)),
        ("WEBADMIN", Audit(about="WEBADMIN")),
    ],
)
def test_audit(text: str, wanted: Audit) -> None:
    """A request, a login name, a host, someone in Slack, or everything; and since when. `/kickbot audit` too."""
    assert typed("audit", text) == wanted
    assert typed("kickbot", f"audit {text}") == wanted


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("host1 audituser", "`audituser` is not a word that `/audit` knows."),
        ("host1 sinec 1h", "Did you mean `since`?"),
        ("host1 since", "`since` takes a time"),
        ("host1 since yesterday", "`since` takes a time"),
        ("host1 since 1h 2h", "`2h` is not a word"),
        ("42 since 1h", "without `since`"),
        ("x;reboot", "is not a word"),
        ("<!channel>", "is not a word"),
        ("because x", USAGE["audit"]),
    ],
)
def test_audit_that_is_not_one(text: str, told: str) -> None:
    """What it doesn't know is told, with the usage or the way to write it."""
    assert told in refused("audit", text)


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("host1", Limits(hosts=("host1",))),
        ("host1 set idle 15m", SetLimit(hosts=("host1",), limit="idle", seconds=900)),
        ("host1 --set idle 2h because INC-42", SetLimit(hosts=("host1",), limit="idle", seconds=7200, reason="INC-42")),
        ("web[01-02] set unresponsive 1d", SetLimit(hosts=("web01", "web02"), limit="unresponsive", seconds=86400)),
        ("host1 set idle off", SetLimit(hosts=("host1",), limit="idle", seconds=0)),
    ],
)
def test_limits(text: str, command: Limits | SetLimit) -> None:
    """`/limits HOSTS` shows, and `set` asks."""
    assert typed("limits", text) == command
    if isinstance(command, SetLimit):
        assert typed("kickbot", words(command).removeprefix("/")) == command


@pytest.mark.parametrize(
    "text",
    [
        *("host1 set", "host1 set idle", "host1 set idle 30s", "host1 set idle 90s", "host1 set idle 8d"),
        *("host1 set idle 15m 16m", "host1 set tmout 5m", "host1 idle 15m", "host1 because x", "nowhere set idle 15m"),
        *("host1 set idle 15m because", "host1 set idle OFF", "host1 set idle -1", "host1 sett idle 15m"),
    ],
)
def test_limits_that_are_none(text: str) -> None:
    """Nothing is set on a guess."""
    refused("limits", text)


@pytest.mark.parametrize(
    ("command", "text"),
    [
        ("sessions", "host1 a b"),
        ("sessions", "host1 because x"),
        ("kick", "audituser host1 session"),
        ("kick", "audituser host1 session 7 8"),
        ("kick", "audituser host1 host2"),
        ("kickbot", "frobnicate"),
    ],
)
def test_usage(command: str, text: str) -> None:
    """What isn't a command shows the right usage."""
    message = refused(command, text)

    assert USAGE[command] in message or "is not a word" in message


def test_a_word_that_is_not_known_names_the_help() -> None:
    """The slip, what may have been meant, and where the words are explained; not the whole grammar."""
    slip = "`focre` is not a word that `/kick` knows. Did you mean `force`?"
    assert refused("kick", "audituser host1 focre") == f"{slip} Nothing was done. `/kick help` explains each word."


@pytest.mark.parametrize(("command", "text"), [("kick", "audituser"), ("kickbot", "kick audituser")])
def test_who_without_where(command: str, text: str) -> None:
    """One word is who; it is asked where, and the form is named."""
    assert refused(command, text) == "On which host? `/kick audituser HOSTS`, or `/kick` alone for a form."


@pytest.mark.parametrize(
    ("group", "told"),
    [
        ("@nobodys", "There is no group `@nobodys`. Groups: `@db`, `@prod`."),
        ("@prdo", "There is no group `@prdo`. Did you mean `@prod`?"),
    ],
)
def test_no_such_group(group: str, told: str) -> None:
    """The nearest one is named, or else those that there are."""
    hosts = {name: Host(name=name, address=name, groups=frozenset({group})) for name, group in TWO_GROUPS.items()}
    with pytest.raises(CommandError) as error:
        Inventory(hosts=hosts).select(group)
    assert error.value.for_user() == told


def test_no_groups_at_all() -> None:
    """Where none is configured, that is said."""
    hosts = {"host1": Host(name="host1", address="host1")}
    with pytest.raises(CommandError, match=r"There is no group `@prod`. No groups are configured"):
        Inventory(hosts=hosts).select("@prod")


@pytest.mark.parametrize(
    ("command", "text", "topic"),
    [
        ("kick", "help", "kick"),
        ("kick", "\N{EM DASH}help", "kick"),
        ("kick", "help me", "kick"),
        ("sessions", "  ", "sessions"),
        ("sessions", "--help", "sessions"),
        ("kickbot", "", "kickbot"),
        ("kickbot", "help", "kickbot"),
        ("kickbot", "kick help", "kick"),
        ("kickbot", "sessions help", "sessions"),
        ("audit", "help", "audit"),
        ("kickbot", "audit help", "audit"),
    ],
)
def test_help(command: str, text: str, topic: str) -> None:
    """`help` after any command explains it, and so does nothing after those that open no form."""
    assert typed(command, text) == Help(topic=topic)


@pytest.mark.parametrize(
    ("command", "text", "reason"),
    [
        ("kick", "", ""),
        ("kick", "  ", ""),
        ("kickbot", "kick", ""),
        ("kick", "because INC-42", "INC-42"),
        ("kickbot", "kick \N{EM DASH}because  INC-42\nlaptop", "INC-42 laptop"),
    ],
)
def test_form(command: str, text: str, reason: str) -> None:
    """A kick without who and where asks for a form, and takes along the reason that stood there all the same."""
    assert typed(command, text) == Form(reason=reason)


@pytest.mark.parametrize(
    ("command", "text"), [("kick", "audituser host1 session 7 because x"), ("sessions", "web[01-02] audituser")]
)
def test_kickbot_is_the_same(command: str, text: str) -> None:
    """`/kickbot kick …` and `/kickbot sessions …` are `/kick …` and `/sessions …`."""
    assert typed("kickbot", f"{command} {text}") == typed(command, text)


# ------------------------------------------------------------------------------------------------ holds


@pytest.mark.parametrize(("text", "seconds"), [("1m", 60), ("2h", 7200), ("90m", 5400), ("7d", 604_800)])
def test_hold(text: str, seconds: int) -> None:
    """A hold takes a time from a minute to a week, and is an act of its own."""
    kick = typed("kick", f"audituser host1 hold {text} because INC-42")

    assert isinstance(kick, Kick)
    assert kick.hold == seconds
    assert Act.HOLD in kick.acts
    assert f"hold {seconds}s" in words(kick)


@pytest.mark.parametrize("text", ["hold", "hold 59s", "hold 8d", "hold 0", "hold ever", "hold -2h", "hold 2h hold 3h"])
def test_no_hold(text: str) -> None:
    """No hold for less than a minute or more than a week, nor one whose end nobody said."""
    refused("kick", f"audituser host1 {text}")


@pytest.mark.parametrize("text", ["audituser host1 emergency", "emergency", "audituser host1 emergency because"])
def test_no_emergency(text: str) -> None:
    """Without a reason it is none, nor without who and where."""
    refused("kick", text)


def test_an_emergency() -> None:
    """It is said by its word and is never a default; in the reason it is only a word."""
    said = typed("kick", "audituser host1 emergency warn 1m because INC-42")
    assert said == Kick(user="audituser", hosts=("host1",), emergency=True, warn=60, reason="INC-42")
    assert typed("kick", words(said).removeprefix("/kick ")) == said
    assert typed("kick", "audituser host1 because emergency").emergency is False  # type: ignore[union-attr]
    assert typed("kickbot", "reviews").kind == "reviews"


def test_unhold() -> None:
    """`/unhold` takes who, where and why, also behind `/kickbot`; the list takes nothing."""
    expected = Unhold(user="bob", hosts=("host1",), reason="it is over")

    assert typed("unhold", "bob host1 because it is over") == expected
    assert typed("kickbot", "unhold bob host1 because it is over") == expected
    assert typed("kickbot", "holds") == Holds()
    assert typed("unhold", "") == Help(topic="unhold")


@pytest.mark.parametrize("text", ["bob", "bob hots1", "bob host1 force", "bob host1 because", "-x host1"])
def test_no_unhold(text: str) -> None:
    """Nothing is given back on a guess."""
    refused("unhold", text)


def test_nobody_holds_everyone() -> None:
    """A hold is about one account: behind `everyone` nothing would be held, and all would end."""
    assert "`hold` is about one account" in refused("kick", "everyone host1 hold 2h")

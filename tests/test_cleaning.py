"""What hosts and people say is made harmless. Hostile text and leaks first."""

import re
import time
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bot.cleaning import _SECRETS, MASK, _in_plain_words, clean, has_invisible, mask, mask_lines, quoted, shorten

CORPUS = [
    line
    for line in (Path(__file__).parent / "command_lines.txt").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]
MARKED = [line for line in CORPUS if "«" in line]
HARMLESS = [line for line in CORPUS if "«" not in line]
SECRET = re.compile("«([^»]*)»")
LEAKS = [SECRET.sub(r"\1", line) for line in MARKED]

SLOW = [
    "a" * 100_000,
    "password" * 12_500,
    "-" * 100_000,
    "a-" * 50_000,
    "a." * 50_000,
    " -a" * 33_000,
    "--" + "a-" * 50_000,
    "_" * 100_000,
    '"' * 100_000,
    "password=" * 11_000,
    "password='" * 10_000,
    'password="' + "a" * 100_000,
    "password" + " " * 100_000,
    "--token " * 12_500,
    "token = " * 12_500,
    "authorization:" + " " * 100_000,
    "authorization" + " " * 100_000 + ":",
    "authorization: bearer " * 5_000,
    "bearer" + " " * 100_000,
    "bearer " * 14_000,
    "cookie:" + " " * 100_000,
    "cookie:" * 14_000,
    "http://a:" * 11_000,
    "http://" * 14_000,
    "a+" * 50_000 + "://",
    "-u a" * 25_000,
    "mysql " * 16_000,
    "mysql" * 20_000,
    "ldap " * 20_000,
    "docker login " * 8_000,
    "docker" + " " * 100_000,
    "redis-cli " * 10_000,
    "sshpass -p" + " " * 100_000,
    "sshpass" + " " * 100_000,
    "curl -s" * 14_000,
    "curl -" + "s" * 100_000,
    "curl " * 20_000,
    "smbclient " * 10_000,
    "net -U a" * 12_000,
    "zip -P a " * 11_000,
    "zip " + "-P a " * 20_000,
    "zip -" + "P" * 100_000,
    "7z -pa" * 16_000,
    "ssh-keygen -P a -N b " * 5_000,
    "mongo mongo " * 8_000,
    "htpasswd -b" * 9_000,
    "htpasswd" + " -b" * 33_000,
    "htpasswd -C 1 " * 7_000,
    "http -a" * 14_000,
    "http " * 20_000,
    "sqlplus " * 12_500,
    "sqlplus" + " a" * 50_000,
    "sqlplus -S a/" * 7_000,
    "openssl -k " * 9_000,
    "&password=a" * 9_000,
    "&" * 100_000,
    "password=" + "a&" * 50_000,
    "?" + "a" * 100_000,
    "-d a" * 25_000,
    "a://b:" + "@" * 100_000,
    "hooks.slack.com/services/" * 4_000,
    "eyJaaaaaaaa." * 8_000,
    "eyJ" * 33_000,
    "sk-" * 33_000,
    "secret access" * 7_000,
    "xoxb-" * 20_000,
    "curl -b a=" * 10_000,
    "lftp -u a," * 10_000,
    "lftp -u " + "a" * 100_000,
    "az login -p a" * 8_000,
    "az login " * 11_000,
    "snmpget -A a" * 8_000,
    "xfreerdp /p:" * 8_000,
    "nmcli psk " * 10_000,
    "rabbitmqctl add_user a b " * 4_000,
    "rabbitmqctl " * 8_000,
    "aws set a.secret_access_key " * 4_000,
    "aws " + "set " * 25_000,
    "SG." * 33_000,
    "AIza" * 25_000,
    "\0" * 100_000,
    "\N{RIGHT-TO-LEFT OVERRIDE}" * 100_000,
]


def seconds(action: Callable[[str], object], text: str) -> float:
    started = time.process_time()
    action(text)
    return time.process_time() - started


# ------------------------------------------------------------------------------------------------ leaks


@pytest.mark.parametrize("line", MARKED)
def test_secret_on_a_command_line(line: str) -> None:
    """A password or token on a command line is masked, visibly, wherever it stands, and the words beside it stay."""
    beside = [word for word in SECRET.sub("«»", line).split() if "«" not in word]

    masked = mask(SECRET.sub(r"\1", line))

    assert MASK in masked
    assert [secret for secret in SECRET.findall(line) if secret in masked] == []
    assert [word for word in beside if word not in masked.split()] == []


def test_the_corpus_is_whole() -> None:
    """Many lines of both kinds, none twice, and no mark that is open."""
    assert len(MARKED) > 150
    assert len(HARMLESS) > 110
    assert len(set(CORPUS)) == len(CORPUS)
    assert all(line.count("«") == line.count("»") == len(SECRET.findall(line)) for line in CORPUS)


@pytest.mark.parametrize("line", LEAKS)
def test_masked_twice(line: str) -> None:
    """Masking what was masked changes nothing."""
    masked = mask(line)

    assert mask(masked) == masked


@given(st.lists(st.sampled_from([word for line in LEAKS for word in line.split()] + [" ", MASK]), max_size=12))
def test_secrets_beside_each_other(words: list[str]) -> None:
    """However secrets follow one another, masking twice is masking once."""
    once = mask("".join(words))

    assert mask(once) == once
    assert mask(mask(" ".join(words))) == mask(" ".join(words))


def test_secrets_in_many_lines() -> None:
    """Each line of a transcript is masked by itself, and none swallows the next."""
    masked = mask("mysql -phunter2\nid\nexport TOKEN=hunter2\n--password\nuptime")

    assert masked.splitlines() == [f"mysql -p{MASK}", "id", f"export TOKEN={MASK}", "--password", "uptime"]


@given(st.lists(st.sampled_from([*LEAKS, *HARMLESS]) | st.text(), max_size=6))
def test_lines_together(lines: list[str]) -> None:
    """Many lines at once are masked as each is by itself, whatever stands beside it."""
    assert mask_lines(lines) == [mask(line) for line in lines]


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("curl https://x/?token=a&page=1", "curl https://x/?token=[masked]&page=1"),
        ("curl -d user=alice&password=a&page=1 x", "curl -d user=alice&password=[masked]&page=1 x"),
        ("curl --data-raw password=a&user=alice x", "curl --data-raw password=[masked]&user=alice x"),
        ("sqlplus alice/a@db", "sqlplus alice/[masked]@db"),
        ("psql postgresql://app:a@b@db/prod", "psql postgresql://app:[masked]@db/prod"),
        ("ssh-keygen -p -P a -N b -f key", "ssh-keygen -p -P [masked] -N [masked] -f key"),
    ],
)
def test_what_stands_beside_a_secret_stays(text: str, masked: str) -> None:
    """Only the secret is hidden, not the fields, names and addresses around it."""
    assert mask(text) == masked


@pytest.mark.parametrize("line", HARMLESS)
def test_harmless_command_line(line: str) -> None:
    """A command line without a secret stays as it is: evidence isn't blackened."""
    assert mask(line) == line


@pytest.mark.parametrize("text", SLOW, ids=lambda t: f"{t[:24]!a}")
def test_hostile_line(text: str) -> None:
    """100 kB of what patterns like least take no longer than plain text would, about."""
    assert seconds(mask, text) < 3
    assert seconds(clean, text) < 1


@pytest.mark.parametrize("pattern", _SECRETS, ids=lambda pattern: pattern.pattern[10:50])
# Looking ahead in a pattern is filtering, to Hypothesis
@settings(max_examples=20, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
@given(st.data())
def test_no_pattern_fits_without_one_of_its_words(pattern: re.Pattern[str], data: st.DataObject) -> None:
    """Lines that have none of a pattern's words are not tried with it, so whatever it fits holds one."""
    line = data.draw(st.from_regex(pattern, alphabet=st.characters(codec="ascii")))

    assert any(word in _in_plain_words(line) for word in _SECRETS[pattern])


@pytest.mark.parametrize("line", ["--\N{LATIN SMALL LETTER LONG S}ecret hunter2", "api-\N{KELVIN SIGN}ey=hunter2"])
def test_letters_that_count_as_the_same(line: str) -> None:
    """A word in letters that only look like it is masked too."""
    assert "hunter2" not in mask(line)


@given(st.text())
def test_mask_is_idempotent(text: str) -> None:
    """Whatever the text, masking it twice is masking it once."""
    once = mask(text)

    assert mask(once) == once


# ------------------------------------------------------------------------------------------------ invisible characters


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\0b", "a\\x00b"),
        ("a\nb\tc\r", "a\\x0ab\\x09c\\x0d"),
        ("\x1b[2Jx", "\\x1b[2Jx"),
        ("a\x9bb", "a\\x9bb"),
        ("\N{RIGHT-TO-LEFT OVERRIDE}x", "\\u{202e}x"),
        ("\N{RIGHT-TO-LEFT MARK}x", "\\u{200f}x"),
        ("\N{ZERO WIDTH SPACE}\N{ZERO WIDTH JOINER}", "\\u{200b}\\u{200d}"),
        ("\N{SOFT HYPHEN}", "\\xad"),
        ("\N{LINE SEPARATOR}\N{PARAGRAPH SEPARATOR}", "\\u{2028}\\u{2029}"),
        ("\ud800", "\\u{d800}"),
        ("\U000e0041", "\\u{e0041}"),
        ("\ue000", "\\u{e000}"),
        ("\N{BYTE ORDER MARK}", "\\u{feff}"),
    ],
)
def test_invisible_is_shown(text: str, shown: str) -> None:
    """Control characters, direction marks, surrogates and the like are shown by their code, and none is dropped."""
    assert clean(text) == shown


@pytest.mark.parametrize("text", ["plain", "Ünïcödé", "日本語", "a b", "🦊", "<!channel> `x` & *y*"])
def test_visible_stays(text: str) -> None:
    """What can be seen stays as it is."""
    assert clean(text) == text


@pytest.mark.parametrize(
    ("content", "shown"), [(b"a\xffb", "a\\xffb"), (b"\xc3\xa9", "é"), (b"\xed\xa0\x80", "\\xed\\xa0\\x80"), (b"", "")]
)
def test_bytes(content: bytes, shown: str) -> None:
    """Bytes that aren't UTF-8 are shown by their value; the others are read as UTF-8."""
    assert clean(content) == shown


def test_keep() -> None:
    """A control character that is named stays, in ASCII text too."""
    assert clean("a\n\tb\0", keep="\n") == "a\n\\x09b\\x00"


@given(st.text() | st.binary())
def test_clean_is_printable(text: str | bytes) -> None:
    """Whatever comes in, one line of text comes out that UTF-8 can hold and in which nothing is invisible."""
    cleaned = clean(text)

    assert isinstance(cleaned.encode(), bytes)
    assert has_invisible(cleaned) is None
    assert clean(cleaned) == cleaned
    assert len(cleaned.splitlines()) <= 1


@given(st.characters())
def test_has_invisible(character: str) -> None:
    """Invisible is exactly what `clean` would show otherwise."""
    assert (has_invisible(character) is None) is (clean(character) == character)


def test_has_invisible_names_the_first() -> None:
    """The first invisible character is named by its code point."""
    assert has_invisible("a\N{RIGHT-TO-LEFT OVERRIDE}\0") == "U+202E"
    assert has_invisible("visible") is None


@given(st.lists(st.binary() | st.text().map(str.encode), min_size=1))
@example([b"\xe2\x80", b"\xae"])
def test_many_lines_are_cleaned_at_once_as_one_by_one(lines: list[bytes]) -> None:
    """Cut characters, invisible ones and tabs: a line reads the same whatever stands before and behind it."""
    lines = [line.replace(b"\n", b"") for line in lines]

    assert clean(b"\n".join(lines), keep="\n").split("\n") == [clean(line) for line in lines]


# ------------------------------------------------------------------------------------------------ cut and quoted


@given(st.text(), st.integers(20, 100))
def test_shorten(text: str, limit: int) -> None:
    """Text is cut to the limit, with a note that tells the whole length; short text stays."""
    short = shorten(text, limit)

    assert len(short) <= limit
    assert (short == text) is (len(text) <= limit)
    assert len(text) <= limit or short.endswith(f"[{len(text)} characters]")


@given(st.text())
def test_quoted(text: str) -> None:
    """Whatever was typed is safe between backticks in a message."""
    shown = quoted(text)

    assert not set("<>`\n") & set(shown)
    assert len(shown) <= 60
    assert all(unicodedata.category(c) != "Cc" for c in shown)

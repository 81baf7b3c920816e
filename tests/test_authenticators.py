"""Second factors in their file: RFC 6238's own numbers, who may read it, and what never stands anywhere else."""

import base64
import logging
import re
import traceback
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from click.testing import CliRunner

from bot import app, credentials, settings
from bot.authenticators import SECRET, STEP, SecretFile
from bot.cli.main import main
from bot.errors import SecretsUnusable, SettingsError
from tests import codes
from tests.codes import code, enrolled
from tests.fakes import START
from tests.make import APPROVER, OTHER
from tests.test_settings import SMALL

RFC_6238 = {
    59: "94287082",
    1_111_111_109: "07081804",
    1_111_111_111: "14050471",
    1_234_567_890: "89005924",
    2_000_000_000: "69279037",
    20_000_000_000: "65353130",
}
"""Appendix B, for SHA-1, by seconds since 1970: eight digits, of which a code of six has the last ones."""


def put(folder: Path, text: str, mode: int = 0o600) -> SecretFile:
    path = folder / "codes.toml"
    path.write_text(text)
    path.chmod(mode)
    return SecretFile(path)


def line(secret: bytes = b"12345678901234567890") -> str:
    return f'{APPROVER} = "{base64.b32encode(secret).decode()}"\n'


@pytest.mark.parametrize(("seconds", "digits"), RFC_6238.items())
def test_the_numbers_of_rfc_6238(tmp_path: Path, seconds: int, digits: str) -> None:
    """And each is that of its own step."""
    at = datetime.fromtimestamp(seconds, UTC)

    found = put(tmp_path, line()).match(APPROVER, digits[-6:], at)

    assert found is not None
    assert found.step == seconds // STEP
    assert codes.hotp(b"12345678901234567890", seconds // STEP) == digits[-6:]


@pytest.mark.parametrize("steps", range(-4, 5))
def test_one_step_either_way(tmp_path: Path, steps: int) -> None:
    """A clock that is half a minute off is right enough, one that is a minute off is not."""
    file = enrolled(tmp_path / "codes.toml", APPROVER)
    shown = code(APPROVER, START + timedelta(seconds=steps * STEP))

    assert (file.match(APPROVER, shown, START) is not None) is (abs(steps) <= 1)
    assert file.match(OTHER, shown, START) is None


@pytest.mark.parametrize("mode", [0o604, 0o602, 0o620, 0o644, 0o666, 0o606, 0o601])
def test_a_file_for_others_is_refused(tmp_path: Path, mode: int) -> None:
    """Whoever can read it can approve, whoever can write it can be enrolled."""
    with pytest.raises(SecretsUnusable, match="others may read or write it"):
        put(tmp_path, line(), mode).enrolled()


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o440, 0o640])
def test_a_file_of_its_own(tmp_path: Path, mode: int) -> None:
    """Of the user alone, or as systemd's credentials look."""
    assert put(tmp_path, line(), mode).enrolled().keys() == {APPROVER}


@pytest.mark.parametrize(
    "text",
    [
        "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ",
        'U0CAROL = "GEZDGNBVGY3TQOJ!GEZDGNBVGY3TQOJQ"',
        'U0CAROL = "GEZDGNBVGY"',
        'U0CAROL = ""',
        "U0CAROL = 6789",
        'U0CAROL = ["GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"]',
        '[U0CAROL]\nx = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"',
        'carol = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"',
        'S0LEADS = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"',
        'U0CAROL = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\xe9"',
        'U0CAROL = "GEZDGNBVGY3TQOJQ" GEZDGNBVGY3TQOJQ',
        "#" * 1_000_001,
    ],
)
def test_what_is_no_such_file_tells_nothing_of_it(tmp_path: Path, text: str, caplog: pytest.LogCaptureFixture) -> None:
    """Neither the error, its causes nor the log quote a secret, and nobody is enrolled by halves."""
    file = put(tmp_path, text)
    with caplog.at_level(logging.DEBUG), pytest.raises(SecretsUnusable) as refused:
        file.enrolled()

    said = "".join(traceback.format_exception(refused.value)) + caplog.text + refused.value.for_user()
    assert "GEZDGN" not in said.replace(text, "")
    assert len(said) < 10_000


def test_no_file(tmp_path: Path) -> None:
    """It is said which one, to the log alone."""
    with pytest.raises(SecretsUnusable, match=r"codes\.toml: No such file") as refused:
        SecretFile(tmp_path / "codes.toml").enrolled()
    assert "codes.toml" not in refused.value.for_user()


def test_enrolling(tmp_path: Path) -> None:
    """What is printed is what an authenticator takes, and the code that it shows then counts; it counts at once."""
    file = SecretFile(tmp_path / "codes.toml")
    address = urlsplit(file.enrol(APPROVER))
    said = parse_qs(address.query)
    secret = base64.b32decode(said["secret"][0])

    assert (address.scheme, address.netloc, address.path) == ("otpauth", "totp", f"/Kickbot:{APPROVER}")
    assert (said["digits"], said["period"], said["algorithm"], said["issuer"]) == (["6"], ["30"], ["SHA1"], ["Kickbot"])
    assert len(secret) == SECRET
    assert file.match(APPROVER, codes.hotp(secret, int(START.timestamp()) // STEP), START)
    assert (tmp_path / "codes.toml").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["codes.toml"]


def test_enrolling_twice_makes_the_first_one_worthless_only_on_purpose(tmp_path: Path) -> None:
    """Others keep theirs, and the file keeps its mode."""
    file = enrolled(tmp_path / "codes.toml", APPROVER, OTHER)
    (tmp_path / "codes.toml").chmod(0o640)
    with pytest.raises(SecretsUnusable, match="has a second factor already"):
        file.enrol(APPROVER)
    assert file.match(APPROVER, code(APPROVER, START), START)

    file.enrol(APPROVER, replace=True)

    assert file.match(APPROVER, code(APPROVER, START), START) is None
    assert file.match(OTHER, code(OTHER, START), START)
    assert (tmp_path / "codes.toml").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("who", ["", "carol", "S0LEADS", "U0CAROL\n", 'U0" = ""', "U0CAROL,U0DAVE", "U" * 50])
def test_only_people_are_enrolled(tmp_path: Path, who: str) -> None:
    """By their Slack id, and nothing is written for anything else."""
    with pytest.raises(SecretsUnusable, match="Slack id"):
        SecretFile(tmp_path / "codes.toml").enrol(who)
    assert list(tmp_path.iterdir()) == []


def test_a_write_that_fails_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole or not at all, and no piece of it is left lying there."""
    file, before = enrolled(tmp_path / "codes.toml", APPROVER), (tmp_path / "codes.toml").read_text()

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(SecretsUnusable, match="No space left"):
        file.enrol(OTHER)

    assert (tmp_path / "codes.toml").read_text() == before
    assert [path.name for path in tmp_path.iterdir()] == ["codes.toml"]


async def test_the_bot_does_not_start_with_a_file_that_others_may_read(tmp_path: Path) -> None:
    """In one line that names the key, before anything is connected."""
    enrolled(tmp_path / "codes.toml", APPROVER)
    (tmp_path / "codes.toml").chmod(0o644)
    for name in ("key", "hosts"):
        (tmp_path / name).touch()
    small = SMALL.replace('user = "kickbot"', 'user = "kickbot"\nkeys = ["key"]\nknown_hosts = "hosts"')
    asks = f'{small}\nsecond_factor = true\n[second_factor]\nsecrets = "codes.toml"\n'
    loaded = settings.load(configured(tmp_path, asks))

    with pytest.raises(SettingsError, match=r"^second_factor\.secrets: .*others may read or write it"):
        async with app.serving(loaded, credentials.Secrets()):
            pass


# ------------------------------------------------------------------------------------------------ the command line


def configured(folder: Path, text: str) -> Path:
    config = folder / "kickbot.toml"
    config.write_text(text)
    return config


def run(config: Path, *words: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["second-factor", *words, "--config", str(config)])
    return result.exit_code, result.output


def test_from_the_command_line(tmp_path: Path) -> None:
    """Enrol prints the address once, list the ids with a fingerprint each, and remove ends it."""
    config = configured(tmp_path, f'{SMALL}\n[second_factor]\nsecrets = "codes.toml"\n')

    status, printed = run(config, "enrol", APPROVER)
    assert status == 0
    assert re.fullmatch(r"otpauth://totp/Kickbot:U0CAROL\?digits=6&secret=[A-Z2-7]{32}&.*\n", printed)
    assert run(config, "enrol", OTHER)[0] == 0
    status, listed = run(config, "list")
    assert status == 0
    assert re.fullmatch(rf"{APPROVER}  ([0-9a-f]{{16}})\n{OTHER}  (?!\1)[0-9a-f]{{16}}\n", listed)
    status, printed = run(config, "enrol", APPROVER)
    assert (status, "otpauth" in printed) == (2, False)
    assert run(config, "remove", APPROVER) == (0, "")
    assert run(config, "list") == (0, listed.splitlines(keepends=True)[1])
    assert run(config, "remove", APPROVER) == (2, "kickbot: U0CAROL has no second factor\n")


def test_without_a_file_named(tmp_path: Path) -> None:
    """It says what to write."""
    status, printed = run(configured(tmp_path, SMALL), "enrol", APPROVER)

    assert (status, "[second_factor]" in printed) == (2, True)

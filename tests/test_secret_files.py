"""Secrets from files and from systemd's credentials: used, and never shown."""

import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from bot import credentials
from bot.errors import SettingsError
from tests.test_settings import APP_TOKEN, SECRET, TOKEN, clean_environment

__all__ = ["clean_environment"]


@pytest.fixture(autouse=True)
def nothing_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET"):
        monkeypatch.delenv(f"{name}_FILE", raising=False)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)


def put(folder: Path, name: str, text: str) -> str:
    path = folder / name
    path.write_text(text)
    path.chmod(0o600)
    return str(path)


def test_secrets_from_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The line break that every editor leaves is none of the token."""
    monkeypatch.setenv("SLACK_BOT_TOKEN_FILE", put(tmp_path, "bot", f"{TOKEN}\n"))
    monkeypatch.setenv("SLACK_APP_TOKEN_FILE", put(tmp_path, "app", APP_TOKEN))
    monkeypatch.setenv("SLACK_SIGNING_SECRET_FILE", put(tmp_path, "signing", f"{SECRET}\r\n"))

    found = credentials.secrets()

    assert found.slack_bot_token.get_secret_value() == TOKEN
    assert found.slack_app_token.get_secret_value() == APP_TOKEN
    assert credentials.secrets("http").slack_signing_secret.get_secret_value() == SECRET
    assert credentials.reading_secrets().slack_bot_token.get_secret_value() == TOKEN
    assert "hunter2" not in f"{found} {found!r} {found.model_dump()} {found.model_dump_json()}"


def test_secrets_from_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As systemd lays them down; those of other names are nobody's business."""
    put(tmp_path, "slack_bot_token", TOKEN)
    put(tmp_path, "slack_app_token", APP_TOKEN)
    put(tmp_path, "id_ed25519", "a key")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))

    assert credentials.secrets().slack_app_token.get_secret_value() == APP_TOKEN


def test_one_place_for_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which of two counts would be a guess; both are named."""
    monkeypatch.setenv("SLACK_BOT_TOKEN", TOKEN)
    monkeypatch.setenv("SLACK_BOT_TOKEN_FILE", put(tmp_path, "bot", TOKEN))
    with pytest.raises(SettingsError, match="set more than once, by SLACK_BOT_TOKEN and SLACK_BOT_TOKEN_FILE: leave"):
        credentials.secrets()


BROKEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "not there": (lambda path: None, "can't be read (No such file or directory)"),
    "a folder": (lambda path: path.mkdir(), "can't be read (Is a directory)"),
    "empty": (lambda path: path.write_text("\n"), "is empty"),
    "no text": (lambda path: path.write_bytes(b"hunter2\xff"), "holds no token"),
    "too long": (lambda path: path.write_text("hunter2" * 1000), "is too long for a token"),
}


@pytest.mark.parametrize(("made", "told"), BROKEN.values(), ids=BROKEN)
def test_a_file_that_can_not_be_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: Callable[[Path], object], told: str
) -> None:
    """Its name is told, and nothing that is in it; the start stops."""
    path = tmp_path / "bot"
    made(path)
    monkeypatch.setenv("SLACK_BOT_TOKEN_FILE", str(path))

    with pytest.raises(SettingsError) as error:
        credentials.secrets()

    assert str(error.value) == f"SLACK_BOT_TOKEN_FILE: {path} {told}"
    assert "hunter2" not in "".join(traceback.format_exception(error.value))


def test_a_token_of_the_wrong_form_is_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As one from the environment."""
    monkeypatch.setenv("SLACK_BOT_TOKEN_FILE", put(tmp_path, "bot", "hunter2"))
    with pytest.raises(SettingsError, match="SLACK_BOT_TOKEN has the wrong form") as error:
        credentials.secrets()
    assert "hunter2" not in str(error.value)

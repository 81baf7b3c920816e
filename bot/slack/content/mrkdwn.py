"""Text as Slack's mrkdwn: escapes it, names people, groups and channels, gives times in the reader's zone. Pure.

What a host or a person wrote never becomes markup: `<!channel>` stays the ten characters that it is.
"""

from datetime import datetime

from bot.policy import mention

__all__ = ["between", "channel", "code", "escape", "in_utc", "link", "marked", "mention", "time"]

CODE_QUOTE = "\N{MODIFIER LETTER GRAVE ACCENT}"
"""Stands for a backtick inside a code span, which it would end."""


def escape(text: str) -> str:
    """The three characters that mean something to Slack, as https://docs.slack.dev/messaging/formatting-message-text."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def marked(text: str, mark: str) -> str:
    """Text between two marks."""
    return between(escape(text), mark)


def between(written: str, mark: str) -> str:
    """Mrkdwn between two marks, which have to stand right beside its first and last letter."""
    inner = written.strip()
    before, after = written[: len(written) - len(written.lstrip())], written[len(written.rstrip()) :]
    return f"{before}{mark}{inner}{mark}{after}" if inner else written


def code(text: str) -> str:
    """A code span that nothing in the text can end."""
    one_line = " ".join(text.split()).replace("`", CODE_QUOTE)
    return f"`{escape(one_line)}`" if one_line else ""


def channel(identifier: str) -> str:
    return f"<#{identifier}>"


def link(url: str, words: str) -> str:
    return f"<{escape(url)}|{escape(words).replace('|', '/')}>"


def time(moment: datetime, form: str = "{time}") -> str:
    """`13:45 UTC`, shown in the reader's own zone by Slack."""
    return f"<!date^{int(moment.timestamp())}^{form}|{in_utc(moment, form)}>"


def in_utc(moment: datetime, form: str = "{time}") -> str:
    """What stands where Slack's date tokens aren't understood."""
    day = f"{moment:%Y-%m-%d} " if "date" in form else ""
    return f"{day}{moment:%H:%M:%S} UTC" if "secs" in form else f"{day}{moment:%H:%M} UTC"

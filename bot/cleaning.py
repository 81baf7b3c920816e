r"""Make what hosts and people say harmless, before it becomes a value anywhere. Pure.

`clean` makes text printable: bytes that aren't UTF-8, control characters, direction marks and other invisible
characters are shown as `\xNN` or `\u{NNNN}`, so nothing is dropped unseen. `mask` hides passwords and tokens, visibly.
"""

import re
import unicodedata
from collections.abc import Collection, Sequence

MASK = "[masked]"

# Cc control, Cf format (direction marks, zero width), Cs surrogates, Co private use, Cn unassigned, Zl Zp line breaks
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})

_UNUSUAL = re.compile(r"[^ -~]+")

_QUOTED = 60  # characters of what was typed that an error repeats
_NO_MENTION = str.maketrans(
    {
        "<": "\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}",
        ">": "\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}",
    }
)
_NO_MARKUP = {**_NO_MENTION, ord("`"): "'"}


def clean(text: str | bytes, *, keep: str = "") -> str:
    """One line of printable text. `keep` names control characters that stay, such as a newline in a transcript."""
    if isinstance(text, bytes):
        text = text.decode("utf-8", "backslashreplace")
    bare = text
    for kept in keep:
        bare = bare.replace(kept, "")
    if bare.isascii() and bare.isprintable():
        return text
    return _UNUSUAL.sub(lambda run: "".join(c if c in keep else _visible(c) for c in run[0]), text)


def has_invisible(text: str) -> str | None:
    """The first invisible character of a text as `U+202E`, or None."""
    return next((f"U+{ord(c):04X}" for c in text if unicodedata.category(c) in _INVISIBLE), None)


def shorten(text: str, limit: int) -> str:
    """At most `limit` characters, with a note of what was cut."""
    if len(text) <= limit:
        return text
    note = f"… [{len(text)} characters]"
    return text[: max(limit - len(note), 0)] + note


def quoted(text: str) -> str:
    """What someone typed, fit to stand between backticks in a message: printable, short, and never Slack's markup."""
    return shorten(clean(text).translate(_NO_MARKUP), _QUOTED)


def without_mentions(text: str) -> str:
    """The same text, in which Slack reads no mention and no link: what a host says calls nobody."""
    return text.translate(_NO_MENTION)


def mask(text: str) -> str:
    """The same text with the values of passwords, tokens and keys replaced by `[masked]`.

    It works on one command line, or on many lines; what it does not recognise as a secret stays.
    """
    return mask_lines([text])[0]


def mask_lines(lines: Sequence[str]) -> list[str]:
    """`mask` of each. Words that none of them has are looked up once for all: most lines have no secret."""
    together = _in_plain_words("\n".join(lines))
    there = [word for word in _WORDS if word in together]
    return [_masked(line, _likely(line, there)) for line in lines]


def _likely(text: str, there: Sequence[str]) -> Collection[re.Pattern[str]]:
    """The patterns whose words are in the text. there: those that can be."""
    if not text.isascii():  # beyond ASCII are more letters that count as the same one, such as the long s
        return _SECRETS
    words = _in_plain_words(text)
    if not any(map(words.__contains__, there)):
        return ()
    return [p for p in _SECRETS if any(map(words.__contains__, _SECRETS[p]))]


def _masked(text: str, likely: Collection[re.Pattern[str]]) -> str:
    before = None if likely else text
    while text != before:  # what one pattern hid can uncover a secret for another
        before = text
        for pattern in likely:
            text = _hide_all(pattern, text)
    return text


def _in_plain_words(text: str) -> str:
    """In small letters, with one space before each word and behind it."""
    return f" {' '.join(text.lower().split())} "


def _visible(character: str) -> str:
    if unicodedata.category(character) not in _INVISIBLE:
        return character
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{{{code:04x}}}"  # noqa: PLR2004


def _hide_all(pattern: re.Pattern[str], text: str) -> str:
    """Until nothing is left: a program can take more than one secret."""
    while (masked := pattern.sub(_hide, text)) != text:
        text = masked
    return text


def _hide(match: re.Match[str]) -> str:
    return match.group("before") + MASK


# A secret's name, alone or as the end of a longer one (db_password, --auth-token, AWS_SECRET_ACCESS_KEY).
_NAME = (
    r"(?:pass(?:word|wd|phrase|code)?|pwd|secret(?:[-_]?(?:access[-_]?)?key)?|token|credentials?|cookie"
    r"|api[-_]?key|access[-_]?key(?:[-_]?id)?|private[-_]?key|auth[-_]?key)"
)
_NAME_WORDS = "pass|pwd|secret|token|credential|cookie|key"
_VALUE = r"(?:\"[^\"\n]*\"|'[^'\n]*'|\S+)"

# Programs with their words, and the option behind which their secret stands. Others mean something harmless by these.
_OPTIONS = (
    ("7z", "7z[arz]?", "-p"),
    ("zip |mosquitto_|sqlcmd |ipmitool ", "zip|unzip|mosquitto_[a-z]{2,4}|sqlcmd|ipmitool", "-[a-z]{0,8}P[^\\S\\n]?"),
    ("useradd |usermod |groupadd |groupmod ", "(?:user|group)(?:add|mod)", "-[DFlmMNorU]{0,8}p[^\\S\\n]?"),
    ("mongo", "mongo(?:sh|dump|restore|export|import|files|stat|top)?", "-p[^\\S\\n]?"),
    ("openssl ", "openssl", "-k[^\\S\\n]"),
    ("ssh-keygen ", "ssh-keygen", "-[NP][^\\S\\n]?"),
    ("curl ", "curl", "-[#0-46aBfgGiIjJklLMnNOpqRsSvVZ]{1,20}[uU][^\\S\\n]?[^\\s:]{1,100}:"),
    ("http |https ", "https?", "(?:-a[^\\S\\n]?|--auth[ =])[^\\s:]{1,100}:"),
    ("curl ", "curl", "-b[^\\S\\n]?[\"']?[^\\s=\"']{1,100}="),
    ("lftp ", "lftp", "-u[^\\S\\n]?[^\\s,]{1,100},"),
    ("cqlsh |twine |rdesktop |az login ", "cqlsh|twine|rdesktop|az[^\\S\\n]{1,3}login", "-p[^\\S\\n]?"),
    ("snmp", "snmp[a-z]{2,12}", "-[AXc][^\\S\\n]?"),
    ("freerdp", "(?:x|wl|sdl-)freerdp\\d?", "/p(?:assword)?:"),
    ("nmcli ", "nmcli", "(?:password|(?:[\\w-]{1,40}\\.)?psk)[^\\S\\n]"),
    ("smb|rpcclient |net ", "smb[a-z]{1,20}|rpcclient|net", "(?:-U|--user(?:name)?)[ =]?[^\\s%]{1,100}%"),
)
# Programs behind whose own words the secret stands, without an option.
_PLACES = (
    ("rabbitmqctl ", "rabbitmqctl[^\\S\\n](?:[^\\n]{0,80}?\\s)??(?:add_user|change_password)[^\\S\\n]{1,3}\\S{1,100}"),
    ("aws ", "aws[^\\S\\n](?:[^\\n]{0,80}?\\s)??set[^\\S\\n]{1,3}[\\w.]{0,60}?(?:secret_access_key|session_token)"),
)
_PROGRAM = r"(?:^|(?<=[\s/]))"

# Each with the words of which a text has at least one where the pattern fits: in small letters, and spaces as
# `_in_plain_words` has them.
_SECRETS = {
    re.compile(pattern, re.IGNORECASE): words.split("|")
    for words, pattern in (
        # Every repetition in front of a value is bounded: a hostile line costs linear time. None crosses a line.
        # a whole Cookie header; then name=value, name: value, --name value, "name": "value"
        (
            "cookie:",
            r"(?P<before>\bcookie:[^\S\n]{0,9}+)(?!\[masked\])[^\"'\n]+",
        ),
        # in a URL or the body of a form a value ends where the next field begins; anywhere else `&` is part of it
        (
            _NAME_WORDS,
            rf"(?P<before>[?&][\w.%-]{{0,40}}?{_NAME}=)(?!\[masked\])[^\s&\"']+",
        ),
        (
            _NAME_WORDS,
            rf"(?P<before>\s(?:-d|--data[\w-]{{0,20}})[ =]?[\"']?[\w.%-]{{0,40}}?{_NAME}=)(?!\[masked\])[^\s&\"']+",
        ),
        (
            _NAME_WORDS,
            rf"(?P<before>{_NAME}[\"']?[^\S\n]{{0,3}}[=:][^\S\n]{{0,3}})(?!\[masked\]){_VALUE}",
        ),
        (
            _NAME_WORDS,
            rf"(?P<before>(?:^|(?<=\s))(?!--ask-)--?[\w-]{{0,40}}?{_NAME}[^\S\n]{{1,3}})(?!-|\[masked\]){_VALUE}",
        ),
        # Authorization headers, and their values standing alone
        (
            "authorization",
            r"(?P<before>\bauthorization[^\S\n]{0,9}[:=][^\S\n]{0,9}+(?:basic|bearer|digest|token)?+[^\S\n]{0,9}+)(?!\[masked\])[^\s\"']+",
        ),
        (
            "bearer |basic ",
            r"(?P<before>\b(?:bearer|basic)[^\S\n]{1,9})(?!\[masked\])[A-Za-z0-9._~+/=-]{8,}",
        ),
        # user:password@host in a URL, curl -u user:password
        (
            "://",
            r"(?P<before>\b[a-z][a-z0-9+.-]{0,20}://[^\s/:@]{0,100}:)(?!\[masked\])[^\s/]{1,500}(?=@)",
        ),
        (
            " -u| --user| --proxy-user",
            r"(?P<before>(?:^|(?<=\s))(?:-u|--user|--proxy-user)[ =]?[^\s:]{1,100}:)(?!\[masked\])[^\s]+",
        ),
        # mysql -pSECRET, sshpass -p SECRET, redis-cli -a SECRET
        (
            "mysql|mariadb",
            r"(?P<before>\b(?:mysql\w*|mariadb\w*)\b[^\n]{0,200}?\s-p)(?!\[masked\]|\s)[^\s]+",
        ),
        (
            "docker |podman ",
            r"(?P<before>\b(?:docker|podman)[^\S\n]{1,3}login\b[^\n]{0,200}?\s-p[ =]{0,3})(?!\[masked\])[^\s]+",
        ),
        (
            "ldap",
            r"(?P<before>\bldap\w+\b[^\n]{0,200}?\s-w[^\S\n]{0,3})(?!\[masked\]|\s)[^\s]+",
        ),
        (
            "sshpass -p",
            r"(?P<before>\bsshpass[^\S\n]{1,9}-p[^\S\n]{0,3})(?!\[masked\])[^\s]+",
        ),
        (
            "redis-cli|valkey-cli",
            r"(?P<before>\b(?:redis|valkey)-cli\b[^\n]{0,200}?\s-a[^\S\n]{1,3})(?!\[masked\])[^\s]+",
        ),
        *(
            (
                words,
                rf"(?P<before>{_PROGRAM}(?:{program})[^\S\n](?:[^\n]{{0,200}}?\s)??(?-i:{option}))(?!-|\s|\[masked\]){_VALUE}",
            )
            for words, program, option in _OPTIONS
        ),
        *(
            (words, rf"(?P<before>{_PROGRAM}(?:{place})[^\S\n]{{1,3}})(?!-|\s|\[masked\]){_VALUE}")
            for words, place in _PLACES
        ),
        # htpasswd -b FILE USER SECRET, without FILE after -n; sqlplus USER/SECRET@DATABASE
        (
            "htpasswd",
            rf"(?P<before>{_PROGRAM}htpasswd(?=[^\n]{{0,80}}?\s-\w{{0,8}}b)(?P<n>(?=[^\n]{{0,80}}?\s-\w{{0,8}}n))?"
            rf"(?:[^\S\n]-(?:\w{{0,8}}C[^\S\n]\d{{1,2}}|\w{{1,8}})){{1,8}}+(?(n)|[^\S\n]\S{{1,300}})[^\S\n]\S{{1,300}}[^\S\n])"
            rf"(?!\[masked\]){_VALUE}",
        ),
        (
            "sqlplus",
            rf"(?P<before>{_PROGRAM}sqlplus(?:[^\S\n][^\s/@]{{1,60}}){{0,8}}?[^\S\n][^\s/@]{{1,100}}/)(?!\[masked\])(?:\S{{1,200}}(?=@)|\S+)",
        ),
        # well-known shapes, wherever they stand
        (
            "hooks.slack",
            r"(?P<before>\bhooks\.slack(?:-gov)?\.com/\w{1,20}/)(?!\[masked\])[^\s\"'<>]+",
        ),
        (
            "xox|xapp-|ghp_|gho_|ghu_|ghs_|ghr_|github_pat_|glpat-|akia|asia|sk-|sk_|hvs.|hvb.|eyj"
            "|aiza|npm_|dckr_pat_|sg.|pypi-age",
            r"(?P<before>)\b(?:xox[abeprs]-[\w-]{8,}|xapp-[\w-]{8,}|gh[pousr]_\w{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}"
            r"|AKIA[0-9A-Z]{16}|ASIA[0-9A-Z]{16}|sk[-_][\w-]{20,}|hv[sb]\.[\w-]{20,}|eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"
            r"|AIza[\w-]{35}|npm_[A-Za-z0-9]{36}|dckr_pat_[\w-]{20,}|SG\.[\w-]{16,}\.[\w-]{16,}|pypi-AgE[\w-]{16,})",
        ),
    )
}
_WORDS = sorted({word for words in _SECRETS.values() for word in words})

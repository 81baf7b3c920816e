"""Whether the clocks go alike: this machine's, Slack's, the hosts', the database's. Pure."""

from bot.durations import spell
from bot.findings import Finding, finding_in
from bot.idleness import APART

OURS = "this machine's"
NTP = "Set the wrong one of the two by NTP: what is late, and who is idle, hang on it."

finding = finding_in("clocks")


def of_clock(whose: str, ahead: int, than: str) -> Finding:
    """ahead: seconds; behind if negative."""
    if abs(ahead) <= APART:
        return finding("ok", whose, f"at most {spell(APART)} from {than}")
    where = "ahead of" if ahead > 0 else "behind"
    return finding("wrong", whose, f"{spell(abs(ahead))} {where} {than}", NTP)

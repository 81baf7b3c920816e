"""The words of an explanation, for a terminal. Pure."""

from collections.abc import Iterator, Sequence

from bot.counting import count
from bot.policy import Policy, without_markup
from bot.rules.explaining import Explained, Opinion, Row, places
from bot.rules.roster import Roster


def told(explained: Sequence[Explained], policy: Policy, host: str, user: str, roster: Roster) -> Iterator[str]:
    """Which rules name the host; then about each deed which decide, who may, and who may not and why."""
    there = [number for number, rule in enumerate(policy.rules) if host in rule.hosts]
    yield f"{host} is named by {places(there) or 'no rule'}."
    for one in explained:
        kind = f", if it is {' or '.join(one.accounts)}" if len(explained) > 1 else ""
        yield f"{user} on {host}{kind}"
        for row in one.rows:
            yield f"  {row.deed}: {_by(row)}"
            for verb, opinions in row.opinions.items():
                yield from (f"    {clause}" for clause in _clauses(verb, opinions, row, roster))


def _by(row: Row) -> str:
    if not row.rules:
        return f"nobody. {row.nobody}"
    return f"decided by {places(row.rules)}"


def _clauses(verb: str, opinions: Sequence[Opinion], row: Row, roster: Roster) -> Iterator[str]:
    how = {"ask": ", with a reason (`because …`)" if row.reason else ""}
    how["ask"] += ", and act alone in an emergency" if row.emergency else ""
    how["approve"] = f", {count(row.needed, 'person', 'people')} besides who asks" if row.needed else ""
    how["approve"] += ", with a second factor" if row.second_factor else ""
    allowed = [_shown(opinion, roster) for opinion in opinions if opinion.allowed is not False]
    if allowed:
        yield f"may {verb}: {', '.join(allowed)}{how.get(verb, '')}"
    elif not opinions:
        yield f"may {verb}: nobody, since the rule names nobody"
    refused = {opinion.reason: list[str]() for opinion in opinions if opinion.allowed is False}
    for opinion in opinions:
        if opinion.allowed is False:
            refused[opinion.reason].append(_shown(opinion, roster))
    for reason, people in refused.items():
        yield f'may not {verb}: {", ".join(people)}: "{without_markup(reason, roster.called)}"'


def _shown(opinion: Opinion, roster: Roster) -> str:
    groups = " and ".join(opinion.groups)
    if not opinion.person:
        return f"whoever is in {groups}"
    return roster.called(opinion.person) + (f" if they are in {groups}" if groups else "")

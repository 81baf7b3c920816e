"""Who stays where everyone goes, besides the bot and the protected accounts, so that nobody is locked out. Pure.

Refuse by default: an account that no rule allows to end stays, and so does one of whom the host didn't tell its groups.
"""

from bot.events import BOT
from bot.models import Account, Kick, Snapshot
from bot.policy import Policy, Rule, may_sweep

YOURS = "it is of whoever asked; with the word `me` it would end too"


def why_spared(command: Kick, look: Snapshot, account: Account, policy: Policy, asker: str) -> str:
    """Why the sessions of an account stay; empty if they may go. asker: `kickbot` for a sweep."""
    if account.name in command.spare:
        return "the sweep leaves the account alone"
    rules = policy.rules_to_act(look.host, account, command.acts)
    if not rules:
        return "no rule allows to end it"
    if asker == BOT and not may_sweep(policy, look.host, account, command, "propose"):
        return "no rule lets a sweep end it"
    if policy.owns(account.name, asker) and not command.me:
        return YOURS
    return _why_by_group(rules, look, account)


def _why_by_group(rules: tuple[Rule, ...], look: Snapshot, account: Account) -> str:
    spared = {group for rule in rules for group in rule.spare_groups}
    if not spared:
        return ""
    known = look.groups.get(str(account.uid))
    if known is None:
        return f"the host didn't tell whether the account is in the group {_either(spared)}"
    return f"the account is in the group {_either(inside)}" if (inside := spared & set(known)) else ""


def _either(groups: set[str]) -> str:
    return " or ".join(sorted(groups))

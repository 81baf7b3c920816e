"""The hosts and the rules as they stand now. Both are replaced together, when what other sources say was read again."""

from collections.abc import Callable

from bot.inventory import Inventory
from bot.policy import Policy


class Estate:
    """Whoever keeps something that was made of them follows it."""

    def __init__(self, inventory: Inventory, policy: Policy) -> None:
        self.inventory, self.policy = inventory, policy
        self._followers: list[Callable[[Estate], None]] = []

    def follow(self, told: Callable[["Estate"], None]) -> None:
        """told: called after each change, until the end."""
        self._followers.append(told)

    def replace(self, inventory: Inventory, policy: Policy) -> None:
        self.inventory, self.policy = inventory, policy
        for told in self._followers:
            told(self)

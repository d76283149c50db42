"""The one feed of changes: every slot, account, control and intent that changed, with ids that resume."""

import threading
import uuid
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any, Final

from dita._kernel import KernelCommandType, KernelIntent, TradeSlot
from dita.host.documents import to_json

KEPT_MAX: Final = 10_000


class Feed:
    """Changes of all accounts in one order. Ids are `boot-n`; each start of a host has its own `boot`.

    Attributes:
        boot: Of this start.
        wanted: Whether anybody has asked for changes: nothing is kept before.
    """

    def __init__(self, kept_max: int = KEPT_MAX) -> None:
        """Start empty.

        Args:
            kept_max: How many changes are kept for those who come back.
        """
        self.boot = uuid.uuid4().hex[:8]
        self._kept: deque[tuple[int, bytes]] = deque(maxlen=kept_max)
        self._last = 0
        self._ended = False
        self._news = threading.Condition()
        self.wanted = False

    def put(self, account: str, kind: str, value: object) -> None:
        """Take a change.

        Args:
            account: Of which account.
            kind: "slot", "account", "control" or "intent".
            value: Plain values, or a slot.
        """
        if not self.wanted:
            return
        text = value.to_json() if isinstance(value, TradeSlot) else to_json(value)
        with self._news:
            self._last += 1
            head = to_json({"id": f"{self.boot}-{self._last}", "account": account, "type": kind})
            self._kept.append((self._last, f'{head[:-1]},"value":{text}}}'.encode()))
            self._news.notify_all()

    def changes(self, after: str | None = None) -> Iterator[bytes]:
        """Yield changes as JSON, and wait for more, until the host ends.

        Args:
            after: The last id that was seen; None begins with what comes next. Where what followed it is
                gone, or the host has started anew, the first change is a "reset": read `status` anew.
        """
        self.wanted = True
        with self._news:
            # Now, and not at the first `next`: what happens between the two is in the feed.
            return self._from(self._place(after))

    def _from(self, place: int | None) -> Iterator[bytes]:
        at = self._last if place is None else place
        if place is None:
            yield self._reset(at)
        while True:
            with self._news:
                while self._last <= at and not self._ended:
                    self._news.wait()
                if self._last <= at:
                    return
                first, last = self._kept[0][0], self._last
                fresh = [line for number, line in self._kept if number > at]
            if first > at + 1:
                yield self._reset(first - 1)
            yield from fresh
            at = last

    def _reset(self, number: int) -> bytes:
        line = {"id": f"{self.boot}-{number}", "account": "", "type": "reset", "value": None}
        return to_json(line).encode()

    def _place(self, after: str | None) -> int | None:
        if after is None:
            return self._last
        boot, _, number = after.rpartition("-")
        if boot != self.boot or not number.isdecimal() or int(number) > self._last:
            return None
        first = self._kept[0][0] if self._kept else self._last + 1
        return int(number) if int(number) >= first - 1 else None

    def end(self) -> None:
        """End every iteration once its queue is empty."""
        with self._news:
            self._ended = True
            self._news.notify_all()


class AccountFeed:
    """One account's part of the feed: a plane that the kernel writes its newest states to."""

    def __init__(self, feed: Feed, account: str) -> None:
        """Write to a feed.

        Args:
            feed: Where to.
            account: The account's name.
        """
        self._feed = feed
        self._account = account

    @property
    def is_idle(self) -> bool:
        """Whether the feed has no readers: nothing has to be built."""
        return not self._feed.wanted

    def publish_intent(self, intent: KernelIntent) -> None:
        """Show an intent."""
        self.tell_intent(
            intent.intent_id, intent.trade_id, intent.slot_id, intent.asset, intent.action, intent.owner
        )

    def tell_intent(
        self,
        intent_id: str,
        trade_id: str,
        slot_id: int | None,
        asset: str,
        action: KernelCommandType,
        owner: str,
    ) -> None:
        """Show an intent by its fields, where none was built."""
        fields = {
            "intent_id": intent_id,
            "trade_id": trade_id,
            "slot_id": slot_id,
            "asset": asset,
            "action": action,
            "owner": owner,
        }
        self._feed.put(self._account, "intent", fields)

    def write_slot(self, slot: TradeSlot) -> None:
        """Show a slot's newest state."""
        self._feed.put(self._account, "slot", slot)

    def write_account(self, account: Mapping[str, Any]) -> None:
        """Show the account's newest state."""
        self._feed.put(self._account, "account", dict(account))

    def update_control(self, snapshot: Mapping[str, Any]) -> None:
        """Show the controls' newest state."""
        self._feed.put(self._account, "control", dict(snapshot))

    def read_slot(self, slot_id: int) -> TradeSlot | None:  # noqa: ARG002 - the protocol's
        """Return nothing: the feed keeps no states, the kernel does."""
        return None

    def read_account(self) -> Mapping[str, Any]:
        """Return nothing: the feed keeps no states, the kernel does."""
        return {}

"""DITAv2's module `account`: it stands alone until a kernel takes it, and `settle` moves it."""

import dataclasses
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from dita.errors import refuse
from dita.kernel import ExecutionKernel
from dita.second_names import AccountSnapshot
from dita.slots import AccountProjection as Projection
from dita.venues.base import is_live

__all__ = ["AccountProjection", "AccountSnapshot"]


class AccountProjection(Projection):
    """A kernel's account. Before a kernel takes it, a kernel of its own keeps the ledger."""

    __slots__ = ("_asset", "_kernel")

    def __init__(self, capital: Decimal | str | float = 0, asset: str = "USDT") -> None:
        """Open an account.

        Args:
            capital: What it starts with.
            asset: In which asset.
        """
        self._asset = asset
        self._kernel: ExecutionKernel = ExecutionKernel(max_slots=1)
        self._kernel.set_seed_capital(capital, asset)
        super().__init__(self._kernel.account._engine)  # noqa: SLF001 - the same class

    def join(self, kernel: ExecutionKernel, ledger: Projection) -> None:
        """Become a kernel's account; of one that nobody has opened, with the capital that this one has.

        Args:
            kernel: The kernel.
            ledger: Its account.
        """
        if not kernel.ledger(1) and not is_live(kernel.venue):
            kernel.set_seed_capital(self.state(self._asset)["k_capital"], self._asset)
        self._kernel.close()
        self._kernel, self._engine = kernel, ledger._engine  # noqa: SLF001 - the same class

    def state(self, asset: str | None = None) -> Any:  # noqa: ANN401 - as its base has it
        """Return an asset's figures; see `dita.AccountProjection.state`."""
        return super().state(asset) or super().state(self._asset)

    def observe_slots(self, slots: Iterable[Any] | None = None) -> AccountSnapshot:
        """Return the figures; of an account without positions, with what the given slots hold.

        Args:
            slots: Slots of elsewhere; None means the kernel's own.
        """
        found = self.snapshot
        held = [slot for slot in slots or () if slot.size]
        if found.open_positions or not held:
            return found
        gained = sum((slot.unrealized_pnl for slot in held), Decimal(0))
        way = {"LONG": 1, "SHORT": -1}
        worth = sum(
            (
                slot.size * (slot.entry_price or 0) + way[str(slot.side)] * slot.unrealized_pnl
                for slot in held
            ),
            Decimal(0),
        )
        equity = found.capital + gained
        return dataclasses.replace(
            found,
            unrealized_pnl=gained,
            equity=equity,
            open_positions=len(held),
            open_notional=worth,
            leverage=worth / equity if equity else Decimal(0),
        )

    def settle(self, pnl: Decimal | str | float | None = None) -> AccountSnapshot:
        """Move capital by a profit that no fill has brought.

        Args:
            pnl: + a profit; None moves nothing.

        Raises:
            InvalidInput: It is no number, or the venue is live.
        """
        if pnl is not None:
            if is_live(self._kernel.venue):
                raise refuse(
                    "pnl", pnl, "is not booked by hand: a live venue's fills and wallet say what was settled"
                )
            self._kernel.on_account_event(
                {"kind": "ADJUSTMENT", "timestamp": self._kernel.now_ns, "asset": self._asset, "amount": pnl}
            )
        return self.snapshot

"""The doctor for OKX and BingX: what their adapters ask for anyway, and the account's modes.

Neither venue is proven over a wire: the questions are the documentation's, and their answers recorded ones.
"""

from collections.abc import Iterator
from typing import Any, Final

from dita.live.checks import Check, Doctor
from dita.venues.wire import reading
from dita.venues.wire.requests import Request

_OKX_CONFIG: Final = Request("GET", "/api/v5/account/config")
#: OKX's account levels, in the venue's words.
_OKX_LEVELS: Final = {"1": "spot", "2": "futures", "3": "multi-currency margin", "4": "portfolio margin"}
_BINGX_POSITION_MODE: Final = Request("GET", "/openApi/swap/v1/positionSide/dual")
_BINGX_ASSET_MODE: Final = Request("GET", "/openApi/swap/v1/trade/assetMode")


class _UnprovenDoctor(Doctor):
    """Says first what the rest is worth."""

    def run(self) -> Iterator[Check]:
        """Look at one thing after the other."""
        yield Check(
            "proof",
            "warn",
            "this venue is not proven over a wire: the questions are the documentation's; real money takes "
            "--unproven",
        )
        yield from super().run()

    def _instruments(self) -> tuple[str, str]:
        rules = self._adapter.get_market_metadata(self._adapter.symbols)
        listed = [
            f"{symbol}: least {own['min_qty']}, step {own['lot_step']}, tick {own['tick_size']}"
            for symbol, own in rules.items()
        ]
        return "warn", f"{'; '.join(listed)}; fees and leverage are not asked for here: look at the venue"


class OkxDoctor(_UnprovenDoctor):
    """Asks OKX about an account."""

    def _config(self) -> dict[str, Any]:
        rows = reading.table(self._adapter.ask(_OKX_CONFIG), "account/config")
        return rows[0] if rows else {}

    def _key(self) -> tuple[str, str]:
        rights = reading.text(self._config(), "perm").split(",")
        if "trade" not in rights:
            return "fail", "may only read: make one that may trade"
        if "withdraw" not in rights:
            return "ok", "may trade, and may not withdraw"
        if self._allow_withdrawals:
            return "warn", "may trade, and may withdraw"
        return "fail", "may withdraw: make one that cannot, or say --allow-withdrawals"

    def _position_mode(self) -> tuple[str, str]:
        return self._mode(is_hedge=reading.text(self._config(), "posMode") == "long_short_mode")

    def _account_mode(self) -> tuple[str, str]:
        level = reading.text(self._config(), "acctLv")
        found = _OKX_LEVELS.get(level, f"level {level}")
        if level != "2":
            return "fail", f"MODE_NOT_SUPPORTED: {found}; switch to futures mode at the venue"
        return "ok", found


class BingxDoctor(_UnprovenDoctor):
    """Asks BingX about an account."""

    def _key(self) -> tuple[str, str]:
        self._adapter.get_balances()
        return "warn", "reads the account; its rights are not asked for here: use one that may not withdraw"

    def _position_mode(self) -> tuple[str, str]:
        answer = reading.record(self._adapter.ask(_BINGX_POSITION_MODE), "dual")
        return self._mode(is_hedge=str(answer.get("dualSidePosition")).lower() == "true")

    def _account_mode(self) -> tuple[str, str]:
        mode = reading.text(reading.record(self._adapter.ask(_BINGX_ASSET_MODE), "assetMode"), "assetMode")
        if mode != "singleAssetMode":
            return "fail", f"MODE_NOT_SUPPORTED: {mode}; switch to single-asset mode at the venue"
        return "ok", "single-asset"

"""The modes of a BingX account. The questions are the documentation's."""

from typing import Final

from dita.venues.bingx import requests
from dita.venues.wire import checks, reading
from dita.venues.wire.checks import KeyRights
from dita.venues.wire.requests import Request

_POSITION_MODE: Final = Request("GET", "/openApi/swap/v1/positionSide/dual")
_ASSET_MODE: Final = Request("GET", "/openApi/swap/v1/trade/assetMode")


class AccountChecks(checks.AccountChecks):
    """Asks BingX about an account."""

    def key(self) -> KeyRights:
        self._ask(requests.BALANCE)
        return KeyRights(unknown="its rights are not asked for here: use one that may not withdraw")

    def is_hedge(self) -> bool:
        answer = reading.record(self._ask(_POSITION_MODE), "dual")
        return str(answer.get("dualSidePosition")).lower() == "true"

    def mode(self) -> tuple[bool, str]:
        mode = reading.text(reading.record(self._ask(_ASSET_MODE), "assetMode"), "assetMode")
        if mode != "singleAssetMode":
            return False, f"{mode}; switch to single-asset mode at the venue"
        return True, "single-asset"

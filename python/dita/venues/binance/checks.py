"""The rights of a Binance key, and the account's modes."""

from dita.venues.binance import requests
from dita.venues.wire import checks, reading
from dita.venues.wire.checks import KeyRights
from dita.venues.wire.failures import Failure, Fate


class AccountChecks(checks.AccountChecks):
    """Asks Binance about an account."""

    _has_portfolio_margin = False

    def key(self) -> KeyRights:
        try:
            rights = reading.record(self._ask(requests.KEY_RIGHTS), "apiRestrictions")
        except Failure as failure:
            # Test networks do not have it; then the balance says whether the key is one.
            if failure.fate is Fate.UNKNOWN or failure.code in {-2014, -2015, -1022}:
                raise
            self._ask(requests.BALANCE)
            return KeyRights(unknown="its rights cannot be asked for here")
        self._has_portfolio_margin = rights.get("enablePortfolioMarginTrading") is True
        lacks = rights.get("enableFutures") is False
        return KeyRights(
            of="futures", lacks="may not trade futures: enable that right for it" if lacks else "",
            withdraws=rights.get("enableWithdrawals") is True,
        )  # fmt: skip

    def is_hedge(self) -> bool:
        answer = reading.record(self._ask(requests.POSITION_MODE), "dual")
        return answer.get("dualSidePosition") is True

    def mode(self) -> tuple[bool, str]:
        multi = reading.record(self._ask(requests.MULTI_ASSETS), "multiAssetsMargin")
        if multi.get("multiAssetsMargin") is True:
            return False, "multi-assets mode; switch to single-asset mode at the venue"
        if self._has_portfolio_margin:
            # Its money and its orders are elsewhere: the futures wallet does not show them.
            return False, "a portfolio margin account; trade on a classic futures account"
        return True, "single-asset"

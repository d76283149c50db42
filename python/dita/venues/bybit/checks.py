"""The rights of a Bybit key, and the modes of a unified account."""

from dita.errors import InvalidInput
from dita.venues.bybit import requests
from dita.venues.wire import checks, reading
from dita.venues.wire.checks import KeyRights


class AccountChecks(checks.AccountChecks):
    """Asks Bybit about an account."""

    def key(self) -> KeyRights:
        rights = reading.record(self._ask(requests.KEY_RIGHTS), "query-api")
        named = reading.record(rights.get("permissions") or {}, "permissions")
        lacks = ""
        if rights.get("readOnly") not in {0, "0"}:
            lacks = "may only read: make one that may trade"
        elif not {"Order", "Position"} <= set(named.get("ContractTrade") or []):
            lacks = "may not trade contracts (orders and positions): enable that right for it"
        return KeyRights("contracts", lacks, withdraws="Withdraw" in (named.get("Wallet") or []))

    def is_hedge(self) -> bool:
        # The mode is an instrument's here: flat positions are listed by instrument, with their index.
        hedged = []
        for symbol in self._symbols:
            answer = reading.record(self._ask(requests.positions(symbol)), "position")
            rows = reading.table(answer.get("list") or [], "list")
            hedged.append(any(row.get("positionIdx") not in {0, None} for row in rows))
        if any(hedged) != all(hedged):
            raise InvalidInput("one-way and hedge instruments are mixed: DITA never changes that there")
        return any(hedged)

    def mode(self) -> tuple[bool, str]:
        info = reading.record(self._ask(requests.ACCOUNT), "account")
        if info.get("unifiedMarginStatus") not in {3, 4, 5, 6}:
            return False, "a classic account; upgrade to a unified one at the venue"
        if info.get("marginMode") == "PORTFOLIO_MARGIN":
            return False, "portfolio margin; choose cross or isolated at the venue"
        return True, f"unified, {str(info.get('marginMode')).lower().replace('_', ' ')}"

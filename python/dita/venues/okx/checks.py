"""The rights of an OKX key, and the account's modes. The questions are the documentation's."""

from typing import Any, Final

from dita.venues.wire import checks, reading
from dita.venues.wire.checks import KeyRights
from dita.venues.wire.requests import Request

_CONFIG: Final = Request("GET", "/api/v5/account/config")
#: The account levels, in the venue's words.
_LEVELS: Final = {"1": "spot", "2": "futures", "3": "multi-currency margin", "4": "portfolio margin"}


class AccountChecks(checks.AccountChecks):
    """Asks OKX about an account."""

    def _config(self) -> dict[str, Any]:
        rows = reading.table(self._ask(_CONFIG), "account/config")
        return rows[0] if rows else {}

    def key(self) -> KeyRights:
        rights = reading.text(self._config(), "perm").split(",")
        lacks = "" if "trade" in rights else "may only read: make one that may trade"
        return KeyRights("", lacks, withdraws="withdraw" in rights)

    def is_hedge(self) -> bool:
        return reading.text(self._config(), "posMode") == "long_short_mode"

    def mode(self) -> tuple[bool, str]:
        level = reading.text(self._config(), "acctLv")
        found = _LEVELS.get(level, f"level {level}")
        return (True, found) if level == "2" else (False, f"{found}; switch to futures mode at the venue")

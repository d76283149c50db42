"""What a portfolio is refused for, by name."""

from enum import StrEnum

from dita.errors import KernelError, shown


class PortfolioCode(StrEnum):
    """Why a file of targets, a plan, or one of its rows is refused."""

    BAD_FILE = "BAD_FILE"
    FILE_CHANGED = "FILE_CHANGED"
    HASH_MISMATCH = "HASH_MISMATCH"
    STALE = "STALE"
    NO_SUCH_RANK = "NO_SUCH_RANK"
    NO_TARGETS = "NO_TARGETS"
    INVALID_WEIGHT = "INVALID_WEIGHT"
    DUPLICATE_SYMBOL = "DUPLICATE_SYMBOL"
    UNKNOWN_SYMBOL = "UNKNOWN_SYMBOL"
    GROSS_TOO_HIGH = "GROSS_TOO_HIGH"
    NOT_AUDITED = "NOT_AUDITED"
    REGIME_BLOCKED = "REGIME_BLOCKED"
    NO_MARK = "NO_MARK"
    NO_LIMITS = "NO_LIMITS"
    MIXED_SETTLEMENT = "MIXED_SETTLEMENT"
    SHORT_SPOT = "SHORT_SPOT"
    NO_EQUITY = "NO_EQUITY"
    TOO_FEW_SLOTS = "TOO_FEW_SLOTS"
    APPLIER_RUNNING = "APPLIER_RUNNING"
    RANK_APPLIED = "RANK_APPLIED"
    ALREADY_APPLIED = "ALREADY_APPLIED"
    BAD_PLAN = "BAD_PLAN"
    BAD_REGISTRY = "BAD_REGISTRY"
    BAD_STATE = "BAD_STATE"


class PortfolioRefused(KernelError):  # noqa: N818 - it says what was done
    """Targets are refused, and nothing was traded. The text has the code, the field and the value.

    Attributes:
        code: Why.
        field: Which field, with its place; empty where it is no field.
        value: What stood there.
    """

    def __init__(self, code: PortfolioCode, text: str, *, field: str = "", value: object = None) -> None:
        """Refuse.

        Args:
            code: Why.
            text: The same in words, and what to do.
            field: Which field.
            value: What stood there.
        """
        super().__init__(f"{code}: {text}")
        self.code = code
        self.field = field
        self.value = value


def refused_field(code: PortfolioCode, field: str, value: object, why: str) -> PortfolioRefused:
    """Return the refusal of one field: its text names field and value.

    Args:
        code: Why.
        field: Which field, with its place.
        value: What stood there.
        why: The same in words.
    """
    return PortfolioRefused(code, f"{field}: {shown(value)} {why}", field=field, value=value)

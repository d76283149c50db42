"""How well the predicted fees fit what the venue charged: analytics beside the trading state, never inside it."""

from dataclasses import dataclass, field
from decimal import Context, Decimal
from typing import Any, Final

from dita.errors import InvalidInput

EMA_WEIGHT: Final = Decimal("0.1")
OK_BELOW_PCT: Final = Decimal(1)
WARN_BELOW_PCT: Final = Decimal(5)
# Ratios are quotients: 28 digits, half-even, whatever the caller's own decimal context is.
_RATIOS: Final = Context(prec=28)


def exact(name: str, value: Decimal | str | float) -> Decimal:
    """Return a number exactly; a float enters through its shortest text.

    Args:
        name: What the error calls it.
        value: The number.

    Raises:
        InvalidInput: It is no finite number.
    """
    try:
        number = Decimal(str(value))
    except ArithmeticError:
        number = Decimal("NaN")
    if not number.is_finite():
        error = InvalidInput(f"{name}: {value!r} is not a number that the kernel takes")
        error.field, error.value = name, value
        raise error
    return number


@dataclass(slots=True)
class FeeCalibration:
    """The ratios of one instrument and liquidity.

    Attributes:
        ratio_ema: Exponential average of actual / expected, weight 0.1 for the newest; None before the first.
        samples: How many there were.
    """

    ratio_ema: Decimal | None = field(default=None)
    samples: int = 0

    def add(self, expected: Decimal, actual: Decimal) -> dict[str, Any]:
        """Compare one fee, and remember it.

        Args:
            expected: What the kernel predicts, + a charge.
            actual: What the venue charged.

        Returns:
            `expected_fee`, `actual_fee`, `ratio` (None where nothing was expected), `deviation_pct` (the same),
            `calibration_status` (OK below 1 %, WARN below 5 %, else ERROR), `calibration_ratio`,
            `calibration_samples`.
        """
        ratio = deviation = None
        status = "OK" if expected == actual else "ERROR"
        if expected:
            ratio = _RATIOS.divide(actual, expected)
            deviation = abs(_RATIOS.multiply(_RATIOS.subtract(ratio, Decimal(1)), Decimal(100)))
            status = "OK" if deviation < OK_BELOW_PCT else "WARN" if deviation < WARN_BELOW_PCT else "ERROR"
            self._remember(ratio)
        return {
            "expected_fee": expected,
            "actual_fee": actual,
            "ratio": ratio,
            "deviation_pct": deviation,
            "calibration_status": status,
            "calibration_ratio": self.ratio_ema,
            "calibration_samples": self.samples,
        }

    def _remember(self, ratio: Decimal) -> None:
        self.samples += 1
        if self.ratio_ema is None:
            self.ratio_ema = ratio
            return
        step = _RATIOS.multiply(EMA_WEIGHT, _RATIOS.subtract(ratio, self.ratio_ema))
        self.ratio_ema = _RATIOS.add(self.ratio_ema, step)

"""A market that the project makes itself, so that a demonstration needs no file.

It is not a model of any real market and says so wherever it is shown. Prices walk on integer ticks under a
slowly changing drift; the generator is written out here, so that a seed means the same market on every
Python version.
"""

from collections.abc import Iterator
from typing import Final

from dita.market.events import Event, MarketKind, Print, Quote

_MASK_64: Final = (1 << 64) - 1
_START_NS: Final = 1_704_067_200_000_000_000  # 2024-01-01T00:00:00Z: any fixed moment will do
_STEP_NS: Final = 250_000_000
_MID_TICKS_START: Final = 600_000
_MID_TICKS_MIN: Final = 1_000
_DRIFT_STEPS: Final = 160


class _SplitMix64:
    """Steele, Lea and Flood's splittable generator: 64 bits a call from a counter and two multiplications."""

    def __init__(self, seed: int) -> None:
        self._state = seed & _MASK_64

    def below(self, bound: int) -> int:
        """Draw from 0 to bound - 1. The bias of the remainder is far under what a made-up market can show."""
        self._state = (self._state + 0x9E37_79B9_7F4A_7C15) & _MASK_64
        mixed = self._state
        mixed = ((mixed ^ (mixed >> 30)) * 0xBF58_476D_1CE4_E5B9) & _MASK_64
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D0_49BB_1331_11EB) & _MASK_64
        return (mixed ^ (mixed >> 31)) % bound


class SyntheticMarket:
    """Quotes four times a second, and some prints, from a seeded walk. Tick 0.1, lot 0.001."""

    def __init__(self, seed: int = 1, quotes: int = 20_000) -> None:
        """Describe the market; nothing is generated before iteration.

        Args:
            seed: Any integer; the same seed gives the same market, everywhere.
            quotes: How many quotes to make, at least 1.

        Raises:
            ValueError: `quotes` is below 1.
        """
        if quotes < 1:
            raise ValueError(f"quotes: must be at least 1, got {quotes}")
        self._seed = seed
        self._quotes = quotes
        self._made = 0

    @property
    def name(self) -> str:
        """The generator's name with its seed."""
        return f"synthetic walk, seed {self._seed}"

    @property
    def kind(self) -> MarketKind:
        """Generated."""
        return "synthetic"

    @property
    def symbol(self) -> str:
        """The made-up instrument's name."""
        return "SYNTH-PERP"

    @property
    def step_ns(self) -> int:
        """The time between two quotes, in nanoseconds."""
        return _STEP_NS

    def fraction_read(self) -> float:
        """How much has been generated, from 0 to 1."""
        return self._made / self._quotes

    def __iter__(self) -> Iterator[Event]:
        """Generate the market from its beginning."""
        draw = _SplitMix64(self._seed).below
        mid, drift = _MID_TICKS_START, 0
        for made in range(1, self._quotes + 1):
            self._made = made
            ts_ns = _START_NS + made * _STEP_NS
            if made % _DRIFT_STEPS == 1:
                drift = draw(13) - 6
            mid = max(_MID_TICKS_MIN, mid + drift + draw(41) - 20)
            bid_size, ask_size = _thousandths(1 + draw(4000)), _thousandths(1 + draw(4000))
            yield Quote(self.symbol, _tenths(mid), bid_size, _tenths(mid + 1), ask_size, ts_ns)
            if draw(4) == 0:
                sold = draw(2) == 0
                price = _tenths(mid if sold else mid + 1)
                yield Print(self.symbol, price, _thousandths(1 + draw(500)), sold, ts_ns)


def _tenths(ticks: int) -> str:
    return f"{ticks // 10}.{ticks % 10}"


def _thousandths(lots: int) -> str:
    return f"{lots // 1000}.{lots % 1000:03}"

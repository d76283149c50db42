"""How much of the best Sharpe ratio of a sweep the number of tries explains by itself."""

import math
from collections.abc import Collection
from dataclasses import dataclass
from statistics import variance

from dita.backtest.rows import Row
from dita.backtest.sharpe import deflated_sharpe, expected_best


@dataclass(frozen=True, slots=True)
class Tries:
    """The best Sharpe ratio of many, and what it is worth.

    Attributes:
        tries: How many different runs did not fail, on this data, with those of earlier sweeps of the folder.
        earlier: How many of them were of earlier sweeps.
        best: The best Sharpe ratio among them, by the year; None where there is none.
        by_chance: What the best of so many without skill would be, by the year; None with fewer than two.
        probability: That the best one has any skill at all (deflated Sharpe); None where it is not defined.
    """

    tries: int
    earlier: int
    best: float | None
    by_chance: float | None
    probability: float | None

    def text(self) -> str:
        """Return the sentence that stands under every table."""
        tries = f"{self.tries:,} {'try was' if self.tries == 1 else 'tries were'} made on this data"
        if self.earlier:
            tries += f" ({self.earlier:,} of them in earlier sweeps of this folder)"
        if self.best is None:
            return f"{tries}; none has a Sharpe ratio."
        if self.by_chance is None:
            return f"{tries}; the best Sharpe ratio is {self.best:.2f}; it takes two to say what chance does."
        chance = (
            f"the best Sharpe ratio of {self.tries:,} tries by chance alone would be {self.by_chance:.2f}"
        )
        found = f"the best one found is {self.best:.2f}"
        if self.probability is None:
            return f"{tries}; {chance}; {found}; its deflated Sharpe probability is not defined."
        return f"{tries}; {chance}; {found}; its deflated Sharpe probability is {self.probability:.1%}."


def judge(rows: Collection[Row], earlier: int, *, periods_per_year: int) -> Tries:
    """Return what the number of tries does to the best Sharpe ratio.

    The tries count as independent. Neighbours on a grid are not: the true bar is lower than this one.

    Args:
        rows: Every run on the data; those that failed are left out.
        earlier: How many of those that did not fail were of earlier sweeps.
        periods_per_year: Daily returns in a year, as the ratios were made with.
    """
    done = [row for row in rows if row.error is None]
    by_year = [(float(value), row) for row in done if (value := row.value("sharpe")) is not None]
    if not by_year:
        return Tries(len(done), earlier, None, None, None)
    root = math.sqrt(periods_per_year)
    best, row = max(by_year, key=lambda pair: pair[0])
    if len(by_year) < 2:
        return Tries(len(done), earlier, best, None, None)
    spread = variance(sharpe / root for sharpe, _ in by_year)
    by_chance = expected_best(len(done), spread) * root
    return Tries(len(done), earlier, best, by_chance, _probability(row, best / root, len(done), spread))


def _probability(row: Row, sharpe: float, tries: int, spread: float) -> float | None:
    if row.skew is None or row.kurtosis is None:
        return None
    try:
        return deflated_sharpe(
            sharpe, row.periods, tries=tries, variance=spread, skew=row.skew, kurtosis=row.kurtosis
        )
    except ValueError:
        # Few returns, or such as no normal theory speaks of.
        return None

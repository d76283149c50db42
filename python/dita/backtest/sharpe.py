"""Whether a Sharpe ratio is more than the luck of many tries (Bailey and López de Prado, 2014).

"The Deflated Sharpe Ratio: Correcting for Selection Bias, Backtest Overfitting and Non-Normality", Journal
of Portfolio Management 40 (5). These are probabilities, not money: floats.
"""

import math
from statistics import NormalDist
from typing import Final

EULER_MASCHERONI: Final = 0.577_215_664_901_532_9
_NORMAL: Final = NormalDist()


def expected_best(tries: int, variance: float) -> float:
    """Return the Sharpe ratio that the best of so many tries without skill is expected to have.

    Args:
        tries: Independent tries, 1 or more; one try is expected to have none: 0.
        variance: Variance of the tries' Sharpe ratios, of the answer's period (daily, not by the year).

    Raises:
        ValueError: Fewer than 1 try, or a variance below 0.
    """
    if tries < 1:
        raise ValueError(f"tries must be 1 or more, not {tries}")
    if variance < 0:
        raise ValueError(f"variance must not be below 0, and is {variance}")
    if tries == 1:
        return 0.0
    first = _NORMAL.inv_cdf(1 - 1 / tries)
    second = _NORMAL.inv_cdf(1 - 1 / (tries * math.e))
    return math.sqrt(variance) * ((1 - EULER_MASCHERONI) * first + EULER_MASCHERONI * second)


def probabilistic_sharpe(
    sharpe: float, periods: int, *, skew: float, kurtosis: float, benchmark: float
) -> float:
    """Return the probability that the true Sharpe ratio is above a benchmark.

    Args:
        sharpe: The one that was found, of one period (daily, not by the year).
        periods: Returns that it was found in, 2 or more.
        skew: The returns' skewness; 0 if they are normal.
        kurtosis: The returns' kurtosis, not less 3; 3 if they are normal.
        benchmark: Of one period.

    Raises:
        ValueError: Fewer than 2 periods, or moments that no returns have.
    """
    if periods < 2:
        raise ValueError(f"periods must be 2 or more, not {periods}")
    spread = 1 - skew * sharpe + (kurtosis - 1) / 4 * sharpe**2
    if spread <= 0:
        raise ValueError(f"no returns have skew {skew} and kurtosis {kurtosis} at a Sharpe ratio of {sharpe}")
    return _NORMAL.cdf((sharpe - benchmark) * math.sqrt(periods - 1) / math.sqrt(spread))


def deflated_sharpe(
    sharpe: float, periods: int, *, tries: int, variance: float, skew: float = 0.0, kurtosis: float = 3.0
) -> float:
    """Return the probability that the best of so many tries has any skill.

    Args:
        sharpe: The best one, of one period (daily, not by the year).
        periods: Returns that it was found in, 2 or more.
        tries: Independent tries, 1 or more.
        variance: Variance of the tries' Sharpe ratios, of one period.
        skew: The returns' skewness.
        kurtosis: The returns' kurtosis, 3 if they are normal.

    Raises:
        ValueError: A number that cannot be.
    """
    benchmark = expected_best(tries, variance)
    return probabilistic_sharpe(sharpe, periods, skew=skew, kurtosis=kurtosis, benchmark=benchmark)

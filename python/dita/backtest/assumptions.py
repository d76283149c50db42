"""What a run assumes, in the words of its report."""

from collections.abc import Mapping
from typing import Any

from dita.backtest.settings import FEE_DEFAULT, BacktestSettings

_NOT_NAMED = f"{FEE_DEFAULT} where none was named"


def fees_text(settings: BacktestSettings, rules: Mapping[str, Mapping[str, Any]]) -> str:
    """Return which fees are charged: those of the settings, else an instrument's own, else 0.001.

    Args:
        settings: What is assumed.
        rules: Each instrument's, without the rates that the settings name.
    """
    if not any(name in own for own in rules.values() for name in ("taker_rate", "maker_rate")):
        return _rates_text(settings, {})
    return "; ".join(f"{symbol}: {_rates_text(settings, own)}" for symbol, own in rules.items())


def _rates_text(settings: BacktestSettings, own: Mapping[str, Any]) -> str:
    given = {"taker": settings.taker_rate, "maker": settings.maker_rate}
    rates = {name: own.get(f"{name}_rate") if rate is None else rate for name, rate in given.items()}
    texts = [f"{name} {FEE_DEFAULT if rate is None else rate}" for name, rate in rates.items()]
    return ", ".join(texts) + (f" ({_NOT_NAMED})" if None in rates.values() else "")


def funding_text(settings: BacktestSettings, boundaries: int) -> str:
    """Return where funding is from, and whether any of it fell due.

    Args:
        settings: What is assumed.
        boundaries: How many of the file's rows the run came to.
    """
    if settings.funding is None:
        return "none"
    name = settings.funding.name
    return name if boundaries else f"{name}: none of its rows is within the run"


def latency_text(settings: BacktestSettings) -> str:
    """Return how long messages take.

    Args:
        settings: What is assumed.
    """
    text = settings.latency_text
    is_late = settings.latency_ms or settings.latency_max_ms or settings.latencies
    if is_late and settings.fill_at == "next_open":
        return f"{text}; of bars, what is sent at a close misses the next open"
    return text


def limit_fill_text(settings: BacktestSettings) -> str:
    """Return when a limit fills that waits.

    Args:
        settings: What is assumed.
    """
    how = "beyond it" if settings.limit_fill == "through" else "to it"
    return f"{settings.limit_fill}: a waiting limit fills where the market goes {how}"

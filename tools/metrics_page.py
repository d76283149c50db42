"""Prints the reference of a backtest's figures in Markdown, out of the definitions that reports print."""

from dataclasses import asdict
from typing import Final

from dita.backtest.definitions import MetricsSettings, definitions
from dita.backtest.metrics import MEAN_DIGITS, RATIO_DIGITS

_UNITS: Final = {
    "money": f"amount in the account's asset, exact; a mean is rounded to {MEAN_DIGITS} digits, half to even",
    "fraction": f"{RATIO_DIGITS} digits, half to even; reports show percent",
    "ratio": f"{RATIO_DIGITS} digits, half to even",
    "count": "whole number",
    "duration_ns": "nanoseconds",
}
_OPENING: Final = (
    "Every report prints these definitions beside the figures. A figure that is not defined, such as a "
    "Sharpe ratio of one day, is None and never 0."
)
_TRIES: Final = (
    "The best of many backtests looks good by luck. `dita.backtest.sharpe` has the Sharpe ratio that the "
    "best of N tries without skill is expected to have (`expected_best`), and the probability that a best "
    "one has any skill (`deflated_sharpe`), as Bailey and L\u00f3pez de Prado define them (Journal of "
    "Portfolio Management 40 (5), 2014)."
)


def page() -> str:
    """Return the page."""
    settings = MetricsSettings()
    told = ", ".join(f"`{name} = {value!r}`" for name, value in asdict(settings).items())
    lines = [
        "# Metrics of a backtest",
        "",
        "<!-- Generated from the definitions in python/dita/backtest/definitions.py by `make docs`. -->",
        "",
        _OPENING,
        "",
        f"The settings are `MetricsSettings`; the definitions below use its defaults: {told}.",
        "",
        "| name | figure | unit | definition |",
        "|---|---|---|---|",
        *(f"| `{name}` | {title} | {unit} | {text} |" for name, title, unit, text in definitions(settings)),
        "",
        "## Units",
        "",
        "| unit | what it is |",
        "|---|---|",
        *(f"| {unit} | {text} |" for unit, text in _UNITS.items()),
        "",
        "## Many tries",
        "",
        _TRIES,
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    print(page())  # noqa: T201

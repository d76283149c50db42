"""The demonstration strategy: exact, deterministic, and blind within a step."""

import pytest

from dita.strategy import Crossover, Stance
from dita.strategy.crossover import fixed_point

STEP_NS = 1_000


def stances(prices: list[str], strategy: Crossover) -> list[Stance]:
    seen = []
    for number, price in enumerate(prices):
        assert strategy.on_quote(number * STEP_NS, price, price)
        seen.append(strategy.stance)
    return seen


def test_it_turns_with_the_market_after_its_warm_up() -> None:
    rising = [f"{100 + number}.5" for number in range(20)]
    falling = [f"{120 - number}.25" for number in range(20)]
    seen = stances(rising + falling, Crossover(STEP_NS, fast=2, slow=6))
    assert seen[:6] == [Stance.FLAT] * 6
    assert seen[19] is Stance.LONG
    assert seen[-1] is Stance.SHORT


def test_a_still_market_moves_nothing() -> None:
    assert set(stances(["100.0"] * 50, Crossover(STEP_NS))) == {Stance.FLAT}


def test_a_move_within_the_band_changes_no_mind() -> None:
    prices = ["100.0000"] * 10 + ["100.0001"] * 10
    assert set(stances(prices, Crossover(STEP_NS, fast=2, slow=6, band_per_million=5))) == {Stance.FLAT}
    assert Stance.LONG in stances(prices, Crossover(STEP_NS, fast=2, slow=6, band_per_million=0))


def test_quotes_within_one_step_count_once() -> None:
    strategy = Crossover(STEP_NS)
    assert strategy.on_quote(0, "100", "101")
    assert not strategy.on_quote(STEP_NS - 1, "200", "201")
    assert strategy.on_quote(STEP_NS, "100", "101")


@pytest.mark.parametrize(
    ("price", "units"),
    [("1", 10**18), ("0.1", 10**17), ("61800.20", 618002 * 10**17), ("0.000000000000000001", 1)],
)
def test_prices_are_read_exactly(price: str, units: int) -> None:
    assert fixed_point(price) == units


@pytest.mark.parametrize("price", ["", "-1", "1e5", "nan", "1.0000000000000000001", "1,5"])
def test_a_price_that_cannot_be_exact_is_refused(price: str) -> None:
    with pytest.raises(ValueError, match="price: expected a plain decimal") as caught:
        fixed_point(price)
    assert repr(price) in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"step_ns": 0}, "step_ns: must be at least 1, got 0"),
        ({"step_ns": 1, "fast": 6, "slow": 6}, "1 <= fast < slow is needed, got 6, 6"),
        ({"step_ns": 1, "band_per_million": -1}, "band_per_million: must not be negative, got -1"),
    ],
)
def test_bad_lengths_are_refused(arguments: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Crossover(**arguments)

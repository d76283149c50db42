"""The grid of a sweep: its order, what is refused, and how values are written."""

import pytest
from sweeping import write_strategy

from dita import InvalidInput
from dita.backtest.space import Grid, values_of
from dita.runtime import load_strategy
from dita.strategy import Strategy


@pytest.fixture(scope="module")
def strategy(tmp_path_factory: pytest.TempPathFactory) -> type[Strategy]:
    return load_strategy(str(write_strategy(tmp_path_factory.mktemp("strategy"))))


def test_the_last_parameter_varies_fastest(strategy: type[Strategy]) -> None:
    grid = Grid(strategy, {"every": ["20", 10], "held": [3, "1"]})
    found = [tuple(grid.values(params).values()) for params in grid.params]
    assert found == [(20, 3), (20, 1), (10, 3), (10, 1)]
    assert grid.names == ("every", "held")


def test_refused_combinations_are_counted_by_reason_and_not_run(strategy: type[Strategy]) -> None:
    grid = Grid(strategy, {"every": [2, 3, 500], "held": [1, 2, 3]})
    assert [tuple(grid.values(params).values()) for params in grid.params] == [(2, 1), (3, 1), (3, 2)]
    assert dict(grid.refused) == {
        "Value error, held must be below every": 3,
        "every: Input should be less than or equal to 100": 3,
    }


@pytest.mark.parametrize(
    ("space", "text"),
    [
        ({"evry": [1]}, "space: 'evry' is no parameter of InTurns; it has every, held, size, fail, heard"),
        ({"every": []}, r"space\.every: \[\] is empty"),
        ({"every": "5,10"}, r"space\.every: '5,10' must be a list of values"),
        ({"every": [1]}, "has no combination that InTurns takes: Value error, held must be below every"),
        ({"every": [4] * 1001, "held": [1] * 1001}, "space: 1002001 combinations are more than 1000000"),
    ],
)
def test_a_space_that_cannot_be_is_refused_by_name_and_value(
    strategy: type[Strategy], space: dict[str, list[int]], text: str
) -> None:
    with pytest.raises(InvalidInput, match=text):
        Grid(strategy, space)


def test_more_runs_than_wanted_are_refused(strategy: type[Strategy]) -> None:
    space = {"every": [5, 6, 7], "held": [1, 50]}
    assert len(Grid(strategy, space, max_runs=3).params) == 3
    with pytest.raises(InvalidInput, match="max_runs: 2 is less than the combinations of the space"):
        Grid(strategy, space, max_runs=2)
    with pytest.raises(InvalidInput, match="max_runs: 0 must be 1 or more"):
        Grid(strategy, space, max_runs=0)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("5,10", ["5", "10"]),
        ("5:20:5", ["5", "10", "15", "20"]),
        ("5:19:5", ["5", "10", "15"]),
        ("0.1:0.3:0.1", ["0.1", "0.2", "0.3"]),
        ("3:1:-1,9", ["3", "2", "1", "9"]),
        ("09:30,LONG", ["09:30", "LONG"]),
    ],
)
def test_values_are_listed_or_a_range_with_its_end(text: str, values: list[str]) -> None:
    assert values_of("fast", text) == values


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "fast: '' has an empty value"),
        ("5,,6", "fast: '5,,6' has an empty value"),
        ("5:50:0", "fast: '5:50:0' is no range: its step does not lead from the first to the last"),
        ("50:5:5", "fast: '50:5:5' is no range: its step does not lead"),
        ("5:x:5", "fast: '5:x:5' is no range FROM:TO:STEP of three decimals"),
        ("0:1:0.0000001", "fast: '0:1:0.0000001' has more than 1000000 values"),
    ],
)
def test_a_range_that_is_none_is_refused_by_name_and_value(text: str, why: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        values_of("fast", text)
    assert str(caught.value).startswith(why)

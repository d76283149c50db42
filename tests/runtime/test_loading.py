"""Strategy files: what is wrong with one is said by file, line and name."""

from pathlib import Path

import pytest

from dita.runtime import load_params, load_strategy
from dita.strategy import StrategyError

GOOD = """
from pydantic import Field
from dita.strategy import Params, Strategy

class MineParams(Params):
    length: int = Field(10, ge=1, le=100)

class Mine(Strategy):
    params_type = MineParams
"""


def file(folder: Path, text: str) -> str:
    path = folder / "mine.py"
    path.write_text(text)
    return str(path)


def test_the_one_strategy_of_a_file_is_found(tmp_path: Path) -> None:
    strategy = load_strategy(file(tmp_path, GOOD))
    assert strategy.__name__ == "Mine"
    assert load_params(strategy, {"length": "20"}).model_dump() == {"length": 20}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "has no strategy"),
        ("import nothing_of_this_name", "line 1: does not import: ModuleNotFoundError"),
        ("x = 1\nx = 1 / 0", "line 2: does not import: ZeroDivisionError"),
        ("def broken(:\n  pass", "line 1: does not import: SyntaxError"),
        (GOOD + "\nclass Other(Mine):\n    pass\n", "has 2 strategies; name one"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_by_name(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(StrategyError, match=r"mine\.py") as caught:
        load_strategy(file(tmp_path, text))
    assert why in str(caught.value)


def test_a_file_that_is_not_there_and_a_class_that_is_not_in_it_are_refused(tmp_path: Path) -> None:
    with pytest.raises(StrategyError, match="there is no such file"):
        load_strategy(str(tmp_path / "none.py"))
    with pytest.raises(StrategyError, match="it has Mine"):
        load_strategy(file(tmp_path, GOOD) + ":Yours")


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"length": "0"}, "length: '0' Input should be greater than or equal to 1"),
        ({"length": "x"}, "length: 'x' Input should be a valid integer"),
        ({"lengt": "3"}, "lengt: is no parameter of Mine; it has length"),
    ],
)
def test_a_parameter_out_of_its_range_is_named(tmp_path: Path, given: dict[str, str], why: str) -> None:
    with pytest.raises(StrategyError) as caught:
        load_params(load_strategy(file(tmp_path, GOOD)), given)
    assert str(caught.value).startswith(why)

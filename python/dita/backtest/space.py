"""What a sweep tries: the product of lists of values, without what the strategy refuses."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from itertools import product
from typing import Any, Final

from pydantic import ValidationError

from dita.errors import refuse
from dita.strategy import Params, Strategy

RUNS_MAX: Final = 10_000
# Beyond this nobody waits for the list of what would be run.
COMBINATIONS_MAX: Final = 1_000_000


class Grid:
    """Every combination of a space that a strategy takes, in the order of its product.

    The first parameter varies slowest, the last fastest, and values come in the order of their lists.

    Attributes:
        names: The parameters, in the space's order.
        params: The parameters to run.
        refused: How many combinations the strategy's parameters refuse, by reason.
    """

    def __init__(
        self, strategy: type[Strategy], space: Mapping[str, Sequence[Any]], *, max_runs: int = RUNS_MAX
    ) -> None:
        """Build the combinations.

        Args:
            strategy: Whose parameters they are.
            space: Values by parameter; a parameter that it leaves out has its default.
            max_runs: The most that may be run.

        Raises:
            InvalidInput: A parameter is not the strategy's, has no values, or there are too many runs, or all
                combinations are refused; by name and value.
        """
        if max_runs < 1:
            raise refuse("max_runs", max_runs, "must be 1 or more")
        _check(strategy, space)
        self.names = tuple(space)
        self.params: list[Params] = []
        self.refused: Counter[str] = Counter()
        for values in product(*space.values()):
            self._add(strategy, dict(zip(self.names, values, strict=True)))
            if len(self.params) > max_runs:
                raise refuse("max_runs", max_runs, "is less than the combinations of the space")
        if not self.params:
            reason = ", ".join(self.refused)
            raise refuse("space", dict(space), f"has no combination that {strategy.__name__} takes: {reason}")

    def _add(self, strategy: type[Strategy], given: Mapping[str, Any]) -> None:
        try:
            params = strategy.params_type(**given)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"])
            self.refused[f"{place}: {first['msg']}" if place else first["msg"]] += 1
        else:
            self.params.append(params)

    def values(self, params: Params) -> dict[str, Any]:
        """Return the values of the space's parameters.

        Args:
            params: A strategy's parameters.
        """
        return {name: getattr(params, name) for name in self.names}


def _check(strategy: type[Strategy], space: Mapping[str, Sequence[Any]]) -> None:
    fields = strategy.params_type.model_fields
    for name, values in space.items():
        if name not in fields:
            known = ", ".join(fields) or "none"
            raise refuse("space", name, f"is no parameter of {strategy.__name__}; it has {known}")
        if isinstance(values, str | bytes) or not isinstance(values, Sequence):
            raise refuse(f"space.{name}", values, "must be a list of values")
        if not values:
            raise refuse(f"space.{name}", values, "is empty")
    combinations = math.prod(len(values) for values in space.values())
    if combinations > COMBINATIONS_MAX:
        raise refuse("space", combinations, f"combinations are more than {COMBINATIONS_MAX}")


def values_of(name: str, text: str) -> list[str]:
    """Return the values that a text lists: `5,10,20`, or a range with its end `5:50:5`, or both.

    Args:
        name: The parameter, for errors.
        text: As it was given.

    Raises:
        InvalidInput: A value is empty, or a range is none; by name and value.
    """
    values: list[str] = []
    for part in text.split(","):
        if not part:
            raise refuse(name, text, "has an empty value")
        values.extend(_range(name, part) if _is_range(part) else [part])
    return values


def _is_range(part: str) -> bool:
    pieces = part.split(":")
    return len(pieces) == 3 and any(_number(piece) is not None for piece in pieces)


def _range(name: str, part: str) -> Iterator[str]:
    first, last, step = (_number(piece) for piece in part.split(":"))
    if first is None or last is None or step is None:
        raise refuse(name, part, "is no range FROM:TO:STEP of three decimals")
    if not step or (last - first) * step < 0:
        raise refuse(name, part, "is no range: its step does not lead from the first to the last")
    count = int((last - first) / step) + 1
    if count > COMBINATIONS_MAX:
        raise refuse(name, part, f"has more than {COMBINATIONS_MAX} values")
    return (format(first + number * step, "f") for number in range(count))


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None

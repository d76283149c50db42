"""Reads what `BacktestResult.to_json` wrote back into typed values."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, get_args, get_origin, get_type_hints

from dita.backtest.definitions import MetricsSettings, definitions
from dita.backtest.metrics import Metric, Metrics
from dita.backtest.values import FORMAT, ResultValues
from dita.errors import refuse

_WHOLE = {"count", "duration_ns"}


def values_of(content: object) -> dict[str, Any]:
    """Return the arguments of a result.

    Args:
        content: The JSON's content.

    Raises:
        InvalidInput: It has another format, lacks a field, or a field has a value of another type.
    """
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        found = content.get("format") if isinstance(content, dict) else content
        raise refuse("format", found, f"is not {FORMAT}: the file is no backtest's report.json")
    hints = get_type_hints(ResultValues)
    given: dict[str, Any] = {}
    for one in fields(ResultValues):
        if one.name not in {"seconds", "metrics", "assumptions"}:
            if one.name not in content:
                raise refuse(one.name, None, "is missing")
            given[one.name] = _typed(content[one.name], hints[one.name], one.name)
    rows = _typed(content.get("assumptions"), tuple[Mapping[str, str], ...], "assumptions")
    given["assumptions"] = tuple((row["name"], row["text"]) for row in rows)
    given["metrics"] = _metrics(content)
    return given


def _metrics(content: dict[str, Any]) -> Metrics:
    settings: MetricsSettings = _typed(content.get("metrics_settings"), MetricsSettings, "metrics_settings")
    values = content.get("metrics")
    if not isinstance(values, dict):
        raise refuse("metrics", values, "is no object")
    rows = []
    for name, title, unit, definition in definitions(settings):
        if name in values:
            wanted: Any = (int if unit in _WHOLE else Decimal) | None
            rows.append(
                Metric(name, title, _typed(values[name], wanted, f"metrics.{name}"), unit, definition)
            )
    return Metrics(tuple(rows), settings)


def _typed(value: Any, wanted: Any, field: str) -> Any:  # noqa: ANN401 - as the field's type says
    """Return a value of JSON as a field's type has it."""
    origin, arguments = get_origin(wanted), get_args(wanted)
    if type(None) in arguments:
        inner = next(one for one in arguments if one is not type(None))
        return None if value is None else _typed(value, inner, field)
    if origin is tuple:
        return _tuple(value, arguments, field)
    if origin is Mapping:
        if not isinstance(value, dict):
            raise refuse(field, value, "is no object")
        return {key: _typed(one, arguments[1], f"{field}.{key}") for key, one in value.items()}
    return value if wanted is Any else _plain(value, wanted, field)


def _tuple(value: object, kinds: tuple[Any, ...], field: str) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise refuse(field, value, "is no list")
    if kinds[-1] is Ellipsis:
        kinds = kinds[:1] * len(value)
    if len(kinds) != len(value):
        raise refuse(field, value, f"has not {len(kinds)} items")
    pairs = enumerate(zip(value, kinds, strict=True))
    return tuple(_typed(one, kind, f"{field}[{at}]") for at, (one, kind) in pairs)


def _plain(value: Any, wanted: type[Any], field: str) -> Any:  # noqa: ANN401 - as above
    """Return a value that is no collection: an amount, a number, a text, or an object of a type."""
    if is_dataclass(wanted):
        hints = get_type_hints(wanted)
        if not isinstance(value, dict) or value.keys() != {one.name for one in fields(wanted)}:
            raise refuse(field, value, f"is no {wanted.__name__}")
        return wanted(**{key: _typed(one, hints[key], f"{field}.{key}") for key, one in value.items()})
    if wanted is Decimal and isinstance(value, str):
        try:
            return Decimal(value)
        except InvalidOperation:
            raise refuse(field, value, "is no number") from None
    if type(value) is not wanted:
        raise refuse(field, value, f"is no {wanted.__name__}")
    return value

"""Loads a strategy from a file, or by `module:Class`, and its parameters from texts."""

import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from dita.errors import shown
from dita.runtime.bars import interval_ns
from dita.runtime.sources import SourceLoader, own_folder, remember
from dita.strategy import Params, Strategy, StrategyError

#: How the file of a strategy graph ends, by custom.
_GRAPH: Final = ".0"
_WARMUP_MAX: Final = 10_000_000
_SLOTS_MAX: Final = 65_535
_CALL_LIMIT_S_MAX: Final = 86_400


def load_strategy(place: str) -> type[Strategy]:
    """Return the strategy class of a file, or of a module.

    Args:
        place: A Python file with one strategy in it, `FILE:Class` where it has several, `module:Class`, or a
            strategy graph in a file that ends in `.0`.

    Raises:
        StrategyError: There is no such file, it does not import, or it has no strategy or several.
    """
    if place.endswith(_GRAPH):
        from dita.graphs import GraphError  # noqa: PLC0415 - only those who have a graph need it
        from dita.graphs.strategy import strategy_of  # noqa: PLC0415 - as above

        try:
            return strategy_of(place)
        except GraphError as error:
            raise StrategyError(f"{error.name}: {error}") from error
    path, _, name = place.partition(":")
    if path.endswith(".py"):
        module = _module_of(Path(path))
    else:
        try:
            module = importlib.import_module(path)
        except (Exception, SystemExit) as error:
            why = f"{error}" if isinstance(error, ImportError) else f"{type(error).__name__}: {error}"
            raise StrategyError(f"{shown(place)}: cannot be imported: {why}") from error
    found = {
        key: value
        for key, value in vars(module).items()
        if isinstance(value, type)
        and issubclass(value, Strategy)
        and value is not Strategy
        and value.__module__ == module.__name__
    }
    if name:
        if name not in found:
            known = ", ".join(found) or "none"
            raise StrategyError(f"{path}: has no strategy {shown(name)}; it has {known}")
        return found[name]
    if not found:
        raise StrategyError(f"{path}: has no strategy: derive one class from dita.strategy.Strategy")
    if len(found) > 1:
        raise StrategyError(f"{path}: has {len(found)} strategies; name one: {path}:{next(iter(found))}")
    return next(iter(found.values()))


def _module_of(path: Path) -> Any:  # noqa: ANN401 - a module of the user's
    if not path.is_file():
        raise StrategyError(f"{path}: there is no such file")
    digest = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:12]
    name = f"dita_strategy_{digest}"
    spec = importlib.util.spec_from_file_location(name, path, loader=SourceLoader(name, str(path)))
    if spec is None or spec.loader is None:
        raise StrategyError(f"{path}: is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        with own_folder(path.resolve().parent):
            spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        line = _line_of(error, path)
        del sys.modules[spec.name]
        raise StrategyError(f"{path}{line}: does not import: {type(error).__name__}: {error}") from error
    remember(module)
    return module


def _line_of(error: BaseException, path: Path) -> str:
    if isinstance(error, SyntaxError):
        return f", line {error.lineno}"
    trace, line = error.__traceback__, None
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = trace.tb_lineno
        trace = trace.tb_next
    return "" if line is None else f", line {line}"


def load_params(strategy: type[Strategy], given: Mapping[str, Any]) -> Params:
    """Return a strategy's parameters.

    Args:
        strategy: Its class.
        given: By name; texts are read as the field's type.

    Raises:
        StrategyError: One is not known, lacks, or is out of its range; by name and value.
    """
    try:
        return strategy.params_type(**given)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"]) or "params"
        if first["type"] == "extra_forbidden":
            known = ", ".join(strategy.params_type.model_fields) or "none"
            why = f"is no parameter of {strategy.__name__}; it has {known}"
        elif first["type"] == "missing":
            why = f"is needed by {strategy.__name__}"
        else:
            why = f"{shown(first.get('input'))} {first['msg']}"
        raise StrategyError(f"{name}: {why}") from error


def check_declared(strategy: type[Strategy]) -> None:
    """Check what a strategy's class says of itself.

    Args:
        strategy: Its class.

    Raises:
        StrategyError: By name and value.
    """
    for name in ("instruments", "intervals"):
        given = getattr(strategy, name)
        if not isinstance(given, tuple) or not all(isinstance(one, str) and one for one in given):
            raise _declared(strategy, name, 'is no tuple of names: write ("A",) for one')
    for interval in strategy.intervals:
        interval_ns(interval)
    for name, least, most in (("warmup", 0, _WARMUP_MAX), ("slots", 1, _SLOTS_MAX)):
        given = getattr(strategy, name)
        if not isinstance(given, int) or isinstance(given, bool) or not least <= given <= most:
            raise _declared(strategy, name, f"must be a whole number from {least} to {most}")
    if strategy.on_error not in ("keep", "cancel", "flatten"):
        raise _declared(strategy, "on_error", "is none of keep, cancel, flatten")
    limit: object = strategy.call_limit_s
    is_number = isinstance(limit, int | float) and not isinstance(limit, bool)
    if not (limit is None or (is_number and 0 < limit <= _CALL_LIMIT_S_MAX)):  # type: ignore[operator]
        raise _declared(strategy, "call_limit_s", f"must be seconds above 0, at most {_CALL_LIMIT_S_MAX}")
    params: object = strategy.params_type
    if not (isinstance(params, type) and issubclass(params, Params)):
        raise _declared(strategy, "params_type", "is no class that derives from dita.strategy.Params")


def _declared(strategy: type[Strategy], name: str, why: str) -> StrategyError:
    return StrategyError(f"{strategy.__name__}.{name}: {shown(getattr(strategy, name))} {why}")


def made(strategy: type[Strategy], params: Any) -> Strategy:  # noqa: ANN401 - its own kind of Params
    """Return a new instance of a strategy.

    Args:
        strategy: Its class.
        params: Its parameters; None means their defaults.

    Raises:
        StrategyError: Its `__init__` does not take the parameters, raises, or leaves out that of `Strategy`.
    """
    try:
        one = strategy(params)
    except (Exception, SystemExit) as error:
        why = f"{type(error).__name__}: {error}"
        raise StrategyError(f"{strategy.__name__}: cannot be made: {why}") from error
    if not hasattr(one, "_context"):
        raise StrategyError(f"{strategy.__name__}: its __init__ must call super().__init__(params)")
    return one

"""A class as it runs, for a run's id: where its source is in no file, as in a notebook's cell."""

import hashlib
from collections.abc import Collection, Iterator, Mapping
from decimal import Decimal
from enum import Enum
from types import CodeType, FunctionType, MethodType
from typing import Any, Final

_PLAIN: Final = (bool, int, float, complex, str, bytes, Decimal, Enum, type(None), type(...))
_NO_PART: Final = frozenset(
    {"__dict__", "__weakref__", "__doc__", "__firstlineno__", "__static_attributes__", "__module__"}
)


def code_of(kind: type) -> bytes:
    """Return the SHA-256 of a class as it runs.

    It has the methods, the plain attributes, the base classes, and what these name of their own module: its
    functions, classes and plain values. Of other values it has the type alone. Line numbers, comments and the
    cell's name have no part in it; another version of Python gives another one.

    Args:
        kind: The class.
    """
    digest = hashlib.sha256()
    for part in _class(kind, kind.__module__, set()):
        digest.update(part.encode("utf-8", "backslashreplace") + b"\n")
    return digest.digest()


def _class(kind: type, module: str, seen: set[int]) -> Iterator[str]:
    if id(kind) in seen:
        return
    seen.add(id(kind))
    yield f"class {kind.__qualname__}"
    for base in kind.__bases__:
        yield f"base {base.__module__}.{base.__qualname__}"
        if base.__module__ == module:
            yield from _class(base, module, seen)
    for name, value in sorted(vars(kind).items()):
        if name not in _NO_PART:
            yield name
            yield from _value(value, module, seen)


def _value(value: object, module: str, seen: set[int]) -> Iterator[str]:
    if isinstance(value, Mapping | set | frozenset | tuple | list):
        yield from _many(value, module, seen)
    elif isinstance(value, _PLAIN):
        yield repr(value)
    elif isinstance(value, CodeType):
        yield from _code(value, module, seen)
    elif isinstance(value, FunctionType):
        yield from _function(value, module, seen)
    elif isinstance(value, type):
        yield f"{value.__module__}.{value.__qualname__}"
        if value.__module__ == module:
            yield from _class(value, module, seen)
    else:
        yield type(value).__qualname__
        yield from _wrapped(value, module, seen)


def _many(values: Collection[object], module: str, seen: set[int]) -> Iterator[str]:
    yield type(values).__qualname__
    if isinstance(values, set | frozenset):
        yield from sorted(line for one in values for line in _value(one, module, seen))
        return
    for one in values.items() if isinstance(values, Mapping) else values:
        yield from _value(one, module, seen)


def _wrapped(value: object, module: str, seen: set[int]) -> Iterator[str]:
    """What a property, a class method or a bound method calls."""
    names = ("fget", "fset", "__func__", "func", "__wrapped__")
    inner = [getattr(value, name, None) for name in names]
    if isinstance(value, property | classmethod | staticmethod | MethodType):
        for one in inner:
            if isinstance(one, FunctionType):
                yield from _function(one, module, seen)


def _function(function: FunctionType, module: str, seen: set[int]) -> Iterator[str]:
    if id(function) in seen:
        return
    seen.add(id(function))
    yield from _value(function.__defaults__, module, seen)
    yield from _value(function.__kwdefaults__, module, seen)
    for cell in function.__closure__ or ():
        try:
            yield from _value(cell.cell_contents, module, seen)
        except ValueError:
            yield "an empty cell"
    yield from _code(function.__code__, module, seen)
    for name in sorted(_named(function.__code__)):
        found: Any = function.__globals__.get(name)
        if isinstance(found, _PLAIN) or getattr(found, "__module__", None) == module:
            yield name
            yield from _value(found, module, seen)


def _named(code: CodeType) -> set[str]:
    inner = [_named(one) for one in code.co_consts if isinstance(one, CodeType)]
    return set(code.co_names).union(*inner)


def _code(code: CodeType, module: str, seen: set[int]) -> Iterator[str]:
    yield f"{code.co_name} {code.co_argcount} {code.co_kwonlyargcount} {code.co_flags} {code.co_code.hex()}"
    yield f"{code.co_names} {code.co_varnames} {code.co_freevars} {code.co_cellvars}"
    for one in code.co_consts:
        yield from _value(one, module, seen)

"""Imports stand at the top of a module. A function imports only what is an extra, or costs a start too much.

What a function may import is found out, and not listed: a package of an extra, a slow package, and a module
of `dita` that needs an extra as it is loaded. `OTHERS` has what is left beside these; its counts only fall.
The commands of `dita` need no exception: `dita.cli.main` loads the module of the one that is called.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from typing import Final

from test_import_circles import modules
from test_packaging import toml

#: What an extra's package is imported as, where that is not its name.
IMPORTED_AS: Final = {"hazelcast-python-client": "hazelcast"}
#: Comes with an extra's package.
BROUGHT: Final = {"starlette"}
#: Always there, and slow: tens of milliseconds before the first line of a program that may never need it.
SLOW: Final = {"structlog", "tenacity"}
#: Function-level imports that none of this allows, by file or room. A count only falls.
OTHERS: Final = {
    "cli/main.py": 2,  # `dita --help` loads neither the kernel nor the logs
    "runtime": 2,
    "server": 5,
}

KNOWN: Final = modules()


@cache
def extras() -> frozenset[str]:
    tables = toml("pyproject.toml")["project"]["optional-dependencies"]
    named = {re.split(r"[\[>=<]", one)[0] for listed in tables.values() for one in listed} - {"dita"}
    return frozenset({IMPORTED_AS.get(name, name.replace("-", "_")) for name in named} | BROUGHT)


def imports(node: ast.AST, *, inside: bool = False) -> Iterator[tuple[list[str], bool]]:
    """Yield the modules that each import may load, and whether it stands in a function."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        if isinstance(child, ast.ImportFrom) and child.module is not None:
            yield [child.module, *(f"{child.module}.{one.name}" for one in child.names)], inside
        elif isinstance(child, ast.Import):
            yield [one.name for one in child.names], inside
        function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        yield from imports(child, inside=inside or function)


@cache
def loads(module: str) -> tuple[frozenset[str], frozenset[str]]:
    """Return what a module loads at its top: modules of `dita`, and packages of extras."""
    tree = ast.parse(KNOWN[module].read_text(encoding="utf-8"))
    names = {name for found, inside in imports(tree) if not inside for name in found}
    ours = {part for name in names if name in KNOWN for part in (name, name.rpartition(".")[0])}
    return frozenset(ours & set(KNOWN) - {"dita"}), extras() & {name.partition(".")[0] for name in names}


@cache
def needs_an_extra(module: str) -> bool:
    seen, waiting = set(), [module]
    while waiting:
        one = waiting.pop()
        if one not in seen:
            seen.add(one)
            ours, packages = loads(one)
            if packages:
                return True
            waiting += ours
    return False


def is_allowed(names: list[str]) -> bool:
    if names[0].partition(".")[0] in extras() | SLOW:
        return True
    return any(needs_an_extra(name) for name in names if name in KNOWN)


def others() -> dict[str, list[str]]:
    """Return what is not allowed, by file or room."""
    found: dict[str, list[str]] = {}
    for module, path in KNOWN.items():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        parts = path.relative_to(KNOWN["dita"].parent).parts
        place = "/".join(parts) if "/".join(parts) in OTHERS else parts[0]
        for names, inside in imports(tree):
            if inside and not is_allowed(names):
                found.setdefault(place, []).append(f"{module}: {names[0]}")
    return found


def test_a_function_imports_extras_alone() -> None:
    found = others()
    assert {place: lines for place, lines in found.items() if len(lines) > OTHERS.get(place, 0)} == {}


def test_what_needs_an_extra_is_known() -> None:
    assert {"aiohttp", "hazelcast", "pyarrow", "fastapi", "textual"} <= extras()
    assert needs_an_extra("dita.practice.server")
    assert not needs_an_extra("dita.kernel")
    assert not is_allowed(["dita.errors", "dita.errors.KernelError"])

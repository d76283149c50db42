"""Every dotted name of the package that stands in the docs can be imported."""

import importlib
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_DOTTED = re.compile(r"\bdita(?:\.[A-Za-z_]\w*)+")
_IMPORTED = re.compile(r"^\s*from (dita[\w.]*) import ([\w, ]+)$", re.MULTILINE)
#: Maps of the cluster, files, tables and loggers: names of other things.
_OTHERS = {
    *("dita.account", "dita.control_plane", "dita.health", "dita.kernels", "dita.orders"),
    *("dita.h", "dita.log", "dita.token", "dita.toml"),
    *("dita.fills", "dita.fills.fee"),
    *("dita.events", "dita.flatten", "dita.venue"),
}


@cache
def resolves(name: str) -> bool:
    parts = name.split(".")
    for count in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:count]))
        except ImportError:
            continue
        for part in parts[count:]:
            if not hasattr(found, part):
                return False
            found = getattr(found, part)
        return True
    return False


def test_every_public_name_of_the_docs_resolves() -> None:
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    named: dict[str, str] = {}
    for page in pages:
        # Decisions keep the names of their day.
        if page.parent.name == "decisions":
            continue
        text = page.read_text(encoding="utf-8")
        names = _DOTTED.findall(text)
        for module, imported in _IMPORTED.findall(text):
            names += [f"{module}.{one.strip().split(' as ')[0]}" for one in imported.split(",")]
        named.update(dict.fromkeys(names, page.relative_to(ROOT).as_posix()))
    assert len(named) > 100
    assert {name: page for name, page in named.items() if name not in _OTHERS and not resolves(name)} == {}


def test_a_name_that_is_gone_does_not_resolve() -> None:
    assert resolves("dita.backtest.BacktestResult")
    assert not resolves("dita.backtest.Nothing")
    assert not resolves("dita.nothing")

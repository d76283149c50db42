"""Modules do not import one another in circles of more than two, imports inside functions included."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1] / "python"


def modules() -> dict[str, Path]:
    named = {}
    for path in sorted((ROOT / "dita").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        named[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return named


def imported(tree: ast.AST, known: dict[str, Path]) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            names = (f"{node.module}.{one.name}" for one in node.names)
            yield from (name if name in known else node.module for name in names)
        elif isinstance(node, ast.Import):
            yield from (one.name for one in node.names)


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Return the strongly connected parts of more than one module (Kosaraju)."""
    order: list[str] = []
    seen: set[str] = set()

    def visit(start: str, edges: dict[str, set[str]]) -> list[str]:
        found, stack = [], [(start, iter(edges[start]))]
        seen.add(start)
        while stack:
            module, rest = stack[-1]
            following = next((one for one in rest if one not in seen), None)
            if following is None:
                found.append(module)
                stack.pop()
            else:
                seen.add(following)
                stack.append((following, iter(edges[following])))
        return found

    for module in graph:
        if module not in seen:
            order += visit(module, graph)
    turned: dict[str, set[str]] = {module: set() for module in graph}
    for module, targets in graph.items():
        for target in targets:
            turned[target].add(module)
    seen.clear()
    parts = [sorted(visit(module, turned)) for module in reversed(order) if module not in seen]
    return [part for part in parts if len(part) > 1]


def test_no_circle_of_imports_has_more_than_two_modules() -> None:
    known = modules()
    graph: dict[str, set[str]] = defaultdict(set)
    for module, path in known.items():
        targets = imported(ast.parse(path.read_text(encoding="utf-8")), known)
        # The root names every public class for type checkers; users alone import from it.
        graph[module] = {one for one in targets if one in known and one not in ("dita", module)}
    assert len(graph) > 400
    assert [circle for circle in circles(graph) if len(circle) > 2] == []


def test_a_circle_of_three_is_found() -> None:
    graph = {"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": set()}
    assert circles(graph) == [["a", "b", "c"]]

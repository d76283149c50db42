"""What each kind of node has, what it reads, and of which shape its value is."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from dita.errors import shown
from dita.graphs.cron import Cron
from dita.graphs.errors import InvalidNode, ShapeProofInvalid, UnknownExternal, UnknownKind
from dita.graphs.form import Node

DECIMAL: Final = "decimal"
BOOL: Final = "bool"

#: Operations, and how many values each takes.
OPERATIONS: Final[Mapping[str, int]] = {
    "add": 2,
    "sub": 2,
    "mul": 2,
    "div": 2,
    "min": 2,
    "max": 2,
    "abs": 1,
    "neg": 1,
    "lt": 2,
    "le": 2,
    "eq": 2,
    "and": 2,
    "or": 2,
    "not": 1,
    "select": 3,
}
_TO_BOOL: Final = frozenset({"lt", "le", "eq", "and", "or", "not"})
ROUNDINGS: Final = ("HALF_EVEN", "HALF_UP", "DOWN", "UP", "FLOOR", "CEILING")
OVERLAPS: Final = ("skip", "queue", "parallel")
_DIGITS_MAX: Final = 28
_ROUTES_MAX: Final = 256
_CONCURRENT_MAX: Final = 1_000
_EXTERNAL: Final = re.compile(
    r"market:(?P<symbol>[A-Z0-9._/-]{1,40})/(?P<price>bid|ask|mid|last|mark)"
    r"|account:(?P<asset>[A-Z0-9]{1,16})/(?P<figure>equity|available)"
    r"|position:(?P<held>[A-Z0-9._/-]{1,40})/size"
    r"|param:(?P<param>[A-Za-z_][A-Za-z0-9_]{0,63})"
)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of node.

    Attributes:
        required: Fields that it must have.
        optional: Fields that it may have.
        check: Refuses values that cannot be.
        reads: The ids that it refers to.
    """

    required: frozenset[str]
    optional: frozenset[str]
    check: Callable[[Node], None]
    reads: Callable[[Node], Iterator[str]]


def decimal(node: Node, name: str, text: object) -> Decimal:
    """Return a decimal of a node.

    Args:
        node: The node.
        name: The field.
        text: Its value.

    Raises:
        InvalidNode: It is no text of a finite decimal with at most 28 digits.
    """
    try:
        value = Decimal(text) if isinstance(text, str) else None
    except InvalidOperation:
        value = None
    if value is None or not value.is_finite() or len(value.as_tuple().digits) > _DIGITS_MAX:
        raise InvalidNode(
            f"{node.id}: {name}: {shown(text)} is no decimal as text, of {_DIGITS_MAX} digits at most"
        )
    return value


def external_of(node: Node) -> re.Match[str]:
    """Return what an external node reads.

    Args:
        node: The node.

    Raises:
        UnknownExternal: It is none of those that there are.
    """
    uri = node.fields["uri"]
    found = _EXTERNAL.fullmatch(uri) if isinstance(uri, str) else None
    if found is None:
        raise UnknownExternal(
            f"{node.id}: uri: {shown(uri)} is none of market:SYMBOL/bid|ask|mid|last|mark,"
            " account:ASSET/equity|available, position:SYMBOL/size, param:NAME"
        )
    return found


def _text(node: Node, name: str) -> str:
    value = node.fields[name]
    if not isinstance(value, str) or not value:
        raise InvalidNode(f"{node.id}: {name}: {shown(value)} is no text")
    return value


def _is_one_of(node: Node, name: str, allowed: tuple[str, ...]) -> None:
    if node.fields[name] not in allowed:
        raise InvalidNode(f"{node.id}: {name}: {shown(node.fields[name])} is none of {', '.join(allowed)}")


def _whole(node: Node, name: str, least: int, most: int) -> int:
    value = node.fields[name]
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise InvalidNode(f"{node.id}: {name}: {shown(value)} is no whole number from {least} to {most}")
    return value


def _ids(*names: str) -> Callable[[Node], Iterator[str]]:
    def read(node: Node) -> Iterator[str]:
        for name in names:
            yield _text(node, name)

    return read


def _inputs(node: Node) -> Iterator[str]:
    inputs = node.fields.get("inputs", [])
    if not isinstance(inputs, list | tuple) or not all(isinstance(one, str) for one in inputs):
        raise InvalidNode(f"{node.id}: inputs: {shown(inputs)} is no list of ids")
    yield from inputs


def _routes(node: Node) -> Iterator[str]:
    for route in routes_of(node):
        yield route["condition"]
        yield route["target"]
    yield _text(node, "default")


def routes_of(node: Node) -> list[Mapping[str, str]]:
    """Return the ways of a route.

    Args:
        node: The node.

    Raises:
        InvalidNode: They are no list of ways.
    """
    routes = node.fields["routes"]
    if not isinstance(routes, list | tuple) or not 1 <= len(routes) <= _ROUTES_MAX:
        raise InvalidNode(f"{node.id}: routes: must list 1 to {_ROUTES_MAX} ways")
    allowed = {"condition", "threshold", "target", "name", "description"}
    for at, route in enumerate(routes):
        if (
            not isinstance(route, Mapping)
            or not {"condition", "threshold", "target"} <= set(route) <= allowed
            or not all(isinstance(value, str) for value in route.values())
        ):
            raise InvalidNode(f"{node.id}: routes[{at}]: must have condition, threshold and target as text")
        decimal(node, f"routes[{at}].threshold", route["threshold"])
    return list(routes)


def rounds(node: Node) -> bool:
    """Return whether an operation rounds: each division does, and a product that is set to.

    Args:
        node: The node.
    """
    return "places" in node.fields or "rounding" in node.fields


def _check_operation(node: Node) -> None:
    op = node.fields["op"]
    if op not in OPERATIONS:
        raise UnknownKind(f"{node.id}: op: {shown(op)} is none of {', '.join(OPERATIONS)}")
    given = len(list(_inputs(node)))
    if given != OPERATIONS[op]:
        raise InvalidNode(f"{node.id}: inputs: {op} takes {OPERATIONS[op]} values, and there are {given}")
    if op == "div" or (op == "mul" and rounds(node)):
        for name in ("places", "rounding"):
            if name not in node.fields:
                raise InvalidNode(f"{node.id}: {name}: is missing: a {op} that rounds says how")
        _whole(node, "places", 0, _DIGITS_MAX - 10)
        _is_one_of(node, "rounding", ROUNDINGS)
    elif rounds(node):
        raise InvalidNode(f"{node.id}: places, rounding: only a div and a mul have them")


def _check_state(node: Node) -> None:
    _text(node, "key")
    decimal(node, "default", node.fields["default"])
    if len(list(_inputs(node))) > 1:
        raise InvalidNode(f"{node.id}: inputs: a state takes one value at the most: the one to keep")


def _check_timer(node: Node) -> None:
    Cron.parsed(node.id, _text(node, "cron"))
    _whole(node, "max_concurrent", 1, _CONCURRENT_MAX)
    _is_one_of(node, "overlap_policy", OVERLAPS)


def _nothing(node: Node) -> Iterator[str]:
    del node
    return iter(())


def _kind(
    required: str,
    optional: str = "",
    check: Callable[[Node], object] = lambda _: None,
    reads: Callable[[Node], Iterator[str]] = _nothing,
) -> Kind:
    def checked(node: Node) -> None:
        check(node)

    return Kind(frozenset(required.split()), frozenset(optional.split()), checked, reads)


KINDS: Final[Mapping[str, Kind]] = {
    "constant": _kind("value", check=lambda node: decimal(node, "value", node.fields["value"])),
    "operation": _kind("op inputs", "places rounding", _check_operation, _inputs),
    "external": _kind("uri", check=external_of),
    "branch": _kind(
        "condition threshold true_branch false_branch",
        check=lambda node: decimal(node, "threshold", node.fields["threshold"]),
        reads=_ids("condition", "true_branch", "false_branch"),
    ),
    "state": _kind("key default", "inputs", _check_state, _inputs),
    "permission": _kind(
        "subject action threshold fallback",
        check=lambda node: decimal(node, "threshold", node.fields["threshold"]),
        reads=_ids("subject", "action", "fallback"),
    ),
    "route": _kind("routes default", check=routes_of, reads=_routes),
    "timer": _kind("target cron max_concurrent overlap_policy", check=_check_timer, reads=_ids("target")),
}


def check_node(node: Node) -> None:
    """Refuse a node that is none.

    Args:
        node: The node.

    Raises:
        UnknownKind: There is no such kind, or no such operation.
        InvalidNode: A field is missing, unknown, or cannot be.
        UnknownExternal: An external names nothing that a graph may read.
    """
    kind = KINDS.get(node.kind)
    if kind is None:
        raise UnknownKind(f"{node.id}: kind: {shown(node.kind)} is none of {', '.join(KINDS)}")
    has = set(node.fields)
    missing, unknown = sorted(kind.required - has), sorted(has - kind.required - kind.optional)
    if missing:
        raise InvalidNode(f"{node.id}: {missing[0]}: is missing from this {node.kind}")
    if unknown:
        raise InvalidNode(f"{node.id}: {unknown[0]}: is no field of a {node.kind}")
    kind.check(node)
    for _ in kind.reads(node):
        pass


def reads_of(node: Node) -> list[str]:
    """Return the ids that a node refers to.

    Args:
        node: It, checked.
    """
    return list(KINDS[node.kind].reads(node))


def shape_of(node: Node, shapes: Mapping[str, str]) -> str:
    """Return the shape of a node's value: "decimal" or "bool".

    Args:
        node: The node.
        shapes: Of the nodes that it reads.

    Raises:
        ShapeProofInvalid: Its ways have different shapes.
    """
    if node.kind == "operation":
        if node.fields["op"] in _TO_BOOL:
            return BOOL
        if node.fields["op"] != "select":
            return DECIMAL
    ways = _ways(node)
    found: set[str] = {shapes[way] for way in ways}
    if len(found) > 1:
        raise ShapeProofInvalid(f"{node.id}: its ways are of two shapes: a decimal and a bool")
    return found.pop() if found else DECIMAL


def _ways(node: Node) -> list[str]:
    """Whose value a node's can be, where it only passes one on."""
    fields = node.fields
    match node.kind:
        case "operation":
            return list(fields["inputs"])[1:]
        case "branch":
            return [fields["true_branch"], fields["false_branch"]]
        case "permission":
            return [fields["action"], fields["fallback"]]
        case "route":
            return [*(route["target"] for route in routes_of(node)), fields["default"]]
        case "timer":
            return [fields["target"]]
    return []


def renamed(node: Node, ids: Mapping[str, str]) -> Node:
    """Return a node that refers to others by new ids.

    Args:
        node: The node.
        ids: The new id of each old one.
    """

    def new(value: Any) -> Any:  # noqa: ANN401 - any JSON
        if isinstance(value, str):
            return ids.get(value, value)
        if isinstance(value, Mapping):
            return {key: new(one) for key, one in value.items()}
        if isinstance(value, list | tuple):
            return [new(one) for one in value]
        return value

    return Node.made(node.kind, **{key: new(value) for key, value in node.fields.items()})

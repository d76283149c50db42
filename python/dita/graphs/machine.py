"""A verified graph at work: what it reads, one run, and the hashes that prove it."""

import contextlib
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from dita._kernel import GraphMachine
from dita.errors import shown
from dita.graphs.cron import Cron
from dita.graphs.errors import GraphError
from dita.graphs.form import Graph, Node, canonical
from dita.graphs.nodes import external_of, rounds, routes_of
from dita.graphs.verify import fuel_of, verify

_NO_PLACES: Final = (0, "HALF_EVEN")
_TOO_LONG: Final = ("Overflow", "Inexact")
_MINUTE_NS: Final = 60_000_000_000


class RunFault(GraphError):  # noqa: N818 - it says what happened
    """A run has no result: a value is missing, a divisor is zero, or a number is too long."""


class NoInput(RunFault):
    """A value from outside is needed, and is not there yet."""


@dataclass(frozen=True, slots=True)
class GraphResult:
    """What a run came to.

    Attributes:
        value: The entry point's value.
        outputs: The outputs that have a value, by name.
        inputs: What was read from outside, as text by its name.
        input_hash: The SHA-256 of `inputs` as canonical JSON, in hex.
        trace_hash: The SHA-256 of the values of all nodes, in hex.
    """

    value: Decimal
    outputs: Mapping[str, Decimal]
    inputs: Mapping[str, str]
    input_hash: str
    trace_hash: str


class GraphRun:
    """Runs one graph again and again. The same inputs and the same state give the same result.

    Attributes:
        graph: The graph.
        externals: The names of what it reads from outside, but its parameters.
        params: The parameters that it was given.
        fuel_needed: What a run costs at the most.
    """

    def __init__(self, graph: Graph, params: Mapping[str, Decimal | str | int] | None = None) -> None:
        """Verify a graph, and make it ready to run.

        Args:
            graph: The graph.
            params: Values of its `param:NAME`.

        Raises:
            GraphError: The graph has a fault, or a parameter is missing or unknown.
        """
        ordered = verify(graph)
        self.graph = graph
        self.fuel_needed = fuel_of(ordered)
        self.params = _params(ordered, params or {})
        self.externals = _externals(ordered)
        self._places = {uri: at for at, uri in enumerate(self.externals)}
        self._timers = [Cron.parsed(node.id, node.fields["cron"]) for node in ordered if node.kind == "timer"]
        self._keys = _keys(ordered)
        self._since_ns: int | None = None
        self._given: list[Decimal | None] = []
        self._due: list[bool] = []
        self._at = {node.id: at for at, node in enumerate(ordered)}
        # Whether timers are due is read behind the values from outside.
        due = iter(range(len(self._places), len(self._places) + len(self._timers)))
        self._machine = GraphMachine(
            [self._step(node, due) for node in ordered],
            self._at[graph.entry_point],
            min(proof["fuel_budget"] for proof in graph.proofs if proof["kind"] == "halting"),
            len(self._places) + len(self._timers),
            list(self._keys.values()),
        )
        self._key_places = {key: at for at, key in enumerate(self._keys)}

    def _step(self, node: Node, due: Iterator[int]) -> tuple[Any, ...]:
        fields, at = node.fields, self._at
        if node.kind == "constant":
            return ("constant", fields["value"])
        if node.kind == "external":
            name = external_of(node)["param"]
            return ("constant", self.params[name]) if name else ("external", self._places[fields["uri"]])
        if node.kind == "operation":
            inputs = [at[one] for one in fields["inputs"]]
            op, places = fields["op"], _NO_PLACES
            if rounds(node):
                op = "mul_rounded" if op == "mul" else op
                places = (fields["places"], fields["rounding"])
            return ("operation", op, inputs, *places)
        if node.kind == "state":
            key, inputs = list(self._keys).index(fields["key"]), fields.get("inputs", [])
            return ("write", key, at[inputs[0]]) if inputs else ("read", key)
        if node.kind == "timer":
            return ("timer", next(due), at[fields["target"]])
        routes, otherwise = _choice(node)
        return (
            "choice",
            [(at[one], threshold, at[target]) for one, threshold, target in routes],
            at[otherwise],
        )

    @property
    def state(self) -> dict[str, Decimal]:
        """What each state key holds."""
        return dict(zip(self._keys, self._machine.kept, strict=True))

    def restore(self, state: Mapping[str, Decimal | str]) -> None:
        """Set what state keys hold, as `state` returned it.

        Args:
            state: Values by key.

        Raises:
            GraphError: There is no such key.
        """
        for key in state:
            if key not in self._key_places:
                raise RunFault(f"state: {shown(key)} is no key of this graph")
        for key, value in state.items():
            self._machine.keep(self._key_places[key], value)

    def evaluate(self, values: Mapping[str, Decimal | str | int], now_ns: int = 0) -> Decimal:
        """Run once, and return the entry point's value. `proof` then says how it came about.

        Timers are due where a time of theirs lies after the last run and not after this one.

        Args:
            values: What is read from outside, by its name; a missing one is a fault only where it is needed.
            now_ns: The time, ns since 1970 UTC. In the first run a timer is due in its own minute.

        Raises:
            RunFault: There is no result. State keys are as they were.
        """
        self._given = [_number(uri, values.get(uri)) for uri in self.externals]
        since_ns = now_ns - _MINUTE_NS if self._since_ns is None else self._since_ns
        self._due = [cron.is_due(since_ns, now_ns) for cron in self._timers]
        try:
            value = self._machine.run([*self._given, *(Decimal(is_due) for is_due in self._due)])
        except ArithmeticError as error:
            raise self._fault(error) from None
        self._since_ns = now_ns
        return value

    def again(self, inputs: Mapping[str, str], state: Mapping[str, str]) -> tuple[Decimal, str]:
        """Run once more on what a run has read, and return its value and its trace's hash in hex.

        Args:
            inputs: As `inputs` returned them.
            state: What state keys held before that run.

        Raises:
            RunFault: There is no result, a key or a value is none of this graph's.
        """
        self.restore(state)
        self._given = [_number(uri, inputs.get(uri)) for uri in self.externals]
        self._due = [inputs.get(f"timer:{at}") == "1" for at in range(len(self._timers))]
        try:
            value = self._machine.run([*self._given, *(Decimal(is_due) for is_due in self._due)])
        except ArithmeticError as error:
            raise self._fault(error) from None
        return value, self._machine.trace().hex()

    def inputs(self) -> dict[str, str]:
        """Return what the last run read from outside, as text: values by name, and timers by number."""
        read = zip(self.externals, self._given, strict=True)
        found = {uri: format(number, "f") for uri, number in read if number is not None}
        return found | {f"timer:{at}": str(int(is_due)) for at, is_due in enumerate(self._due)}

    def proof(self) -> tuple[str, str]:
        """Return the last run's hashes in hex: of `inputs` as canonical JSON, and of all nodes' values."""
        return hashlib.sha256(canonical(self.inputs())).hexdigest(), self._machine.trace().hex()

    def run(self, values: Mapping[str, Decimal | str | int], now_ns: int = 0) -> GraphResult:
        """Run once, and return all that came of it.

        Args:
            values: As `evaluate`.
            now_ns: The same.

        Raises:
            RunFault: There is no result. State keys are as they were.
        """
        value = self.evaluate(values, now_ns)
        input_hash, trace_hash = self.proof()
        return GraphResult(value, self._outputs(), self.inputs(), input_hash, trace_hash)

    def _outputs(self) -> dict[str, Decimal]:
        found = {}
        for output in self.graph.outputs:
            with contextlib.suppress(ArithmeticError):
                found[output.name] = self._machine.at(self._at[output.node])
        return found

    def _fault(self, error: ArithmeticError) -> RunFault:
        why, step = error.args
        node = next(node for node, at in self._at.items() if at == step)
        kind = NoInput if why == NoInput.__name__ else RunFault
        todo = "" if why not in _TOO_LONG else "; let a mul or a div before it round (places, rounding)"
        return kind(f"{node}: {why}: the run has no result{todo}")


def _externals(ordered: list[Node]) -> tuple[str, ...]:
    uris = (
        node.fields["uri"] for node in ordered if node.kind == "external" and not external_of(node)["param"]
    )
    return tuple(dict.fromkeys(uris))


def _keys(ordered: list[Node]) -> dict[str, str]:
    """What each key holds at first."""
    return {node.fields["key"]: node.fields["default"] for node in ordered if node.kind == "state"}


def _choice(node: Node) -> tuple[list[tuple[str, str, str]], str]:
    fields = node.fields
    if node.kind == "branch":
        return [(fields["condition"], fields["threshold"], fields["true_branch"])], fields["false_branch"]
    if node.kind == "permission":
        return [(fields["subject"], fields["threshold"], fields["action"])], fields["fallback"]
    return [(one["condition"], one["threshold"], one["target"]) for one in routes_of(node)], fields["default"]


def _params(ordered: list[Node], given: Mapping[str, Decimal | str | int]) -> dict[str, Decimal]:
    names = {external_of(node)["param"] for node in ordered if node.kind == "external"} - {None}
    for name in given:
        if name not in names:
            raise RunFault(
                f"params: {shown(name)} is no parameter; there are {', '.join(sorted(names)) or 'none'}"
            )
    for name in sorted(names):
        if name not in given:
            raise RunFault(f"params: {name}: is missing")
    return {name: _number(f"params: {name}", value) or Decimal(0) for name, value in given.items()}


def _number(name: str, value: Decimal | str | int | None) -> Decimal | None:
    if value is None:
        return None
    try:
        number = value if isinstance(value, Decimal) else Decimal(str(value))
    except InvalidOperation:
        raise RunFault(f"{name}: {shown(value)} is no decimal") from None
    if not number.is_finite():
        raise RunFault(f"{name}: {shown(value)} is no decimal")
    # Numbers that are equal have one text, so that they have one hash.
    return number.normalize()

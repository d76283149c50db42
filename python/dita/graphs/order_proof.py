"""The proof that an order carries, checked without who sent it: graph, inputs, run, signature."""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from dita._kernel import Replay, read_notes
from dita.errors import shown
from dita.graphs.errors import GraphError, SignatureInvalid
from dita.graphs.form import Graph, canonical, load_graph
from dita.graphs.machine import GraphRun
from dita.graphs.verify import verify

#: The longest proof, as canonical JSON: an intent's metadata has room for more of others.
PROOF_BYTES_MAX: Final = 400
_HASHES: Final = ("graph", "inputs", "trace")
_HASH_CHARS: Final = 64


class OrderUnknown(GraphError):  # noqa: N818 - the fault's name
    """The log has no such order."""


class ProofMissing(GraphError):  # noqa: N818 - as above
    """The order carries no proof, or one of another form."""


class GraphUnknown(GraphError):  # noqa: N818 - as above
    """The graph that the proof names is not at hand."""


class InputMissing(GraphError):  # noqa: N818 - as above
    """No note of the log has inputs of the proof's hash: the hash was altered, or the note was."""


class TraceMismatch(GraphError):  # noqa: N818 - as above
    """The graph's run on the noted inputs is not the one that the proof states."""


@dataclass(frozen=True, slots=True)
class OrderProof:
    """A proof that holds.

    Attributes:
        order: The order's client id.
        intent_id: The intent that asked for it.
        graph: The graph's content id.
        inputs: What the run read from outside, by name.
        state: What its state keys held before.
        value: The entry point's value: the position that was wanted.
        signed_by: The key that has signed the graph, in hex; empty where nobody has.
    """

    order: str
    intent_id: str
    graph: str
    inputs: Mapping[str, str]
    state: Mapping[str, str]
    value: str
    signed_by: str


def verify_order(log_dir: Path, order: str, graphs: "list[Path]") -> OrderProof:
    """Check an order's proof against a log.

    The graph is verified and its content id is the one that the proof names; a note of the log has inputs of
    the proof's hash; a run on them, from the state that the note has, leaves the proof's trace; and the
    proof's signature is the graph's own, and good.

    Args:
        log_dir: The log's directory.
        order: The order's client id, or its intent's id.
        graphs: Files among which the graph is.

    Raises:
        GraphError: What does not hold, by its class: OrderUnknown, ProofMissing, GraphUnknown, a fault of the
            graph, InputMissing, TraceMismatch, SignatureInvalid.
        LogError: The log cannot be read.
    """
    client_id, intent = _intent_of(log_dir, order)
    proof = _proof_of(intent)
    graph = _graph_of(proof, graphs)
    verify(graph)
    signed_by = _check_signature(graph, proof)
    value, noted = _check_run(graph, proof, log_dir)
    return OrderProof(
        order=client_id,
        intent_id=intent["intent_id"],
        graph=graph.content_id,
        inputs=noted["inputs"],
        state=noted["state"],
        value=value,
        signed_by=signed_by,
    )


def _intent_of(log_dir: Path, order: str) -> tuple[str, Mapping[str, Any]]:
    """Return the order's client id, and the intent that asked for it."""
    for step in Replay(log_dir, from_start=True):
        if step["type"] != "INTENT":
            continue
        sent = [one["venue_client_id"] for one in step["requests"] if one["type"] == "SUBMIT"]
        if order in sent or (sent and step["input"]["intent_id"] == order):
            return (order if order in sent else sent[0]), step["input"]
    raise OrderUnknown(f"{shown(order)}: the log has no order that an intent has sent under this id")


def _proof_of(intent: Mapping[str, Any]) -> Mapping[str, str]:
    found = intent.get("metadata") or {}
    if isinstance(found, str):
        found = json.loads(found)
    for name in _HASHES:
        text = found.get(name)
        if not isinstance(text, str) or len(text) != _HASH_CHARS:
            raise ProofMissing(
                f"metadata.{name}: {shown(text)} is no SHA-256 in hex: the order carries no proof"
            )
    if len(canonical(dict(found))) > PROOF_BYTES_MAX:
        raise ProofMissing(f"metadata: is longer than a proof, which has at most {PROOF_BYTES_MAX} bytes")
    return dict(found)


def _graph_of(proof: Mapping[str, str], graphs: "list[Path]") -> Graph:
    looked: list[str] = []
    for path in graphs:
        graph = load_graph(path)
        looked.append(f"{path.name} is {graph.content_id.removeprefix('sha256:')}")
        if graph.content_id.removeprefix("sha256:") == proof["graph"]:
            return graph
    at_hand = "; ".join(looked) or "there is none"
    raise GraphUnknown(
        f"metadata.graph: {proof['graph']} is no graph at hand ({at_hand}): name its file with --graph"
    )


def _check_signature(graph: Graph, proof: Mapping[str, str]) -> str:
    """Return the key of the signature that the proof states; `verify` has checked those of the graph."""
    signatures = {
        str(one["signature"]): str(one["public_key"]) for one in graph.proofs if one["kind"] == "signature"
    }
    stated = proof.get("signature", "")
    if not stated and not signatures:
        return ""
    if stated not in signatures:
        raise SignatureInvalid(f"metadata.signature: {shown(stated)} is none of the graph's")
    return signatures[stated]


def _check_run(graph: Graph, proof: Mapping[str, str], log_dir: Path) -> tuple[str, Mapping[str, Any]]:
    """Run the graph on each note of these inputs: the same inputs may have met another state."""
    run = GraphRun(graph, graph.metadata.get("params", {}))
    traces = []
    for noted in _noted(log_dir):
        if _hash(noted["inputs"]) != proof["inputs"]:
            continue
        value, trace = run.again(noted["inputs"], noted["state"])
        if trace == proof["trace"]:
            return format(value, "f"), noted
        traces.append(trace)
    if not traces:
        raise InputMissing(f"metadata.inputs: no note of the log has inputs of the hash {proof['inputs']}")
    raise TraceMismatch(
        f"metadata.trace: {proof['trace']} is not what the graph leaves on these inputs, {', '.join(traces)}"
    )


def _noted(log_dir: Path) -> Iterator[Mapping[str, Any]]:
    """Yield what each order's run read, as strategies of graphs have noted it."""
    for _, _, _, text in read_notes(os.fspath(log_dir)):
        try:
            content = json.loads(text)
        except ValueError:
            continue
        runs = content.get("runs") if isinstance(content, dict) else None
        for one in runs if isinstance(runs, list) else ():
            if (
                isinstance(one, dict)
                and isinstance(one.get("inputs"), dict)
                and isinstance(one.get("state"), dict)
            ):
                yield one


def _hash(inputs: Mapping[str, str]) -> str:
    return hashlib.sha256(canonical(dict(inputs))).hexdigest()

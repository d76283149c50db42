"""A graph on disk: canonical JSON (RFC 8785), and nodes whose ids are the hash of their content."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from dita.errors import shown
from dita.graphs.errors import HashMismatch, InvalidForm, TooManyNodes

FORMAT: Final = 1
NODES_MAX: Final = 10_000
_BYTES_MAX: Final = 32 << 20
_DEPTH_MAX: Final = 32
_PREFIX: Final = "sha256:"
_KEYS: Final = frozenset({"format", "version", "entry_point", "outputs", "nodes", "proofs", "metadata"})


def canonical(value: object) -> bytes:
    """Return JSON by RFC 8785: sorted keys, no blanks. There are no floats: decimals are text.

    Args:
        value: Mappings, sequences, text, integers, booleans, None.

    Raises:
        InvalidForm: A value is none of these.
    """
    return _text(value, 0).encode()


def _text(value: object, depth: int) -> str:
    if depth > _DEPTH_MAX:
        raise InvalidForm(f"JSON: is nested deeper than {_DEPTH_MAX}")
    if isinstance(value, Mapping):
        # By UTF-16 code units, as the standard says.
        keys = sorted(value, key=lambda key: str(key).encode("utf-16-be", "surrogatepass"))
        inner = ",".join(
            f"{json.dumps(key, ensure_ascii=False)}:{_text(value[key], depth + 1)}" for key in keys
        )
        return "{" + inner + "}"
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return "[" + ",".join(_text(one, depth + 1) for one in value) + "]"
    if value is None or isinstance(value, str | bool | int):
        return json.dumps(value, ensure_ascii=False)
    raise InvalidForm(
        f"JSON: {shown(value)} is no text, integer, boolean, list or object; write decimals as text"
    )


def hash_of(content: Mapping[str, Any]) -> str:
    """Return the id of a node, of its content without the id.

    Args:
        content: The node.
    """
    bare = {key: value for key, value in content.items() if key != "id"}
    return _PREFIX + hashlib.sha256(canonical(bare)).hexdigest()


@dataclass(frozen=True, slots=True)
class Node:
    """One node.

    Attributes:
        id: What it is stated to be: `sha256:` and 64 digits.
        kind: constant, operation, external, branch, state, permission, route or timer.
        fields: What else it has.
    """

    id: str
    kind: str
    fields: Mapping[str, Any]

    def content(self) -> dict[str, Any]:
        """Return it as on disk, without its id."""
        return {"kind": self.kind, **self.fields}

    @classmethod
    def made(cls, kind: str, **fields: Any) -> "Node":  # noqa: ANN401 - a node's
        """Return a node with its own id.

        Args:
            kind: Its kind.
            fields: What else it has.
        """
        return cls(hash_of({"kind": kind, **fields}), kind, fields)


@dataclass(frozen=True, slots=True)
class Output:
    """A value that others may read.

    Attributes:
        name: What to call it.
        node: Whose value.
    """

    name: str
    node: str


@dataclass(frozen=True, slots=True)
class Graph:
    """A strategy graph, as it is written down. `verify` says whether it can be trusted.

    Attributes:
        entry_point: The node whose value is the result.
        nodes: The nodes, as they are listed.
        outputs: Values that other graphs, and people, may read.
        proofs: Halting, shapes and signatures.
        metadata: What else its author says: `name`, `pair`.
        version: The author's.
    """

    entry_point: str
    nodes: tuple[Node, ...]
    outputs: tuple[Output, ...] = ()
    proofs: tuple[Mapping[str, Any], ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    version: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return it as on disk."""
        return {
            "format": FORMAT,
            "version": self.version,
            "entry_point": self.entry_point,
            "outputs": [{"name": one.name, "node": one.node} for one in self.outputs],
            "nodes": [{"id": node.id, **node.content()} for node in self.nodes],
            "proofs": list(self.proofs),
            "metadata": dict(self.metadata),
        }

    def to_bytes(self) -> bytes:
        """Return it as canonical JSON, with a line end."""
        return canonical(self.to_dict()) + b"\n"

    @property
    def content_id(self) -> str:
        """The hash of all of it but its signatures."""
        return _PREFIX + hashlib.sha256(self.signed_bytes()).hexdigest()

    def signed_bytes(self) -> bytes:
        """Return what a signature is of: all of it but the signatures."""
        whole = self.to_dict()
        whole["proofs"] = [proof for proof in self.proofs if proof.get("kind") != "signature"]
        return canonical(whole)

    def by_id(self) -> dict[str, Node]:
        """Return the nodes by their ids."""
        return {node.id: node for node in self.nodes}

    def save(self, path: Path | str) -> None:
        """Write it to a file.

        Args:
            path: The file; by custom it ends in `.0`.
        """
        Path(path).write_bytes(self.to_bytes())


def graph_of(document: object) -> Graph:
    """Return the graph of a document.

    Args:
        document: As JSON gives it.

    Raises:
        InvalidForm: A key is missing or unknown, or a value has another type.
        TooManyNodes: There are more than 10,000 nodes.
        HashMismatch: Two nodes have one id.
    """
    if not isinstance(document, Mapping):
        raise InvalidForm("graph: is no JSON object")
    unknown = sorted(set(document) - _KEYS)
    if unknown:
        raise InvalidForm(f"{unknown[0]}: is no key of a graph; the keys are {', '.join(sorted(_KEYS))}")
    missing = sorted({"format", "entry_point", "nodes"} - set(document))
    if missing:
        raise InvalidForm(f"{missing[0]}: is missing")
    if document["format"] is True or document["format"] != FORMAT:
        raise InvalidForm(f"format: {shown(document['format'])} is not {FORMAT}")
    nodes = _list(document, "nodes")
    if len(nodes) > NODES_MAX:
        raise TooManyNodes(f"nodes: {len(nodes)} are more than {NODES_MAX}")
    found = tuple(_node(at, node) for at, node in enumerate(nodes))
    _no_twins(found)
    metadata = document.get("metadata", {})
    if not isinstance(metadata, Mapping):
        raise InvalidForm("metadata: is no JSON object")
    version = document.get("version", 0)
    if isinstance(version, bool) or not isinstance(version, int) or version < 0:
        raise InvalidForm(f"version: {shown(version)} is no whole number, zero or above")
    entry = document["entry_point"]
    if not isinstance(entry, str):
        raise InvalidForm(f"entry_point: {shown(entry)} is no text")
    proofs = tuple(_list(document, "proofs"))
    if not all(isinstance(proof, Mapping) and isinstance(proof.get("kind"), str) for proof in proofs):
        raise InvalidForm("proofs: each is an object with a kind")
    return Graph(
        entry_point=entry,
        nodes=found,
        outputs=tuple(_output(at, one) for at, one in enumerate(_list(document, "outputs"))),
        proofs=proofs,
        metadata=metadata,
        version=version,
    )


def _list(document: Mapping[str, Any], key: str) -> Sequence[Any]:
    value = document.get(key, [])
    if not isinstance(value, list | tuple):
        raise InvalidForm(f"{key}: {shown(value)} is no list")
    return value


def _node(at: int, node: object) -> Node:
    if not isinstance(node, Mapping):
        raise InvalidForm(f"nodes[{at}]: {shown(node)} is no JSON object")
    for key in ("id", "kind"):
        if not isinstance(node.get(key), str):
            raise InvalidForm(f"nodes[{at}].{key}: {shown(node.get(key))} is no text")
    fields = {key: value for key, value in node.items() if key not in ("id", "kind")}
    canonical(fields)
    return Node(node["id"], node["kind"], fields)


def _output(at: int, output: object) -> Output:
    if (
        not isinstance(output, Mapping)
        or set(output) != {"name", "node"}
        or not all(isinstance(value, str) and value for value in output.values())
    ):
        raise InvalidForm(f"outputs[{at}]: {shown(output)} is no object of name and node")
    return Output(output["name"], output["node"])


def _no_twins(nodes: Iterable[Node]) -> None:
    seen: set[str] = set()
    for node in nodes:
        if node.id in seen:
            raise HashMismatch(f"nodes: {node.id} is there twice")
        seen.add(node.id)


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise InvalidForm("JSON: an object has one key twice")
    return found


def _no_number(text: str) -> Any:  # noqa: ANN401 - json's hook
    raise InvalidForm(f"JSON: {text} is no number of a graph: write decimals as text")


def load_graph(path: Path | str) -> Graph:
    """Read a graph from a file. Nothing but its form is checked: see `verify`.

    Args:
        path: The file.

    Raises:
        InvalidForm: It cannot be read, is no JSON, or has another form.
        TooManyNodes: There are more than 10,000 nodes.
    """
    file = Path(path)
    try:
        if file.stat().st_size > _BYTES_MAX:
            raise InvalidForm(f"{file}: is larger than {_BYTES_MAX >> 20} MiB")
        document = json.loads(
            file.read_bytes(), parse_float=_no_number, parse_constant=_no_number, object_pairs_hook=_pairs
        )
    except OSError as error:
        raise InvalidForm(f"{file}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise InvalidForm(f"{file}: is no JSON: {error}") from error
    return graph_of(document)

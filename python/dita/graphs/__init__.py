"""Strategy graphs: a strategy as data that is checked before it runs, and that always ends.

A graph is canonical JSON, by custom in a file that ends in `.0`. Each node's id is the hash of its content.
`verify` says whether a graph can be trusted, `compose` puts graphs together, `GraphRun` runs one on exact
decimals. docs/how-to/write-a-strategy-graph.md begins with an example.
"""

from dita.graphs.compose import compose, params_of
from dita.graphs.drawing import as_svg
from dita.graphs.errors import (
    CycleDetected,
    EmptyGraph,
    GraphError,
    HashMismatch,
    InvalidEntryPoint,
    InvalidForm,
    InvalidNode,
    InvalidOutput,
    MissingHaltingProof,
    MissingNode,
    PortMismatch,
    ShapeProofInvalid,
    SignatureInvalid,
    TooManyNodes,
    UnknownExternal,
    UnknownKind,
)
from dita.graphs.form import Graph, Node, Output, canonical, graph_of, hash_of, load_graph
from dita.graphs.machine import GraphResult, GraphRun, RunFault
from dita.graphs.signing import signed
from dita.graphs.verify import proven, verify

__all__ = [
    "CycleDetected",
    "EmptyGraph",
    "Graph",
    "GraphError",
    "GraphResult",
    "GraphRun",
    "HashMismatch",
    "InvalidEntryPoint",
    "InvalidForm",
    "InvalidNode",
    "InvalidOutput",
    "MissingHaltingProof",
    "MissingNode",
    "Node",
    "Output",
    "PortMismatch",
    "RunFault",
    "ShapeProofInvalid",
    "SignatureInvalid",
    "TooManyNodes",
    "UnknownExternal",
    "UnknownKind",
    "as_svg",
    "canonical",
    "compose",
    "graph_of",
    "hash_of",
    "load_graph",
    "params_of",
    "proven",
    "signed",
    "verify",
]

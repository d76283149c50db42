"""What is wrong with a graph: one class for each name."""

from dita.errors import KernelError


class GraphError(KernelError):
    """A graph cannot be taken. Its class names the fault, its text says where and what to do."""

    @property
    def name(self) -> str:
        """The fault's name."""
        return type(self).__name__


class InvalidForm(GraphError):  # noqa: N818 - the names are the graph format's own
    """The file is no graph of this format."""


class TooManyNodes(GraphError):  # noqa: N818 - as above
    """There are more than 10,000 nodes."""


class EmptyGraph(GraphError):  # noqa: N818 - as above
    """There is no node."""


class UnknownKind(GraphError):  # noqa: N818 - as above
    """A node is of a kind, or an operation of a name, that there is not."""


class InvalidNode(GraphError):  # noqa: N818 - as above
    """A node lacks a field, has one too many, or a value that cannot be."""


class InvalidEntryPoint(GraphError):  # noqa: N818 - as above
    """The entry point is no node."""


class InvalidOutput(GraphError):  # noqa: N818 - as above
    """An output is no node, or two have one name."""


class MissingNode(GraphError):  # noqa: N818 - as above
    """A node refers to one that is not there."""


class CycleDetected(GraphError):  # noqa: N818 - as above
    """Nodes, or graphs that are composed, depend on themselves."""


class HashMismatch(GraphError):  # noqa: N818 - as above
    """A node's id is not the hash of its content."""


class UnknownExternal(GraphError):  # noqa: N818 - as above
    """An external names nothing that a graph may read."""


class MissingHaltingProof(GraphError):  # noqa: N818 - as above
    """There is no halting proof, or it allows less than the graph needs."""


class ShapeProofInvalid(GraphError):  # noqa: N818 - as above
    """The stated shapes are not the nodes', or a branch has two."""


class SignatureInvalid(GraphError):  # noqa: N818 - as above
    """A signature is not of this graph by this key."""


class PortMismatch(GraphError):  # noqa: N818 - as above
    """Graphs that are composed do not fit together."""


__all__ = [
    "CycleDetected",
    "EmptyGraph",
    "GraphError",
    "HashMismatch",
    "InvalidEntryPoint",
    "InvalidForm",
    "InvalidNode",
    "InvalidOutput",
    "MissingHaltingProof",
    "MissingNode",
    "PortMismatch",
    "ShapeProofInvalid",
    "SignatureInvalid",
    "TooManyNodes",
    "UnknownExternal",
    "UnknownKind",
]

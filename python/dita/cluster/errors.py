"""What can go wrong with a cluster."""

from dita.errors import KernelError


class ClusterError(KernelError):
    """A cluster, its address or its members cannot be used as asked; the text says what to do."""


class ClusterUnreachable(ClusterError):  # noqa: N818 - a kind of ClusterError
    """No member answers there, or none of that cluster's name."""

"""What a runtime refuses, by name."""

from dita.errors import KernelError


class ConnectorNotFound(KernelError):  # noqa: N818 - the contract's name
    """No connector of this name was added."""


class ConnectorError(KernelError):
    """A connector cannot do what is asked of it; the text says what."""


class BacktestError(KernelError):
    """A backtest cannot be done; the text says why."""

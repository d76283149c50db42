"""What a strategy may not do, by name."""

from dita.errors import KernelError


class StrategyError(KernelError):
    """A strategy cannot be used, or has done what it may not; the text says what."""


class WarmingUp(StrategyError):  # noqa: N818 - it says what goes on
    """A strategy acts while its history is played to it: it may look, and not act."""


class TooManyIntents(StrategyError):  # noqa: N818 - it says what went wrong
    """A strategy has sent more intents in one callback than is allowed."""


class NotRunning(StrategyError):  # noqa: N818 - it says how it is
    """A strategy acts though it is paused, stopped, in error, or in no program at all."""


class StrategyTimeout(StrategyError):  # noqa: N818 - it says what went wrong
    """A callback has taken longer than the strategy's `call_limit_s`."""

"""Why a source does not do what it is asked."""


class SourceAway(Exception):  # noqa: N818 - it says who is not there
    """Nobody answers now. It is asked again."""


class SourceRefused(Exception):  # noqa: N818 - it says what was refused
    """The host would not do it; the text is its own."""


class UnknownTrade(Exception):  # noqa: N818 - it says what is not there
    """No log of the host has such a trade."""


class UnknownOrder(Exception):  # noqa: N818 - as above
    """Who asks has no such order."""

"""The one exception that ends a command with a message instead of a traceback."""


class CommandFailure(Exception):  # noqa: N818 - not a fault of the program: its text says what to do
    """A command cannot go on; its text says why, and what to do next."""

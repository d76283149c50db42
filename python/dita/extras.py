"""What comes with an extra, and what is said where it is missing."""

import importlib.util


def is_there(module: str) -> bool:
    """Whether a module can be imported. It is only looked for.

    Args:
        module: Its name.
    """
    return importlib.util.find_spec(module) is not None


def missing(what: str, extra: str) -> str:
    """Return what to say to somebody who misses an extra.

    Args:
        what: What they wanted to use, as `dita watch` or `Parquet files`.
        extra: The extra's name in pyproject.toml.

    Returns:
        One line: `dita watch needs pip install 'dita[watch]'`.
    """
    return f"{what} needs pip install 'dita[{extra}]'"

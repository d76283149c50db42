"""What a standby and its primary have to have in common, written down by the primary."""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import dita
from dita.config import Config
from dita.config.secrets import Address, SecretRef
from dita.errors import KernelError
from dita.host import Directory
from dita.host.owner import Owner
from dita.zinc.directory import VARIABLE, directory_of

_FILE: Final = "serving.json"
#: Of the configuration: what trading depends on.
_SECTIONS: Final = ("accounts", "strategies", "followers", "breaker")


class OtherPrimary(KernelError):  # noqa: N818 - it says whose the directory is
    """The primary runs with something else than this standby; the text names it."""


def terms_of(config: Config, socket: Path) -> dict[str, str]:
    """Return everything that has to be the same, as texts by name. No text is a secret.

    Args:
        config: The configuration.
        socket: Where programs connect.
    """
    terms = {
        "version": dita.__version__,
        # A primary's sign of life is in shared memory: elsewhere nobody would see it.
        VARIABLE: str(directory_of(None).absolute()),
        "serve.socket": str(socket.absolute()),
        "serve.mode": config.serve.mode,
    }
    for section in _SECTIONS:
        value = getattr(config, section)
        plain = (
            {key: one.model_dump() for key, one in value.items()}
            if isinstance(value, dict)
            else value.model_dump()
        )
        terms |= dict(_leaves(plain, section))
    return terms


def _leaves(value: Any, name: str) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - a configuration's values
    if isinstance(value, Mapping):
        for key, one in value.items():
            yield from _leaves(one, f"{name}.{key}")
    elif isinstance(value, (list, tuple)):
        for place, one in enumerate(value):
            yield from _leaves(one, f"{name}.{place}")
    elif isinstance(value, (SecretRef, Address)):
        yield name, str(value)
    elif name.startswith("followers.") and value is not None:
        # A database's address may have a password in it.
        yield name, "#" + hashlib.sha256(str(value).encode()).hexdigest()[:12]
    else:
        yield name, str(value)


def write_terms(directory: Directory, terms: Mapping[str, str]) -> None:
    """Write down what the primary runs with. Only whoever holds the directory may.

    Args:
        directory: The host's.
        terms: Of `terms_of`.
    """
    owner = Owner.here()
    text = json.dumps({"pid": owner.pid, "started": owner.started, "terms": dict(terms)})
    draft = directory.path / f".{_FILE}.{os.getpid()}"
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    draft.replace(directory.path / _FILE)


def check_terms(directory: Directory, owner: Owner, terms: Mapping[str, str]) -> bool:
    """Hold this standby's terms against the primary's.

    Args:
        directory: The host's.
        owner: The primary.
        terms: The standby's.

    Returns:
        Whether the primary has written any: one that opens its accounts has not yet.

    Raises:
        OtherPrimary: They differ.
    """
    try:
        said = json.loads((directory.path / _FILE).read_text())
    except (OSError, ValueError):
        return False
    if (said["pid"], said["started"]) != (owner.pid, owner.started):
        return False
    primary: Mapping[str, str] = said["terms"]
    differ = sorted(name for name in primary.keys() | terms.keys() if primary.get(name) != terms.get(name))
    if not differ:
        return True
    shown = "; ".join(
        f"{name}: {terms.get(name, 'nothing')} here, {primary.get(name, 'nothing')} there"
        for name in differ[:5]
    )
    more = f"; and {len(differ) - 5} more" if len(differ) > 5 else ""
    raise OtherPrimary(
        f"{directory.path}: the primary (process {owner.pid}) runs with another configuration: "
        f"{shown}{more}; give both the same file and the same environment"
    )

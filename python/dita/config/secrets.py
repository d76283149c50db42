"""Secrets are named in a configuration, never written into it."""

import importlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from dita.errors import KernelError
from dita.extras import missing

_KINDS: Final = ("env", "file", "keyring")
_FILE_BYTES_MAX: Final = 64 << 10
_SERVICE: Final = "dita"
_NOT_FOR_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


class SecretUnavailable(KernelError):  # noqa: N818 - it says what is not there
    """A named secret is missing; the text says why and what to do, and never its value."""


@dataclass(frozen=True, slots=True)
class SecretRef:
    """Where a secret is: `env:NAME`, `file:PATH`, `keyring:NAME` or `keyring:SERVICE/NAME`.

    In the keyring a name without a service is one of the service `dita`.

    Attributes:
        kind: "env", "file" or "keyring".
        place: What comes after the colon.
    """

    kind: str
    place: str

    @staticmethod
    def parse(text: object) -> "SecretRef":
        """Read a reference.

        Args:
            text: As it stands in the configuration.

        Raises:
            ValueError: It is none. The error does not repeat the text: it may be the secret itself.
        """
        kind, colon, place = text.partition(":") if isinstance(text, str) else ("", "", "")
        if kind not in _KINDS or not colon or not place:
            raise ValueError("must name where the secret is: env:NAME, file:PATH or keyring:NAME")
        if kind == "keyring" and "/" in place and not all(place.partition("/")):
            raise ValueError("must name a service and a name: keyring:SERVICE/NAME, or keyring:NAME")
        return SecretRef(kind, place)

    def __str__(self) -> str:
        """Return the reference: it is no secret."""
        return f"{self.kind}:{self.place}"

    def resolve(self) -> str:
        """Return the secret.

        Raises:
            SecretUnavailable: The variable is not set, others may read the file, or there is no such entry.
        """
        value = {"env": self._variable, "file": self._file, "keyring": self._entry}[self.kind]()
        if not value:
            raise SecretUnavailable(f"{self}: is empty")
        return value

    def _variable(self) -> str:
        value = os.environ.get(self.place)
        if value is None:
            raise SecretUnavailable(f"{self}: the variable is not set; set it for this program alone")
        return value

    def _file(self) -> str:
        path = Path(self.place).expanduser()
        try:
            with path.open("rb") as file:
                mode = os.fstat(file.fileno()).st_mode
                if stat.S_IMODE(mode) & _NOT_FOR_OTHERS:
                    raise SecretUnavailable(f"{self}: others may read it; run `chmod 600 {path}`")
                text = file.read(_FILE_BYTES_MAX + 1)
        except OSError as error:
            raise SecretUnavailable(f"{self}: {error.strerror or error}") from error
        if len(text) > _FILE_BYTES_MAX:
            raise SecretUnavailable(f"{self}: is larger than {_FILE_BYTES_MAX} bytes")
        try:
            return text.decode().strip()
        except UnicodeDecodeError:
            raise SecretUnavailable(f"{self}: is no UTF-8 text") from None

    def _entry(self) -> str:
        keyring = _keyring()
        service, found, name = self.place.partition("/")
        if not found:
            service, name = _SERVICE, self.place
        value = keyring.get_password(service, name)
        if value is None:
            raise SecretUnavailable(f"{self}: is not in the keyring; run `keyring set {service} {name}`")
        return str(value)


def _keyring() -> Any:  # noqa: ANN401 - a module of another package
    try:
        keyring = importlib.import_module("keyring")
    except ImportError:
        raise SecretUnavailable(
            f"{missing('a secret in a keyring', 'venues')}, or name the secret as env:NAME or file:PATH"
        ) from None
    return keyring


@dataclass(frozen=True, slots=True)
class Address:
    """A web address that may be secret itself: a URL, or a reference to where it is. Shown without its path.

    Attributes:
        where: The URL, or the reference.
    """

    where: str | SecretRef

    @staticmethod
    def parse(text: object) -> "Address":
        """Read an address.

        Args:
            text: As it stands in the configuration.

        Raises:
            ValueError: It is none. The error does not repeat the text.
        """
        if isinstance(text, Address):
            return text
        if isinstance(text, str) and text.startswith(("http://", "https://")):
            if not urlsplit(text).hostname:
                raise ValueError("must name a host after http:// or https://")
            return Address(text)
        try:
            return Address(SecretRef.parse(text))
        except ValueError:
            raise ValueError(
                "must be a URL with http or https, or name where it is: env:NAME, file:PATH or keyring:NAME"
            ) from None

    def __str__(self) -> str:
        """Return it without what may be secret in it."""
        if isinstance(self.where, SecretRef):
            return str(self.where)
        parts = urlsplit(self.where)
        return f"{parts.scheme}://{parts.hostname}/…"

    def __repr__(self) -> str:
        """Return it without what may be secret in it."""
        return f"Address({self})"

    def resolve(self) -> str:
        """Return the URL.

        Raises:
            SecretUnavailable: The secret is missing.
        """
        return self.where if isinstance(self.where, str) else self.where.resolve()

"""Where a journal is: a path for the embedded engine, or a server's URL. And reaching it."""

import fcntl
import importlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

from dita.errors import shown
from dita.extras import missing

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

DATABASE: Final = "dita"
URL_VARIABLE: Final = "DITA_CLICKHOUSE_URL"
_SCHEMES: Final = ("http", "https", "clickhouse", "clickhouses")
_CONNECT_TIMEOUT_S: Final = 5
_RECEIVE_TIMEOUT_S: Final = 60
_EXTRA: Final = "clickhouse"
# What a server says that waiting does not change: who asks, what is asked for, how the table is.
_REFUSALS: Final = {
    16: "a column is missing",
    47: "a column is missing",
    53: "a column has another type",
    60: "a table is missing",
    81: "the database is missing",
    192: "the user is not known",
    193: "the password is wrong",
    194: "a password is needed",
    497: "the user may not do this",
    516: "user or password is wrong",
}


_CREDENTIALS: Final = (192, 193, 194, 497, 516)


class JournalAway(Exception):  # noqa: N818 - it is a state of the world, and passes
    """The database cannot be reached, or is too busy or too full: the same can be tried again."""


class JournalRefused(Exception):  # noqa: N818 - as above
    """The database does not take this, and will not by waiting: the text says what to do."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a journal is.

    Attributes:
        path: The embedded engine's directory; None for a server.
        url: A server's URL, with its password; None for the embedded engine.
        database: The database's name.
    """

    path: Path | None
    url: str | None
    database: str = DATABASE

    def __str__(self) -> str:
        """Say where, without a password."""
        return str(self.path) if self.url is None else re.sub(r"(://[^:/@]*):[^@]*@", r"\1:***@", self.url)


def place_of(where: str | os.PathLike[str] | None, database: str = DATABASE) -> Place:
    """Return the place that a text means.

    Args:
        where: A path, or a URL (http, https; `http://user:password@host:8123`). None means
            DITA_CLICKHOUSE_URL.
        database: The database's name.

    Raises:
        JournalRefused: It is neither.
    """
    text = os.environ.get(URL_VARIABLE, "") if where is None else os.fspath(where)
    if not text:
        raise JournalRefused(f"no journal is named: give a path or a URL, or set {URL_VARIABLE}")
    if re.fullmatch(r"[A-Za-z_]\w*", database) is None:
        raise JournalRefused(f"{shown(database)} is no name of a database: letters, digits and _")
    if "://" not in text:
        return Place(Path(text).expanduser().absolute(), None, database)
    parts = urlsplit(text)
    try:
        good = parts.scheme in _SCHEMES and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        good = False
    if not good:
        place = Place(None, text)
        raise JournalRefused(f"{place} is no URL of a ClickHouse server: http://user:password@host:8123")
    return Place(None, text, database)


def connect(place: Place, *, again: bool = False) -> "Client":
    """Return a client.

    Args:
        place: Where the database is.
        again: Whether this process has the embedded database open already.

    Raises:
        JournalAway: It cannot be reached now, or another process has it open.
        JournalRefused: It cannot be used; the text says what to do.
    """
    try:
        clickhouse_connect: Any = importlib.import_module("clickhouse_connect")
        errors: Any = importlib.import_module("clickhouse_connect.driver.exceptions")
    except ModuleNotFoundError as error:
        raise JournalRefused(missing("a journal in ClickHouse", _EXTRA)) from error
    try:
        client: Client = clickhouse_connect.get_client(**_options(place, again=again))
    except errors.Error as error:
        if place.path is not None:
            raise _embedded_refusal(place.path, error) from error
        raise translated(error, str(place)) from error
    return client


def _options(place: Place, *, again: bool) -> dict[str, Any]:
    if place.path is not None:
        if not again:
            _check_directory(place.path)
        return {"interface": "chdb", "path": str(place.path)}
    parts = urlsplit(place.url or "")
    secure = parts.scheme in ("https", "clickhouses")
    return {
        "host": parts.hostname,
        "port": parts.port or (8443 if secure else 8123),
        "username": unquote(parts.username or "default"),
        "password": unquote(parts.password or ""),
        "interface": "https" if secure else "http",
        "connect_timeout": _CONNECT_TIMEOUT_S,
        "send_receive_timeout": _RECEIVE_TIMEOUT_S,
        # What is sent again carries the same token, here as there.
        "query_retries": 0,
        "autogenerate_session_id": False,
    }


def _check_directory(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise JournalRefused(
            f"{path}: the directory cannot be made: {error.strerror}; choose another"
        ) from error
    holder = holder_of(path)
    if holder is not None:
        raise JournalAway(
            f"{path}: the database is open in {holder}, and only one process may have it: ask that one "
            f"(`dita journal query` does), or stop it first"
        )


def holder_of(path: Path) -> str | None:
    """Return who has an embedded database open, in words; None where nobody has."""
    try:
        with (path / "status").open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                found = re.search(rb"PID: (\d+)", file.read(4096))
                return "another process" if found is None else f"process {found[1].decode()}"
    except OSError:
        return None
    return None


def _embedded_refusal(path: Path, error: Exception) -> JournalRefused:
    text = str(error)
    if "already initialized with path" in text:
        return JournalRefused(
            f"{path}: this process has another embedded database open; use one, or two processes"
        )
    if "chdb" in text and "install" in text.lower():
        return JournalRefused(missing("the embedded ClickHouse", _EXTRA))
    return JournalRefused(
        f"{path}: the embedded database does not open: {_first_line(error)}; the engine's own words are on "
        f"the error output above; restore the directory from a copy, or give another"
    )


def translated(error: Exception, where: str, *, asked: bool = False) -> JournalAway | JournalRefused:
    """Return what an error of the client means: to be tried again, or for a person.

    Args:
        error: The error.
        where: The database, in words.
        asked: True for a query that a person has made: what is wrong is the query.
    """
    code = getattr(error, "code", None)
    if code is None:
        found = re.search(r"\bCode: (\d+)", str(error), re.IGNORECASE) or re.search(r"code (\d+)", str(error))
        code = None if found is None else int(found[1])
    text = _first_line(error)
    if asked and code not in (None, *_CREDENTIALS):
        return JournalRefused(f"{where}: {text}")
    if code in _REFUSALS:
        what = _REFUSALS[code]
        if code in _CREDENTIALS:
            advice = f"correct the URL, or {URL_VARIABLE}"
        else:
            advice = "it was altered by hand: put it back as the migrations have it, or give another database"
        return JournalRefused(f"{where}: {what}: {text}; {advice}")
    return JournalAway(f"{where}: {text}")


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    text = lines[0] if lines else type(error).__name__
    return text if len(text) <= 300 else text[:300] + "..."

"""Where the gateway gets what it shows, and whom it asks to act."""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from dita.host import Directory
from dita.host.asking import ANSWER_BYTES_MAX

#: How long a host may take to answer, seconds.
TIMEOUT_S: Final = 10.0


class SourceAway(Exception):  # noqa: N818 - it says who is not there
    """Nobody answers now. It is asked again."""


class SourceRefused(Exception):  # noqa: N818 - it says what was refused
    """The host would not do it; the text is its own."""


class UnknownTrade(Exception):  # noqa: N818 - it says what is not there
    """No log of the host has such a trade."""


#: Tells a trade's story out of a log's directory, line by line. Raises UnknownTrade.
Story = Callable[[Any, str], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Update:
    """What has changed since the last read.

    Attributes:
        reset: Whether it is everything there is.
        rows: The newest value of each row that changed, as JSON by its key.
        gone: Keys of rows that are no more.
        fills: Every fill since, oldest first, as JSON.
        ended: Every order that has ended since, as JSON.
        log: Every line since, as JSON.
    """

    reset: bool = False
    rows: Mapping[str, str] = field(default_factory=dict)
    gone: Sequence[str] = ()
    fills: Sequence[str] = ()
    ended: Sequence[str] = ()
    log: Sequence[str] = ()


class Source(Protocol):
    """What a gateway shows. Each call may raise SourceAway: nobody answers.

    Attributes:
        name: For people.
        kind: What it is: "host", "log", "cluster", "backtest".
    """

    name: str
    kind: str

    async def read(self) -> Update:
        """Return what has changed since the last read; everything, the first time."""
        ...

    async def ask(self, request: str, **fields: Any) -> Any:  # noqa: ANN401 - plain values
        """Ask the host for anything else that its socket answers.

        Raises:
            SourceRefused: The host says no.
        """
        ...

    async def close(self) -> None:
        """Ask no more."""
        ...

    def story(self, account: str, trade_id: str) -> Sequence[str]:
        """Tell a trade's story; it reads a log, and takes its time.

        Raises:
            UnknownTrade: There is no such trade, or no log.
        """
        ...


class HostSource:
    """A host that runs on this machine, asked at its directory's socket over connections that are kept.

    Attributes:
        name: The host's.
        kind: "host".
    """

    kind = "host"

    def __init__(self, directory: Directory, *, story: Story | None = None) -> None:
        """Name the host; nothing is asked yet.

        Args:
            directory: The host's.
            story: Tells a trade's story out of a log; None tells none.
        """
        self.name = directory.path.name
        self._directory = directory
        self._story = story
        self._idle: list[_Connection] = []
        # Where the last answer ended, and in which life of the host: a number of another life says nothing.
        self._at: int | None = None
        self._boot: str | None = None

    async def read(self) -> Update:
        """Return what has changed at the host."""
        said = await self.ask("rows", after=self._at, boot=self._boot)
        self._at, self._boot = said["at"], said["boot"]
        return Update(
            said["reset"],
            _safe(said["rows"]),
            said["gone"],
            *(said[kind] for kind in ("fills", "ended", "log")),
        )

    async def ask(self, request: str, **fields: Any) -> Any:  # noqa: ANN401 - plain values
        """Ask the host."""
        try:
            async with asyncio.timeout(TIMEOUT_S):
                return await self._asked(request, fields)
        except TimeoutError as error:
            raise SourceAway(f"{self.name}: the host does not answer within {TIMEOUT_S:g} s") from error

    async def _asked(self, request: str, fields: Mapping[str, Any]) -> Any:  # noqa: ANN401 - plain values
        reader, writer = await self._connection()
        try:
            writer.write(json.dumps({"request": request, **fields}).encode() + b"\n")
            answer = await reader.readline()
        except BaseException as error:
            # What was asked may have been done: it is not asked again here.
            writer.close()
            if isinstance(error, (OSError, ValueError)):
                raise SourceAway(f"{self.name}: the host hung up") from error
            raise
        if not answer.endswith(b"\n"):
            writer.close()
            raise SourceAway(f"{self.name}: the host hung up")
        self._idle.append((reader, writer))
        said = json.loads(answer)
        if not said["ok"]:
            raise SourceRefused(said["error"])
        return said["result"]

    async def _connection(self) -> "_Connection":
        while self._idle:
            reader, writer = self._idle.pop()
            if not reader.at_eof() and not writer.is_closing():
                return reader, writer
            writer.close()
        try:
            return await asyncio.open_unix_connection(str(self._directory.socket), limit=ANSWER_BYTES_MAX)
        except OSError as error:
            why = error.strerror or error
            raise SourceAway(f"{self._directory.path}: no host answers here ({why})") from error

    async def close(self) -> None:
        """Hang up."""
        while self._idle:
            self._idle.pop()[1].close()

    def story(self, account: str, trade_id: str) -> Sequence[str]:
        """Tell a trade's story out of the account's log."""
        log = self._directory.log(account)
        if self._story is None or not log.is_dir():
            raise UnknownTrade(f"{account}: has no log here, so it has no stories")
        return self._story(log, trade_id)


class ReadOnlySource:
    """Something that is only looked at: all of its rows are read each time, and compared here.

    Attributes:
        name: For people.
        kind: What it is.
    """

    def __init__(
        self,
        name: str,
        kind: str,
        rows: Callable[[], Mapping[str, str]],
        *,
        close: Callable[[], object] | None = None,
        story: Callable[[str], Sequence[str]] | None = None,
    ) -> None:
        """Name it; nothing is read yet.

        Args:
            name: For people.
            kind: What it is.
            rows: Reads all of its rows, as JSON by their keys; called in a thread. Raises SourceAway.
            close: Lets go of it.
            story: Tells a trade's story; None tells none.
        """
        self.name, self.kind = name, kind
        self._rows, self._close, self._story = rows, close, story
        self._last: Mapping[str, str] | None = None

    async def read(self) -> Update:
        """Return what has changed."""
        now = _safe(await asyncio.to_thread(self._rows))
        last, self._last = self._last, now
        if last is None:
            return Update(reset=True, rows=now)
        changed = {key: text for key, text in now.items() if last.get(key) != text}
        return Update(rows=changed, gone=[key for key in last if key not in now])

    async def ask(self, request: str, **fields: Any) -> Any:  # noqa: ANN401, ARG002 - as the protocol has it
        """Say that nothing is done here."""
        raise SourceAway(f"{self.name}: is shown read-only ({self.kind}); nothing is asked or done here")

    async def close(self) -> None:
        """Let go of it."""
        if self._close is not None:
            await asyncio.to_thread(self._close)

    def story(self, account: str, trade_id: str) -> Sequence[str]:
        """Tell a trade's story, where there is a log."""
        if self._story is None:
            raise UnknownTrade(f"{account}: has no log here, so it has no stories")
        return self._story(trade_id)


def _safe(rows: Mapping[str, str]) -> dict[str, str]:
    # "<" would end a script, should a row ever stand in a page.
    return {key: text.replace("<", "\\u003c") if "<" in text else text for key, text in rows.items()}


_Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]

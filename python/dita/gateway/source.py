"""Where the gateway gets what it shows, and whom it asks to act."""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
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


class Source(Protocol):
    """What a gateway shows. Each call may raise SourceAway: nobody answers.

    Attributes:
        name: For people.
    """

    name: str

    async def read(self) -> Mapping[str, Any]:
        """Return `status` and `orders`, as the host's socket gives them."""
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
    """

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

    async def read(self) -> Mapping[str, Any]:
        """Return the host's status and its live orders."""
        return {"status": await self.ask("status"), "orders": await self.ask("orders")}

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


_Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]

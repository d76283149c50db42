"""The sources of the gateway: what it shows, and what carries out its actions."""

import asyncio
import contextlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from dita.gateway.linked import IDLE_S, SLOTS, LinkedOrders, can_own
from dita.gateway.refused import SourceAway, SourceRefused, UnknownOrder, UnknownTrade
from dita.host import Directory
from dita.host.asking import ANSWER_BYTES_MAX
from dita.server.asking import standbys

#: How long a host may take to answer, seconds.
TIMEOUT_S: Final = 10.0
#: Who stands by for a host is asked so often, seconds.
_STANDBYS_S: Final = 1.0


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

    async def order(self, by: str, account: str | None, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Send a plain order for somebody, and return it as it stands.

        Raises:
            SourceRefused: The host says no.
        """
        ...

    async def cancel(self, by: str, account: str | None, client_id: str, owner: str | None) -> dict[str, Any]:
        """Cancel a plain order for somebody: his own, or that of an owner who is named.

        Raises:
            SourceRefused: It is not known there.
        """
        ...

    async def give_back(self, may_trade: Callable[[str], bool]) -> None:
        """Give back what is held for those who may trade no more, and for those who long did not.

        Args:
            may_trade: Whether somebody who has a name may still trade.
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

    def __init__(
        self,
        directory: Directory,
        *,
        story: Story | None = None,
        slots: int = SLOTS,
        idle_s: float = IDLE_S,
    ) -> None:
        """Name the host; nothing is asked yet.

        Args:
            directory: The host's.
            story: Returns a trade's story from a log; None disables stories.
            slots: How many trades each who asks may run at once, where the host serves programs.
            idle_s: There who has asked for nothing for so long gives his slots back, seconds.
        """
        self._slots, self._idle_s = slots, idle_s
        self.name = directory.path.name
        self._directory = directory
        self._story = story
        self._idle: list[_Connection] = []
        # The kernel's own socket, where the host has one: asked once in each life of the host.
        self._linked: LinkedOrders | None = None
        self._linked_boot: str | None = None
        self._linking = asyncio.Lock()
        # Where the last answer ended, and in which life of the host: a number of another life says nothing.
        self._at: int | None = None
        self._boot: str | None = None
        # Who stands by for the host answers at a socket of his own.
        self._standbys: dict[str, str] = {}
        self._asked_standbys: asyncio.Task[dict[str, str]] | None = None
        self._standbys_due_s = 0.0

    async def read(self) -> Update:
        """Return what has changed at the host."""
        said = await self.ask("rows", after=self._at, boot=self._boot)
        self._at, self._boot = said["at"], said["boot"]
        rows, gone = self._standby_rows(anew=said["reset"])
        return Update(
            said["reset"],
            {**_safe(said["rows"]), **rows},
            [*said["gone"], *gone],
            *(said[kind] for kind in ("fills", "ended", "log")),
        )

    def _standby_rows(self, *, anew: bool) -> tuple[dict[str, str], list[str]]:
        """Return what has changed of who stands by for the host: nobody waits for them here."""
        if self._asked_standbys is None and time.monotonic() >= self._standbys_due_s:
            self._asked_standbys = asyncio.create_task(asyncio.to_thread(_standbys, self._directory))
        if self._asked_standbys is None or not self._asked_standbys.done():
            return (dict(self._standbys) if anew else {}), []
        standbys, self._asked_standbys = self._asked_standbys.result(), None
        self._standbys_due_s = time.monotonic() + _STANDBYS_S
        before, self._standbys = self._standbys, standbys
        fresh = {key: text for key, text in standbys.items() if anew or before.get(key) != text}
        return fresh, [key for key in before if key not in standbys]

    async def ask(self, request: str, **fields: Any) -> Any:  # noqa: ANN401 - plain values
        """Ask the host."""
        try:
            async with asyncio.timeout(TIMEOUT_S):
                return await self._asked(request, fields)
        except TimeoutError as error:
            raise SourceAway(f"{self.name}: the host does not answer within {TIMEOUT_S:g} s") from error

    async def order(self, by: str, account: str | None, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Send a plain order: through the kernel's socket where there is one, so that who asks owns it."""
        linked = await self._link_for(by)
        if linked is not None:
            return await linked.submit(by, account, fields)
        said: dict[str, Any] = await self.ask("order", order=fields, account=account)
        return said

    async def cancel(self, by: str, account: str | None, client_id: str, owner: str | None) -> dict[str, Any]:
        """Cancel a plain order, the same way; what is another's by the host."""
        linked = None if owner is not None else await self._link_for(by)
        if linked is not None:
            with contextlib.suppress(UnknownOrder):
                return await linked.cancel(by, account, client_id)
        said: dict[str, Any] = await self.ask(
            "cancel_order", client_id=client_id, account=account, owner=owner
        )
        return said

    async def _link_for(self, name: str) -> LinkedOrders | None:
        """Return the way through the kernel's socket; None where there is none, or the name cannot own."""
        if not can_own(name):
            return None
        async with self._linking:
            if self._linked_boot is None or self._linked_boot != self._boot:
                await self._unlink()
                try:
                    self._linked = LinkedOrders(
                        await self.ask("kernel_socket"), self._slots, idle_s=self._idle_s
                    )
                except SourceRefused:
                    # Such a host serves no programs.
                    self._linked = None
                self._linked_boot = self._boot
            return self._linked

    async def give_back(self, may_trade: Callable[[str], bool]) -> None:
        """Give back what is held at the kernel's socket for those who may trade no more, or long did not."""
        async with self._linking:
            if self._linked is not None:
                await self._linked.give_back(may_trade)

    async def _unlink(self) -> None:
        if self._linked is not None:
            await self._linked.close()
            self._linked = None

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
        await self._unlink()
        if self._asked_standbys is not None:
            self._asked_standbys.cancel()
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
            story: Returns a trade's story; None disables stories.
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

    async def order(self, by: str, account: str | None, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Say that nothing is done here."""
        del by, account, fields
        return dict(await self.ask("order"))

    async def cancel(self, by: str, account: str | None, client_id: str, owner: str | None) -> dict[str, Any]:
        """Say that nothing is done here."""
        del by, account, client_id, owner
        return dict(await self.ask("cancel_order"))

    async def give_back(self, may_trade: Callable[[str], bool]) -> None:
        """Do nothing: nobody holds anything here."""

    async def close(self) -> None:
        """Let go of it."""
        if self._close is not None:
            await asyncio.to_thread(self._close)

    def story(self, account: str, trade_id: str) -> Sequence[str]:
        """Tell a trade's story, where there is a log."""
        if self._story is None:
            raise UnknownTrade(f"{account}: has no log here, so it has no stories")
        return self._story(trade_id)


def _standbys(directory: Directory) -> dict[str, str]:
    return _safe({f"standby:{one['pid']}": json.dumps(one) for one in standbys(directory)})


def _safe(rows: Mapping[str, str]) -> dict[str, str]:
    # "<" would end a script, should a row ever stand in a page.
    return {key: text.replace("<", "\\u003c") if "<" in text else text for key, text in rows.items()}


_Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]

"""Strategies in a client: the same callbacks as inside the host, in the thread that polls."""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from dita._kernel import Watcher, ZincReader
from dita.errors import KernelError
from dita.host.client import Client
from dita.host.strategies import StrategyHandle, StrategyRunner
from dita.server.connected import ConnectedKernel, notification_of
from dita.server.leased_slots import LeasedSlots
from dita.strategy import Params, Strategy

_TURN_S: Final = 0.25


class ConnectedStrategies:
    """Strategies on a connected kernel: one lease, one strategy, as its name is the owner of its trades.

    Attributes:
        kernel: The connection.
        missed: How many quotes a newer one replaced, and how many trades and bars were overwritten, in shared
            memory before they were read.
        gaps: How often events were lost because `poll` came too late.
        received: The number of the last market event that was dispatched.
    """

    def __init__(self, kernel: ConnectedKernel) -> None:
        """Use a connection; nobody else polls it.

        Args:
            kernel: The connection, opened with `market=True` where a strategy needs market data.
        """
        self.kernel = kernel
        self.missed = {"quotes": 0, "trades": 0, "bars": 0}
        self.gaps = 0
        self._account = kernel.account_name
        self._watcher = Watcher(hears=False)
        self._runner = StrategyRunner({self._account: self._watcher})
        self._plane = None if kernel.zinc_plane is None else kernel.zinc_plane.segment
        self._runner.receive = self._receive
        self._upto: int | None = None
        self._acted = False
        self.received = 0
        self._places = (0, 0) if self._plane is None else self._plane.market_places()
        self._ended = ""

    def load(
        self,
        strategy: type[Strategy] | str,
        *,
        params: Params | Mapping[str, Any] | None = None,
        symbols: Sequence[str] = (),
    ) -> StrategyHandle:
        """Load the strategy. It does nothing until it is started.

        Args:
            strategy: Its class, a file with one strategy in it, or `module:Class`.
            params: Its parameters, or texts that are read as such; None means their defaults.
            symbols: What it receives where it names no instruments; none means all that the account has.

        Raises:
            StrategyError: It cannot be loaded, or a parameter cannot be.
        """
        seats = LeasedSlots(self.kernel)
        handle = self._runner.load(
            strategy,
            lambda wanted: Client(self.kernel, seats, self.kernel.name, slots=wanted),
            self.kernel,
            name=self.kernel.name,
            account=self._account,
            params=params,
            slots=len(self.kernel.slots),
            symbols=symbols,
            live=True,
        )
        self._carry_notes(handle)
        hold = handle.actor.context.hold

        def act() -> None:
            self._acted = True
            hold()

        handle.actor.context.hold = act
        return handle

    def _carry_notes(self, handle: StrategyHandle) -> None:
        """Have each action carry what its strategy wants back: the log has both, or neither."""
        notes, teller = handle.actor.notes, handle.actor.teller
        if notes is None or not self.kernel.keeps_notes_with_intents:
            return
        hold = handle.actor.context.hold

        def carry() -> None:
            hold()
            self.kernel.carry(notes.within(self._watcher.told_seq(), teller))

        handle.actor.context.hold = carry

    # ------------------------------------------------------------------------------------------ notifications

    def poll(self, timeout_s: float = 0.0) -> bool:
        """Dispatch what has happened, in this thread; wait for it at most so long.

        Args:
            timeout_s: Seconds; 0 does not wait.

        Returns:
            Whether the server is there still, or may come back.
        """
        if timeout_s > 0:
            self.kernel.link.wait(timeout_s)
        self._runner.run_timers(self.kernel.clock_ns, self._account)
        while self._upto is not None:
            upto, self._upto = self._upto, None
            self._dispatch_market(upto)
            # It receives: the next market event may wait.
            self._runner.deliver()
        return not self._ended

    def _receive(self) -> bool:
        """Receive what the server has sent, up to the next market event; return whether it was anything.

        It is called before order events are dispatched: what an intent has caused is dispatched directly
        after the callback that sent it, and what belongs to a later market event is not dispatched before it.
        """
        link, count = self.kernel.link, 0
        if self._acted:
            self._acted = False
            self._wait_for_reports()
        while self._upto is None and (found := link.next_told(self._watcher)) is not None:
            one = notification_of(found)
            count += 1
            if one.kind == "market":
                self._upto = one.seq
            elif one.kind == "gap":
                self.gaps += 1
            elif one.kind == "away" and one.text == "the server ends":
                self._ended = one.text
        return count > 0

    def _dispatch_market(self, upto: int) -> None:
        plane: ZincReader | None = self._plane
        if plane is None:
            return
        count = len(self.kernel.instruments)
        ticks, self._places, missed = plane.read_market((self.received, upto), count, self._places)
        merged = upto - self.received - len(ticks) - sum(missed)
        if self.received:
            # The first event may not be the server's first.
            self.missed["quotes"] += merged
        self.received = upto
        self.missed["trades"] += missed[0]
        self.missed["bars"] += missed[1]
        for tick in ticks:
            self._runner.run_timers(self.kernel.clock_ns, self._account)
            self._runner.dispatch(tick, self._account)

    def run(self, until: Callable[[], bool]) -> None:
        """Dispatch what happens, in this thread, until it is asked to end or the server ends.

        Args:
            until: Looked at after each turn: ends where it says so.

        Raises:
            KernelError: The server has ended.
        """
        while not until():
            if not self.poll(_TURN_S):
                raise KernelError(
                    f"{self.kernel.name}: {self._ended}; its policy acts after the lease's grace"
                )

    @property
    def handles(self) -> Mapping[str, StrategyHandle]:
        """The strategies by name."""
        return self._runner.handles

    def stop(self) -> None:
        """Stop every strategy: `on_stop`, which may still act. What they want back is noted."""
        for handle in self._runner.handles.values():
            handle.stop(self._settle)
        self._runner.close()

    def _settle(self) -> None:
        """Dispatch what the server has reported up to now."""
        self._wait_for_reports()
        self.poll()

    def _wait_for_reports(self) -> None:
        """Have what the server has to report up to now: a read is answered behind it."""
        if not self._ended and self.kernel.slots:
            with contextlib.suppress(KernelError):
                self.kernel.link.slot(self.kernel.slots[0])

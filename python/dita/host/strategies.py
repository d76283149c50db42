"""Load, start and stop a host's strategies, and dispatch market and order events to them."""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

from dita._kernel import Dispatcher, Recorder, Watcher
from dita.errors import refuse
from dita.host.client import Client
from dita.host.directory import Directory
from dita.kernel import ExecutionKernel
from dita.kernel.api import StrategyKernel
from dita.runtime import Actor, ActorState, load_params, load_strategy
from dita.runtime.loading import check_declared, made
from dita.runtime.sources import is_changed
from dita.strategy import Bar, Params, QuoteTick, Strategy, TradeTick

_LOG: Final = logging.getLogger("dita.host")
#: A timer that sets itself anew for now would never let the market go on.
_TIMERS_MAX: Final = 1_000
_NEVER_NS: Final = (1 << 63) - 1
MarketData: TypeAlias = QuoteTick | TradeTick | Bar


class StrategyHandle:
    """One strategy on a host: start, pause and stop it, and read how it is.

    Attributes:
        name: Its name; its trades carry it as their owner.
        account: The account that it trades.
        actor: Calls its callbacks, and carries out its actions.
        client: Trades for it.
    """

    def __init__(
        self, name: str, account: str, actor: Actor, runner: "StrategyRunner", client: Client
    ) -> None:
        """Hold it; see `Host.load`."""
        self.name = name
        self.account = account
        self.actor = actor
        self._runner = runner
        self.client = client

    @property
    def state(self) -> ActorState:
        """Running, Paused, Stopped or Error."""
        return self.actor.state

    @property
    def error(self) -> str:
        """Why it is in Error; empty else."""
        return self.actor.error

    @property
    def strategy(self) -> Strategy:
        """The strategy itself."""
        return self.actor.strategy

    def begin(self) -> bool:
        """Start it with its host, unless an operator paused or stopped it before a restart.

        Returns:
            Whether it runs; `start` starts it else.
        """
        with self._runner.lock:
            how = self._runner.held.get(self.name)
            if how is None:
                self.start()
                return True
            if how == "paused":
                self.actor.hold()
            self._runner.warm_up(self)
        _LOG.warning(
            "strategy %s: was %s before the restart, and stays so until it is started", self.name, how
        )
        return False

    def start(self) -> None:
        """Start it, or dispatch events to it again after `pause`. One that runs goes on."""
        with self._runner.lock:
            self._runner.hold(self.name, None)
            if self.actor.state is ActorState.PAUSED and self.actor.started:
                self.actor.resume()
            elif self.actor.state is not ActorState.RUNNING:
                is_first = not self.actor.started
                self.actor.start()
                if is_first:
                    self._runner.warm_up(self)
                self._runner.deliver()

    def pause(self) -> None:
        """Dispatch no events to it until `start`, also after a restart. Its orders and trades stay."""
        # At once, also within a callback that does not end.
        self.actor.pause()
        with self._runner.lock:
            # One that its host has not started yet is not started either.
            if self.actor.state is ActorState.PAUSED or not self.actor.started:
                self._runner.hold(self.name, "paused")

    def stop_until_started(self) -> None:
        """Stop it, and do not start it with its host either: an operator wants so."""
        with self._runner.lock:
            self.stop()
            self._runner.hold(self.name, "stopped")

    def stop(self, deliver: Callable[[], object] | None = None) -> None:
        """End it: `on_stop`, which may still act. Its orders and trades stay.

        Args:
            deliver: Dispatches what `on_stop` has caused; None means what the host's kernels report.
        """
        with self._runner.lock:
            self.actor.stop(deliver or self._runner.deliver)

    def code(self) -> str:
        """Return whether the code that runs is the code on disk."""
        if is_changed(type(self.actor.strategy)):
            return "as loaded; its file has changed since: restart the host to run the new code"
        return "as on disk"

    def as_dict(self) -> dict[str, Any]:
        """Return how it is, as plain values."""
        stuck_s = self.actor.guarded.stuck_s()
        return {
            "name": self.name,
            "account": self.account,
            "state": str(self.actor.state),
            "error": self.actor.error,
            "warming": self.actor.strategy.warming,
            "symbols": list(self.actor.symbols),
            "slots": list(self.actor.client.slots),
            "stuck_s": round(stuck_s, 1),
        }


def _next_timer_ns(actor: Actor) -> int:
    due_ns = actor.next_timer_ns()
    return _NEVER_NS if due_ns is None else due_ns


class StrategyRunner:
    """Runs a host's strategies. Dispatches each event in load order, from one thread at a time.

    The order of callbacks within an event is the dispatcher's, in Rust; see docs/concepts/time.md.

    Attributes:
        handles: By name.
        lock: Held while an event is dispatched; `start` and `stop` wait for it.
        held: What an operator has done with strategies, by name: `paused` or `stopped`.
        past: By account, returns the past bars that a strategy starts with, oldest first.
        recorder: Records each change, also of trades that no strategy owns; None records nothing.
        receive: Receives order events, and returns whether there were any; None where watchers receive them
            by themselves.
    """

    def __init__(self, watchers: Mapping[str, Watcher], directory: Directory | None = None) -> None:
        """Begin with none.

        Args:
            watchers: What has happened, by account.
            directory: Keeps which strategies are paused or stopped; None forgets it with the process.

        Raises:
            DirectoryError: What it keeps cannot be read.
        """
        self._directory = directory
        self.held = {} if directory is None else directory.read_held()
        self.past: dict[str, Callable[[Strategy], Iterable[Bar]]] = {}
        self.recorder: Recorder | None = None
        self.receive: Callable[[], bool] | None = None
        self.handles: dict[str, StrategyHandle] = {}
        self.lock = threading.RLock()
        self._watchers = watchers
        self._dispatchers = {account: Dispatcher() for account in watchers}
        self._shows: dict[str, ExecutionKernel] = {}
        self._kernels: dict[str, StrategyKernel] = {}
        self._holding: set[str] = set()
        self._funded: list[StrategyHandle] = []

    def show(self, account: str, kernel: ExecutionKernel) -> None:
        """Publish an account's market to connected programs, before this host's strategies receive it.

        Args:
            account: The account's name.
            kernel: Its kernel, which is shared.
        """
        self._shows[account] = kernel

    def load(
        self,
        strategy: type[Strategy] | str,
        client: Callable[[int], Client],
        kernel: StrategyKernel,
        *,
        name: str,
        account: str,
        params: Params | Mapping[str, Any] | None,
        slots: int | None,
        symbols: Sequence[str],
        live: bool,
    ) -> StrategyHandle:
        """Make a strategy and give it its context: see `Host.load`."""
        if name in self.handles:
            raise refuse("name", name, "is a strategy's already: stop it, or choose another name")
        watcher = self._watchers.get(account)
        if watcher is None:
            raise refuse("account", account, "has no market feed: open the host with feed=True")
        kind = load_strategy(strategy) if isinstance(strategy, str) else strategy
        check_declared(kind)
        if params is not None and not isinstance(params, Params):
            params = load_params(kind, params)
        one = made(kind, params)
        given = client(slots or one.slots)
        actor = Actor(name, one, kernel, given, symbols or kernel.instruments, live=live)
        watcher.begin(kernel.seq)
        watcher.add(name, actor.teller)
        if actor.notes is not None:
            actor.context.hold = lambda: self._hold(account)
        self._kernels[account] = kernel
        with self.lock:
            actor.subscribe(self._dispatchers[account])
            handle = self.handles[name] = StrategyHandle(name, account, actor, self, given)
            if actor.wants_funding:
                self._funded.append(handle)
        return handle

    def hold(self, name: str, how: str | None) -> None:
        """Keep what an operator has done with a strategy, for the next start too.

        Args:
            name: The strategy's.
            how: `paused` or `stopped`; None where it was started.

        Raises:
            DirectoryError: It cannot be written.
        """
        if self.held.get(name) == how:
            return
        if how is None:
            del self.held[name]
        else:
            self.held[name] = how
        if self._directory is not None:
            self._directory.write_held(self.held)

    def warm_up(self, handle: StrategyHandle) -> None:
        """Give a strategy its market's past, and warm it up with that.

        Args:
            handle: Of the strategy.
        """
        past = self.past.get(handle.account)
        if past is not None:
            handle.actor.warm_up(past(handle.strategy))

    def find(self, name: str | None) -> list[StrategyHandle]:
        """Return a strategy by name; None means all.

        Raises:
            InvalidInput: There is none of this name.
        """
        if name is None:
            return list(self.handles.values())
        if name not in self.handles:
            raise refuse("strategy", name, f"is none of {', '.join(self.handles) or 'none'}")
        return [self.handles[name]]

    def stuck_s(self) -> float:
        """How long the callback that runs has taken, seconds; 0 where none runs."""
        return max((handle.actor.guarded.stuck_s() for handle in self.handles.values()), default=0.0)

    def _actors(self, account: str | None) -> Iterator[Actor]:
        for handle in self.handles.values():
            if account is None or handle.account == account:
                yield handle.actor

    # -------------------------------------------------------------------------------------------- the market

    def dispatch(self, event: MarketData, account: str | None = None) -> None:
        """Dispatch a quote, a public trade or a closed bar; the venue has received it before.

        Args:
            event: The event.
            account: Of which account; None means all.
        """
        with self.lock:
            for name, kernel in self._shows.items():
                if account in (None, name):
                    kernel.show_market(event)
            self.deliver()
            for name, dispatcher in self._dispatchers.items():
                if account not in (None, name):
                    continue
                dispatcher.begin(event)
                while (step := dispatcher.next())[0] != "end":
                    self.apply(name, *step)
                    self.deliver()

    def apply(self, account: str, step: str, about: Any) -> None:  # noqa: ANN401 - see `Dispatcher.next`
        """Do what a step of an account's dispatcher, or player, asks for.

        A strategy that wants bars that cannot be built from the market's is in Error; the others go on.

        Args:
            account: The account.
            step: What has happened.
            about: What belongs to it.
        """
        if step == "warmed":
            [*self._actors(account)][about].end_warm_up()
        elif step == "raised":
            at, error, callback = about
            [*self._actors(account)][at].raised(error, callback)
        elif step == "refused":
            at, why = about
            actor = [*self._actors(account)][at]
            if actor.state is not ActorState.ERROR:
                actor.fail(why)

    def run_timers(
        self, now_ns: int, account: str | None = None, *, advance: Callable[[int], object] | None = None
    ) -> None:
        """Call what is due of all strategies' timers, and of `on_tick`, the earliest first.

        Args:
            now_ns: The time; timers up to it are due, and come before an event of this time.
            account: Of which account; None means all.
            advance: Moves driven time to each timer in turn; None means that time passes by itself: what
                was missed is not made up for.
        """
        with self.lock:
            self.deliver()
            left = _TIMERS_MAX
            while advance is not None or left > 0:
                left -= 1
                actor = min(self._actors(account), key=_next_timer_ns, default=None)
                if actor is None or (due_ns := _next_timer_ns(actor)) > now_ns:
                    break
                if advance is not None:
                    advance(due_ns)
                actor.run_timers(due_ns, now_ns if advance is None else due_ns)
                self.deliver()

    def tick(self, now_ns: int, account: str | None = None) -> None:
        """Run due timers, and have `on_tick` come now: for a program that drives time itself.

        Args:
            now_ns: The time.
            account: Of which account; None means all.
        """
        with self.lock:
            for actor in self._actors(account):
                actor.tick_from(now_ns, now_ns)
            self.run_timers(now_ns, account)

    # ------------------------------------------------------------------------------------------ what happened

    @property
    def has_work_after_dispatch(self) -> bool:
        """Whether funding or notes have to be looked after once events are dispatched."""
        return bool(self._funded) or any(handle.actor.notes is not None for handle in self.handles.values())

    def deliver(self) -> None:
        """Dispatch everything that has happened, in the kernel's order; then write due notes."""
        with self.lock:
            self._deliver_orders()
            for handle in self.handles.values():
                if handle.actor.context.follow():
                    self._deliver_orders()
            for handle in self._funded:
                handle.actor.look_for_funding()
                self._deliver_orders()
            self._write_notes()

    def _deliver_orders(self) -> None:
        receive = self.receive
        while True:
            is_more = receive is not None and receive()
            for watcher in self._watchers.values():
                watcher.deliver(self.recorder)
            if not is_more:
                return

    def _hold(self, account: str) -> None:
        if account not in self._holding:
            self._holding.add(account)
            self._kernels[account].hold()

    def _write_notes(self) -> None:
        for handle in self.handles.values():
            if handle.actor.notes is not None:
                handle.actor.write_note(self._watchers[handle.account].told_seq())
        while self._holding:
            self._kernels[self._holding.pop()].let_go()

    def close(self) -> None:
        """Write the last notes: the kernels are still open."""
        with self.lock:
            for handle in self.handles.values():
                if handle.actor.notes is not None:
                    handle.actor.notes.ask_again()
            self._write_notes()

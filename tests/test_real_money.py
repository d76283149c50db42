"""Real money: the mode fits the venue, and nothing is entered before all that it takes is set."""

from pathlib import Path
from typing import Any, ClassVar

import pytest

from dita import (
    BaseExecutionAdapter,
    ControlUpdate,
    ExecutionKernel,
    InMemoryControlPlane,
    KernelControlSnapshot,
    KernelEventKind,
    KernelMode,
    MockVenueAdapter,
    ModeMismatch,
    SimulatedVenue,
    build_control_plane,
)
from dita.venues.base import is_real_money
from kernels import CANCEL, CONFIG, ENTER, EXIT, ack, event, fill, intent

LIMITS = {"max_daily_loss": 100, "max_symbol_notional": 5_000, "max_total_notional": 10_000}
ALL = [
    "mode LIVE",
    "ExecutionKernel(live=True)",
    "DITA_LIVE=yes",
    "max_daily_loss",
    "max_symbol_notional",
    "max_total_notional",
]


class Real(MockVenueAdapter):
    """A scripted venue that says that it is real."""

    live: ClassVar[bool] = True

    def __init__(self) -> None:
        super().__init__(submit=lambda order: [ack(order)])


class PlayMoney(Real):
    """Real time, play money."""

    real_money: ClassVar[bool] = False


def plane(mode: KernelMode) -> InMemoryControlPlane:
    return InMemoryControlPlane(KernelControlSnapshot(mode=mode))


def on(venue: Any, **options: Any) -> ExecutionKernel:
    kernel = ExecutionKernel(venue=venue, **options)
    kernel.set_exchange_config(CONFIG)
    if kernel.recovery is None or kernel.recovery["last_seq"] == 0:
        kernel.open_with({"balances": {"USDT": 10_000}})
    return kernel


def armed(log_dir: Path | None = None) -> ExecutionKernel:
    """A kernel at a real venue with all that it takes; the environment is the caller's."""
    kernel = on(Real(), live=True, log_dir=log_dir)
    kernel.update_control(ControlUpdate(limits=LIMITS))
    return kernel


@pytest.mark.parametrize(
    ("venue", "fits"),
    [
        (Real, {"LIVE"}),
        (PlayMoney, {"LIVE", "PAPER", "SHADOW"}),
        (SimulatedVenue, {"PAPER", "SHADOW"}),
        (MockVenueAdapter, {"PAPER", "SHADOW"}),
        (lambda: None, {"LIVE", "PAPER", "SHADOW"}),
    ],
)
@pytest.mark.parametrize("mode", list(KernelMode))
def test_a_kernel_opens_only_in_a_mode_that_fits_its_venue(
    venue: Any, fits: set[str], mode: KernelMode
) -> None:
    if mode in fits:
        on(venue(), control_plane=plane(mode)).close()
    else:
        with pytest.raises(ModeMismatch, match=f"mode: {mode} does not fit"):
            on(venue(), control_plane=plane(mode))


@pytest.mark.parametrize("changed_by", ["kernel", "plane"])
def test_a_change_to_a_mode_that_does_not_fit_is_refused(changed_by: str) -> None:
    for venue, stands, changes in (
        (Real(), KernelMode.LIVE, "SHADOW"),
        (MockVenueAdapter(), KernelMode.PAPER, "LIVE"),
    ):
        controls = plane(stands)
        with on(venue, control_plane=controls) as kernel:
            change = kernel.update_control if changed_by == "kernel" else controls.update
            with pytest.raises(ModeMismatch):
                change(ControlUpdate(mode=changes))
            assert (kernel.control.mode, controls.read().mode) == (stands, stands)


def test_a_mode_that_does_not_fit_and_was_set_elsewhere_is_reported(tmp_path: Path) -> None:
    place = str(tmp_path / "controls.json")
    build_control_plane(place).update(ControlUpdate(mode="LIVE"))
    with build_control_plane(place) as own, on(Real(), control_plane=own) as kernel:
        build_control_plane(place).update(ControlUpdate(mode="PAPER"))
        for _ in range(500):
            if kernel.health()["control_trouble"]:
                break
            own._ends.wait(0.01)
        assert "PAPER does not fit Real" in kernel.health()["control_trouble"]
        assert kernel.control.mode == "LIVE"


def test_a_venue_in_the_wrong_mode_is_not_even_asked(tmp_path: Path) -> None:
    asked: list[str] = []

    class Watched(Real):
        def attach(self, kernel: Any) -> None:
            asked.append("attach")
            super().attach(kernel)

        def query_order(self, venue_client_id: str) -> Any:
            asked.append(venue_client_id)
            return []

    with pytest.raises(ModeMismatch):
        ExecutionKernel(venue=Watched(), log_dir=tmp_path)
    assert asked == []
    # Nothing of it is left: the same log opens in the mode that fits.
    ExecutionKernel(venue=Watched(), log_dir=tmp_path, live=True).close()
    assert asked[0] == "attach"


def test_live_true_begins_in_live_where_nobody_has_set_anything() -> None:
    assert on(Real(), live=True).control.mode == "LIVE"
    assert on(SimulatedVenue(), live=True).control.mode == "PAPER"
    with pytest.raises(ModeMismatch):
        on(Real(), live=True, control_plane=InMemoryControlPlane())
    with pytest.raises(ModeMismatch):
        on(Real())


def test_an_entry_with_real_money_waits_until_everything_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DITA_LIVE", raising=False)
    with on(Real(), control_plane=plane(KernelMode.LIVE)) as kernel:
        before = kernel.state_hash()
        outcome = kernel.process_intent(intent(ENTER, "i1"))
        assert (outcome.accepted, outcome.diagnostic_code, outcome.severity) == (
            False,
            "LIVE_NOT_ARMED",
            "ERROR",
        )
        assert outcome.details["missing"] == ALL[1:] == kernel.health()["live_missing"]
        assert kernel.state_hash() == before
        assert kernel.venue.calls == []


@pytest.mark.parametrize("missing", ALL[1:])
def test_each_thing_that_is_missing_alone_holds_an_entry_back(
    missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DITA_LIVE", "no" if missing == "DITA_LIVE=yes" else "yes")
    limits = {name: value for name, value in LIMITS.items() if name != missing}
    with on(Real(), live=missing != ALL[1], control_plane=plane(KernelMode.LIVE)) as kernel:
        kernel.update_control(ControlUpdate(limits=limits))
        outcome = kernel.process_intent(intent(ENTER, "i1"))
        assert (outcome.diagnostic_code, outcome.details["missing"]) == ("LIVE_NOT_ARMED", [missing])


def test_with_everything_set_an_entry_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DITA_LIVE", "yes")
    with armed() as kernel:
        kernel.mark_price("BTCUSDT", 60_000)
        assert kernel.process_intent(intent(ENTER, "i1")).diagnostic_code == "OK"
        assert kernel.health()["live_missing"] == []


def test_a_reopened_kernel_must_be_armed_anew_and_its_position_can_always_be_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DITA_LIVE", "yes")
    with armed(tmp_path) as kernel:
        kernel.mark_price("BTCUSDT", 60_000)
        kernel.process_intent(intent(ENTER, "i1"))
        kernel.on_venue_event(fill(kernel.orders()[0]))
        waiting = intent(ENTER, "i2", trade_id="t2", slot_id=1, order_type="LIMIT", limit_price="50000")
        assert kernel.process_intent(waiting).accepted
    monkeypatch.delenv("DITA_LIVE")
    with on(Real(), log_dir=tmp_path) as kernel:
        assert kernel.control.mode == "LIVE"
        kernel.mark_price("BTCUSDT", 60_000)
        held = kernel.process_intent(intent(ENTER, "i3", trade_id="t3", slot_id=2))
        assert (held.diagnostic_code, held.details["missing"]) == ("LIVE_NOT_ARMED", ALL[1:3])
        stop = intent(EXIT, "s1", order_type="STOP_MARKET", trigger_price="55000")
        assert kernel.process_intent(stop).accepted
        assert kernel.process_intent(intent(CANCEL, "c2", trade_id="t2", slot_id=1)).accepted
        assert kernel.process_intent(intent(CANCEL, "c1")).accepted
        kernel.on_venue_event(event(KernelEventKind.CANCEL_ACK, kernel.slot(0).exit_orders[0]))
        assert kernel.process_intent(intent(EXIT, "x1")).accepted
        hashed = kernel.state_hash()
    with on(Real(), log_dir=tmp_path, live=True) as kernel:
        assert kernel.health()["live_missing"] == ["DITA_LIVE=yes"]
        assert kernel.state_hash() != hashed  # it was given how it was opened


def test_play_money_needs_none_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DITA_LIVE", raising=False)
    for venue in (PlayMoney(), MockVenueAdapter(), SimulatedVenue()):
        with on(venue) as kernel:
            assert kernel.health()["live_missing"] == []
            assert kernel.process_intent(intent(ENTER, "i1")).diagnostic_code != "LIVE_NOT_ARMED"


def test_an_adapter_states_whether_its_money_is_real() -> None:
    class Said(BaseExecutionAdapter):
        live: ClassVar[bool] = False
        real_money: ClassVar[bool] = True

        submit = cancel = None  # type: ignore[assignment]

    assert [is_real_money(one) for one in (None, Real, PlayMoney, Said, SimulatedVenue())] == [
        False,
        True,
        False,
        True,
        False,
    ]

"""Adapters under their own faults: good ones come through, and each mistake of the kind is found."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from certify_an_adapter import ToyAdapter

import dita.certify
from dita import MockVenueAdapter, VenueEvent, VenueOrder
from dita.certify import AdapterFault, FaultyAdapter, ScriptedRig, VenueFault, fired, torture_adapter
from dita.cli.failure import CommandFailure
from dita.cli.main import main
from dita.cli.torture_adapter import torture

SEEDS = 80


def test_every_fault_happens_and_the_books_agree_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    assert torture("dita:MockVenueAdapter", range(SEEDS)) == 0
    printed = capsys.readouterr().out
    assert f"{SEEDS} seeds" in printed
    assert "0 failed" in printed
    assert all(str(fault) in printed for fault in AdapterFault)


def test_the_same_seed_is_the_same_ordeal() -> None:
    first, second = (list(torture_adapter(ScriptedRig, range(10))) for _ in range(2))
    assert first == second
    assert {ordeal.failure for ordeal in first} == {""}


def test_the_toy_exchange_comes_through() -> None:
    ordeals = list(torture_adapter(ToyAdapter.Rig, range(20)))
    assert [ordeal.failure for ordeal in ordeals] == [""] * 20


def test_faults_can_be_chosen(capsys: pytest.CaptureFixture[str]) -> None:
    assert torture("dita:MockVenueAdapter", range(10), ["hangs", "RUBBISH"], as_json=True) == 0
    reported = json.loads(capsys.readouterr().out)
    assert set(reported["fired"]) == {"HANGS", "RUBBISH"}
    assert all(reported["fired"].values())
    assert (reported["seeds"], reported["failed"], reported["never"]) == (10, [], [])


def test_the_command_takes_an_adapter(capsys: pytest.CaptureFixture[str]) -> None:
    command = ["torture", "--adapter", "dita:MockVenueAdapter"]
    assert main([*command, "--seed", "3", "--faults", "REPEATS", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["seeds"] == 1
    assert main([*command, "--list-faults"]) == 0
    assert "RUBBISH_AMONG" in capsys.readouterr().out
    assert main([*command, "--shrink"]) != 0


def test_a_seed_that_fails_prints_the_command_that_replays_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(dita.certify, "BrokenRig", ForgetsFills, raising=False)
    assert torture("dita.certify:BrokenRig", range(20)) == 1
    printed = capsys.readouterr().out
    assert "replay it: dita torture --adapter dita.certify:BrokenRig --seed " in printed


def test_a_fault_that_never_happened_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert torture("dita:MockVenueAdapter", range(1)) == 1
    assert "never happened" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("target", "faults", "word"),
    [
        ("dita:SimulatedVenue", [], "inside the kernel"),
        ("dita:MockVenueAdapter", ["explodes"], "explodes"),
        ("dita:NothingOfTheKind", [], "NothingOfTheKind"),
    ],
)
def test_what_cannot_be_tortured_is_refused_in_words(target: str, faults: list[str], word: str) -> None:
    with pytest.raises(CommandFailure, match=word):
        torture(target, range(1), faults)


class SendsAgain(ScriptedRig):
    """Its adapter sends an order again where the first request failed."""

    def open(self, trouble: VenueFault) -> Any:
        """Open the venue behind a careless adapter."""
        adapter = super().open(trouble)
        rig = self

        class Careless(MockVenueAdapter):
            def query_order(self, venue_client_id: str) -> Sequence[VenueEvent]:
                order = rig._orders.get(venue_client_id)
                if order is not None and order.sent.limit_price is None:
                    return adapter.submit(order.sent)
                return adapter.query_order(venue_client_id)

        careless = Careless(
            submit=adapter.submit,
            cancel=adapter.cancel,
            amend=lambda order, changes: adapter.amend(order, **changes),
        )
        self._venue = careless
        return careless


class ForgetsFills(ScriptedRig):
    """Its adapter drops the last event of each answer."""

    def _on_submit(self, sent: VenueOrder) -> Any:
        return list(super()._on_submit(sent))[:-1]  # type: ignore[arg-type]


@pytest.mark.parametrize("rig", [SendsAgain, ForgetsFills])
def test_a_careless_adapter_is_found(rig: type[ScriptedRig]) -> None:
    assert any(ordeal.failure for ordeal in torture_adapter(rig, range(SEEDS)))


def test_a_mistreated_adapter_is_its_own_again_once_it_is_healed() -> None:
    adapter = MockVenueAdapter()
    mistreated = FaultyAdapter(adapter, 1, list(AdapterFault))
    mistreated.heal()
    assert mistreated.capabilities() == adapter.capabilities()
    assert mistreated.fired.total() == 0
    assert fired([]) == dict.fromkeys(AdapterFault, 0)

"""The proof that an order carries, checked against the log alone; what is forged is refused by name."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from crossing import KEY, cross
from dita import ExecutionKernel, KernelIntent
from dita._kernel import Replay, read_notes
from dita.cli import main
from dita.clock import ManualClock
from dita.graphs import GraphError, canonical, load_graph, signed
from dita.graphs.order_proof import PROOF_BYTES_MAX, verify_order
from dita.host import Directory
from dita.venues import SimulatedVenue

#: Up and down often enough that several orders are sent, with a state that moves.
PRICES = ["50000", "52000", "48000", "48000", "51500", "47500", "47500", "53000", "46000", "46000"]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """A paper run of a signed graph; its directory."""
    signed(cross("50000"), KEY).save(tmp_path / "cross.0")
    rows = [
        f"{1_700_000_000 + 60 * at},{price},{price},{price},{price},10" for at, price in enumerate(PRICES)
    ]
    market = tmp_path / "BTCUSDT.csv"
    market.write_text("timestamp,open,high,low,close,volume\n" + "\n".join(rows) + "\n")
    words = ["paper", str(tmp_path / "cross.0"), "--data", str(market), "--speed", "max"]
    assert main([*words, "--dir", str(tmp_path / "host"), "--json"]) == 0
    capsys.readouterr()
    return tmp_path / "host"


def orders_of(log: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for step in Replay(log, from_start=True):
        for request in step["requests"]:
            if step["type"] == "INTENT" and request["type"] == "SUBMIT":
                yield request["venue_client_id"], step["input"]


def test_every_order_of_a_run_has_a_proof_that_holds(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = Directory(run).log("main")
    orders = list(orders_of(log))
    assert len(orders) > 3
    for client_id, intent in orders:
        assert main(["verify", "--order", client_id, str(run)]) == 0
        said = capsys.readouterr().out
        assert f"{client_id}: its proof holds; the graph is signed by" in said
        assert "read    market:BTCUSDT/mid = " in said
        assert len(canonical(intent["metadata"])) <= PROOF_BYTES_MAX
        assert main(["verify", "--order", intent["intent_id"], str(run), "--json"]) == 0
        reported = json.loads(capsys.readouterr().out)
        assert (reported["order"], reported["valid"]) == (client_id, True)


def test_an_order_that_the_log_does_not_have_is_unknown(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", "--order", "nobody", str(run)]) == 1
    assert "OrderUnknown" in capsys.readouterr().err


def test_a_graph_that_is_not_at_hand_is_asked_for(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (client_id, _), *_ = orders_of(Directory(run).log("main"))
    for kept in (run / "graphs").iterdir():
        kept.unlink()
    assert main(["verify", "--order", client_id, str(run)]) == 1
    assert "GraphUnknown" in capsys.readouterr().err
    graph = ["--graph", str(run.parent / "cross.0")]
    assert main(["verify", "--order", client_id, str(run), *graph]) == 0


def forged_log(folder: Path, metadata: dict[str, str], note: str) -> Path:
    """A log whose one order carries what is given, beside the note that is given."""
    venue = SimulatedVenue(balances={"USDT": 100_000})
    log = folder / "forged"
    with ExecutionKernel(venue=venue, clock=ManualClock(10**18), log_dir=log) as kernel:
        rules = {"instruments": {"BTCUSDT": {"tick_size": "1", "lot_step": "0.001"}}}
        kernel.set_exchange_config(rules | {"taker_rate": "0", "maker_rate": "0"})
        kernel.set_seed_capital(100_000)
        venue.on_quote("BTCUSDT", 50_000, 5, 50_001, 5)
        fields = {"slot_id": 0, "action": "ENTER", "side": "LONG", "asset": "BTCUSDT", "target_size": "0.01"}
        ids = {"intent_id": "i1", "trade_id": "t1", "timestamp": 10**18}
        assert kernel.process_intent(KernelIntent(**fields, **ids, metadata=metadata)).accepted
        kernel.note("cross", note)
    return log


def flipped(text: str) -> str:
    return ("0" if text[0] != "0" else "1") + text[1:]


def altered_note(change: Callable[[dict[str, Any]], None], note: str) -> str:
    content = json.loads(note)
    change(content["runs"][-1])
    return json.dumps(content)


def test_a_forged_or_altered_proof_is_refused_by_name(run: Path, tmp_path: Path) -> None:
    log = Directory(run).log("main")
    *_, (client_id, intent) = orders_of(log)
    graph = run.parent / "cross.0"
    good = dict(intent["metadata"])
    note = read_notes(log)[-1][-1]
    holds = verify_order(forged_log(tmp_path / "good", good, note), "i1", [graph])
    assert holds.inputs == verify_order(log, client_id, [graph]).inputs
    other = tmp_path / "other.0"
    cross("60000").save(other)
    cases: dict[str, tuple[dict[str, str], str, Path, str]] = {
        "graph": ({**good, "graph": flipped(good["graph"])}, note, graph, "GraphUnknown"),
        "inputs": ({**good, "inputs": flipped(good["inputs"])}, note, graph, "InputMissing"),
        "trace": ({**good, "trace": flipped(good["trace"])}, note, graph, "TraceMismatch"),
        "signature": ({**good, "signature": flipped(good["signature"])}, note, graph, "SignatureInvalid"),
        "unsigned": ({k: v for k, v in good.items() if k != "signature"}, note, graph, "SignatureInvalid"),
        "none": ({}, note, graph, "ProofMissing"),
        "no hash": ({**good, "trace": "x"}, note, graph, "ProofMissing"),
        "too long": ({**good, "more": "x" * 100}, note, graph, "ProofMissing"),
        "another graph": (good, note, other, "GraphUnknown"),
        "the note's inputs": (
            good,
            altered_note(lambda one: one["inputs"].update({"market:BTCUSDT/mid": "1"}), note),
            graph,
            "InputMissing",
        ),
        "the note's state": (
            good,
            altered_note(lambda one: one["state"].update(dict.fromkeys(one["state"], "77")), note),
            graph,
            "TraceMismatch",
        ),
        "no note": (good, "{}", graph, "InputMissing"),
    }
    for name, (metadata, text, file, fault) in cases.items():
        forged = forged_log(tmp_path / name, metadata, text)
        with pytest.raises(GraphError) as refused:
            verify_order(forged, "i1", [file])
        assert refused.value.name == fault, name


def test_a_graph_that_was_changed_after_it_was_signed_proves_nothing(run: Path, tmp_path: Path) -> None:
    log = Directory(run).log("main")
    (client_id, _), *_ = orders_of(log)
    document = load_graph(run.parent / "cross.0").to_dict()
    signature = next(one for one in document["proofs"] if one["kind"] == "signature")
    signature["signature"] = flipped(signature["signature"])
    changed = tmp_path / "changed.0"
    changed.write_text(json.dumps(document))
    with pytest.raises(GraphError) as refused:
        verify_order(log, client_id, [changed])
    assert refused.value.name in ("SignatureInvalid", "GraphUnknown")

"""`dita replay`, `explain`, `verify-log`, `log stats` and `what-if`: what they print, and how they end."""

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dita.cli import main
from logged import Desk, busy, flipped

Run = Callable[..., str]


@pytest.fixture(name="desk", scope="module")
def _desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    desk = busy(tmp_path_factory.mktemp("desk") / "log")
    desk.kernel.sync()
    yield desk
    desk.kernel.close()


@pytest.fixture(name="run")
def _run(capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*words: object, code: int = 0) -> str:
        assert main([str(word) for word in words]) == code
        printed = capsys.readouterr()
        return printed.err if code and not printed.out else printed.out

    return run


def rows(text: str, head: str) -> list[list[str]]:
    """The cells of the table whose header begins with a word."""
    lines = text.splitlines()
    start = next(at for at, line in enumerate(lines) if line.split()[:1] == [head])
    found = []
    for line in lines[start + 1 :]:
        if not line.startswith("  "):
            break
        found.append(line.split())
    return found


def test_replay_shows_account_slots_orders_and_positions(desk: Desk, run: Run) -> None:
    text = run("replay", desk.log_dir)
    assert f"after input {desk.kernel.seq}, 2023-11-14 22:13:27 UTC" in text
    assert f"K, what the wallet must hold  {desk.k().normalize():f}" in text
    assert [row[:5] for row in rows(text, "slot")] == [
        ["1", "held", "BTCUSDT", "LONG", "POSITION_OPEN"],
        ["2", "resting", "BTCUSDT", "LONG", "ENTRY_WORKING"],
    ]
    ((_, trade, *_), *_) = rows(text, "order")
    assert trade == "resting"
    assert rows(text, "asset")[0][:3] == ["BTCUSDT", "BOTH", "+3"]
    assert "max_order_notional  5000" in text


def test_replay_until_a_number_and_a_time(desk: Desk, run: Run) -> None:
    assert "after input 5," in run("replay", desk.log_dir, "--until", "5")
    early = run("replay", desk.log_dir, "--until", "2023-11-14T22:13:21.5Z")
    assert "2023-11-14 22:13:21 UTC" in early
    assert "nothing had been taken by then" in run("replay", desk.log_dir, "--until", "2000-01-01")
    late = run("replay", desk.log_dir, "--until", "1000000")
    assert "the log ends here: there is no input 1,000,000 yet" in late


def test_replay_as_json_is_the_state(desk: Desk, run: Run) -> None:
    state = json.loads(run("replay", desk.log_dir, "--json"))
    assert state["seq"] == desk.kernel.seq
    assert state["state_hash"] == desk.kernel.state_hash()
    (account,) = (account for account in state["accounts"] if account["asset"] == "USDT")
    assert Decimal(account["k_capital"]) == desk.k()


def test_a_trade_is_printed_in_order_with_its_sums(desk: Desk, run: Run) -> None:
    text = run("explain", "t1", "--log", desk.log_dir)
    reported = [
        "Trade t1: LONG 2.5 BTCUSDT entered at 99.5, slot 0, now CLOSED",
        "closed because: TARGET",
        "asked for: ENTER LONG 2.5 BTCUSDT MARKET",
        "stage: CLOSED -> ORDER_REQUESTED -> ORDER_SENT",
        "sent to the venue: BUY 2.5 BTCUSDT MARKET",
        "the venue took the order",
        "filled: BUY 2.5 at 99.5, which completes the order, as taker, fee 0.124375 USDT",
        "K -0.124375 USDT: fee",
        "asked for: EXIT LONG BTCUSDT MARKET (intent i4), because: TARGET",
        "filled: SELL 2.5 at 101.3",
        "K +4.5 USDT: realised profit",
        "In sum",
        "what it did to K",
        "together +4.249 USDT",
    ]
    at = 0
    for words in reported:
        found = text.find(words, at)
        assert found >= at, words
        at = found


def test_a_trade_at_work_tells_its_limit_and_reason(desk: Desk, run: Run) -> None:
    text = run("explain", "resting", "--log", desk.log_dir)
    assert "asked for: ENTER LONG 1 BTCUSDT LIMIT limit 90" in text
    assert "because: MEAN_REVERSION" in text
    assert "sent to the venue: BUY 1 BTCUSDT LIMIT limit 90" in text


def test_drift_is_reported(desk: Desk, run: Run) -> None:
    text = run("explain", "--drift", "--log", desk.log_dir)
    assert "USDT: OK" in text
    assert "K and E agree to the last unit" in text
    found = json.loads(run("explain", "--drift", "--log", desk.log_dir, "--json"))
    assert found["assets"][0]["parted"] is None


def test_a_difference_is_reported_with_the_input_that_made_it(tmp_path: Path, run: Run) -> None:
    desk = Desk(tmp_path / "log")
    desk.quote("100.0", "100.1")
    desk.kernel.on_account_event(
        {"kind": "ACCOUNT_UPDATE", "timestamp": desk.now_ns, "asset": "USDT", "wallet_balance": "9995.8"}
    )
    seq = desk.kernel.seq
    desk.kernel.close()
    text = run("explain", "--drift", "--log", desk.log_dir)
    assert (
        f"apart since 2023-11-14 22:13:21, input {seq}: the exchange reported the wallet: 9995.8 USDT" in text
    )
    assert "-4.2 USDT  UNEXPLAINED" in text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "name a trade, or say --drift"),
        (("t1", "--drift"), "name a trade, or say --drift"),
        (("t1", "--until", "3"), "--until goes with --drift"),
        (("t99",), "no input of the log is about a trade 't99'; the last trades of its slots are"),
    ],
)
def test_what_cannot_be_explained_is_said(desk: Desk, run: Run, words: tuple[str, ...], message: str) -> None:
    assert message in run("explain", *words, "--log", desk.log_dir, code=1)


def test_a_good_log_is_called_good(desk: Desk, run: Run) -> None:
    text = run("verify-log", desk.log_dir, "--replay")
    assert text.startswith(f"{desk.log_dir}: GOOD\n")
    assert f"inputs     1 to {desk.kernel.seq}, none missing" in text
    assert f"state      {desk.kernel.state_hash()}" in text


def test_a_bad_log_is_called_bad_with_its_place(desk: Desk, run: Run, tmp_path: Path) -> None:
    list(flipped(desk.log_dir, tmp_path / "bad", at=2_000))
    text = run("verify-log", tmp_path / "bad", code=1)
    assert text.startswith(f"{tmp_path / 'bad'}: BAD\n")
    for words in ("file    ", "offset  ", "input   ", "reason  ", "Restore a copy"):
        assert words in text
    found = json.loads(run("verify-log", tmp_path / "bad", "--json", code=1))
    assert found["good"] is False
    assert found["damage"]["offset"] <= 2_000
    before = found["damage"]["seq"] - 1
    said = run("replay", tmp_path / "bad", code=1)
    assert "corrupt at byte" in said
    assert f"--until {before} shows what stands before it" in said
    assert f"after input {before}," in run("replay", tmp_path / "bad", "--until", before)


def test_stats_count_by_type(desk: Desk, run: Run) -> None:
    text = run("log", "stats", desk.log_dir)
    assert ["INTENT", str(desk.intents), "1"] in [row[:3] for row in rows(text, "type")]
    assert rows(text, "epoch")[0][:4] == ["1", "1", "to", str(desk.kernel.seq)]
    for words in ("records a second on average", "Segments", "Snapshots", "Largest records"):
        assert words in text


def test_what_if_compares_k_and_each_trade(desk: Desk, run: Run) -> None:
    taken = sum(value for _, value, liquidity in desk.fills if liquidity == "TAKER")
    text = run("what-if", desk.log_dir, "--taker-rate", "0.0004")
    assert "with taker fee 0.0004" in text
    k_row = next(row for row in rows(text, "then") if row[0] == "K")
    assert Decimal(k_row[1]) == desk.k()
    assert Decimal(k_row[3]) == taken * Decimal("0.0001")
    trades = rows(text, "trade")
    assert len(trades) == 7
    assert sum(Decimal(row[3]) for row in trades) == taken * Decimal("0.0001")
    assert "E is not made anew" in text
    assert "estimate" not in text


def test_what_if_says_what_was_refused_and_that_latency_is_an_estimate(desk: Desk, run: Run) -> None:
    text = run("what-if", desk.log_dir, "--max-order-notional", "290", "--latency-ms", "1000")
    assert "held  RISK_BLOCKED: max_order_notional allows 290, this is" in text
    assert "The latency's part is an estimate" in text
    assert "1  intents that the changed limits refuse" in text
    assert "nothing changed" in run("what-if", desk.log_dir)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--taker-rate", "2"), "taker_rate"),
        (("--latency-ms=-1",), "latency_ms"),
        (("--max-drawdown=-1",), "max_drawdown"),
        (("--symbol", ""), "--symbol: name an instrument"),
    ],
)
def test_a_change_that_cannot_be_is_said(desk: Desk, run: Run, words: tuple[str, ...], message: str) -> None:
    assert message in run("what-if", desk.log_dir, *words, code=1)


@pytest.mark.parametrize(
    "words",
    [("replay",), ("verify-log",), ("log", "stats"), ("what-if",), ("explain", "--drift", "--log")],
)
def test_a_directory_that_is_none_is_said_in_one_line(
    words: tuple[str, ...], run: Run, tmp_path: Path
) -> None:
    text = run(*words, tmp_path / "nothing", code=1)
    assert "is no directory; name the one that the kernel was given as log_dir" in text
    assert text.count("\n") == 1
    assert "cannot find a log" in run(*words, tmp_path, code=1)


def test_a_long_log_shows_how_far_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(tmp_path / "log", {"log_policy": "off"})
    for _ in range(70_000):
        desk.kernel.advance_time(desk.now_ns)
    desk.kernel.close()
    monkeypatch.setattr("dita.cli.progress.PLAIN_INTERVAL_NS", 0)
    assert main(["log", "stats", str(desk.log_dir)]) == 0
    assert "% read" in capsys.readouterr().err


def test_json_has_no_floats_for_money(desk: Desk, run: Run) -> None:
    def floats(value: Any) -> Iterator[float]:
        if isinstance(value, float):
            yield value
        elif isinstance(value, dict):
            for inner in value.values():
                yield from floats(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from floats(inner)

    for words in (
        ("replay", desk.log_dir),
        ("explain", "t1", "--log", desk.log_dir),
        ("what-if", desk.log_dir, "--taker-rate", "0.0004"),
    ):
        assert not list(floats(json.loads(run(*words, "--json"))))

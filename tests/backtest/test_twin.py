"""The twin: what a log differs in from a simulated venue of the same intents, to the unit."""

import json
from collections import defaultdict
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from twins import SYMBOL, Swing, amounts, traded, walked, write_bars, write_funding, write_quotes

from dita import InvalidInput, timetravel
from dita._kernel import Replay
from dita.backtest.settings import BacktestSettings
from dita.backtest.twin import (
    Compared,
    NoMarket,
    Twin,
    Unbalanced,
    check,
    exact_sum,
    read_assumptions,
    write_assumptions,
)

PLAIN = BacktestSettings(
    taker_rate=Decimal("0.0005"),
    maker_rate=Decimal("0.0002"),
    instruments={SYMBOL: {"tick_size": "0.1", "lot_step": "0.001"}},
    capital=Decimal(1_000_000),
)
#: Whole weeks of chance: live is late, worse, and behind others in the line.
SEEDS = range(6)


def drawn(seed: int) -> BacktestSettings:
    return replace(
        PLAIN,
        latency_ms=Decimal([0, 80, 300, 700, 40, 1_000][seed % 6]),
        slippage_bps=Decimal(["0", "1.5", "0.7", "3", "0", "2"][seed % 6]),
        queue_model=["first", "probability", "risk_averse"][seed % 3],
    )


@pytest.fixture
def market(tmp_path: Path) -> Path:
    return write_quotes(tmp_path / "btcusdt.csv")


def twin_of(log: Path, market: Path) -> Twin:
    return Twin(log, [market], [SYMBOL])


def naive(log: Path) -> tuple[dict[str, dict[str, Decimal]], dict[str, Any]]:
    """By trade: what its fills cost, fees and funding, out of the log's steps alone; and the last figures."""
    found: dict[str, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    whose: dict[str, str] = {}
    for step in Replay(log, from_start=True):
        for request in step["requests"]:
            if request["type"] == "SUBMIT":
                whose[request["venue_client_id"]] = request["trade_id"]
        event = step["input"]
        if (
            step["type"].startswith("VENUE")
            and event["kind"] in ("PARTIAL_FILL", "FULL_FILL")
            and step["accepted"]
        ):
            trade = found[whose[event["venue_client_id"]]]
            sign = 1 if event["order_side"] == "BUY" else -1
            trade["held"] += sign * event["size"]
            trade["cost"] += sign * event["size"] * event["price"]
        for booked in step["ledger"]:
            if booked["to"] == "FEES":
                found[booked["trade_id"]]["fees"] += booked["amount"]
    (account,) = timetravel.replay(log)["accounts"]
    return {trade: dict(figures) for trade, figures in found.items()}, account


# ---------------------------------------------------------------------------------------- nothing differs


def test_a_twin_that_assumes_what_the_paper_venue_is_differs_in_nothing(tmp_path: Path, market: Path) -> None:
    settings = replace(PLAIN, latency_ms=Decimal(80), slippage_bps=Decimal("1.5"))
    compared = twin_of(traded(tmp_path / "h", market, settings), market).run(settings)
    assert compared.trades[0] == compared.trades[1] == compared.trades[2] > 20
    assert compared.rows == ()
    assert compared.results["USDT"][0] == compared.results["USDT"][1] != 0


def test_a_recording_of_bars_gives_the_same_fills_as_the_run_on_paper(tmp_path: Path) -> None:
    market = write_bars(tmp_path / "bars.csv")
    settings = replace(PLAIN, latency_ms=Decimal(0))
    compared = twin_of(traded(tmp_path / "h", market, settings, strategy=Swing), market).run(settings)
    assert compared.trades[2] > 5
    assert compared.rows == ()


# --------------------------------------------------------------------------------- the sum, to the unit


@pytest.mark.parametrize("seed", SEEDS)
def test_the_rows_of_random_runs_sum_to_the_difference_to_the_unit(tmp_path: Path, seed: int) -> None:
    market = write_quotes(tmp_path / "btcusdt.csv", seed=seed)
    settings = drawn(seed)
    if seed % 2:
        settings = replace(
            settings, funding=write_funding(tmp_path / "funding.csv", count=40, step_ns=12_000_000_000)
        )
    log = traded(tmp_path / "h", market, settings, seed=seed)
    twin = twin_of(log, market)
    compared = twin.run(replace(PLAIN, seed=seed))
    live, other = compared.results["USDT"]
    rows = [row["amount"] for row in compared.rows if row["amount"] is not None]
    assert exact_sum(rows) == exact_sum([live, -other])
    # The result is the account's own: what a replay of the log says, not what the comparison made of it.
    _, account = naive(log)
    assert live == account["equity"] - PLAIN.capital
    assert not amounts(compared.rows, "other", "unassigned"), "fills explain all of it"


@pytest.mark.parametrize("seed", SEEDS)
def test_each_row_is_what_the_two_logs_say_of_its_trade(tmp_path: Path, seed: int) -> None:
    """The twin's own log, read by another reader: fees, and what the fills of flat trades cost."""
    market = write_quotes(tmp_path / "btcusdt.csv", seed=seed)
    log = traded(tmp_path / "h", market, drawn(seed), seed=seed)
    other = tmp_path / "twin"
    compared = twin_of(log, market).run(PLAIN, keep=other)
    rows: dict[str, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for row in compared.rows:
        rows[row["trade_id"]][row["kind"]] += row["amount"] or 0
    (one, _), (two, _) = naive(log), naive(other)
    both = [trade for trade in one if trade in two and is_flat(one[trade]) and is_flat(two[trade])]
    assert len(both) > 5
    for trade in both:
        fees = two[trade].get("fees", 0) - one[trade].get("fees", 0)
        assert rows[trade]["fee"] == fees, trade
        assert rows[trade]["fill"] + rows[trade]["price"] == two[trade]["cost"] - one[trade]["cost"], trade
    alone = [trade for trade in one if trade not in two and is_flat(one[trade])]
    for trade in alone:
        assert rows[trade]["only live"] == -one[trade]["cost"] - one[trade].get("fees", 0)


def is_flat(trade: dict[str, Decimal]) -> bool:
    return trade.get("held") == 0


def test_missing_trades_of_either_side_are_rows_with_their_whole_results(tmp_path: Path) -> None:
    market, first = walked(), replace(PLAIN, limit_fill="touch")
    behind = replace(first, queue_model="risk_averse")
    # Behind the line live misses makers that the twin has, and the other way round.
    compared = Twin(traded(tmp_path / "h", market, behind, seed=1), [market]).run(first)
    live, twin, both = compared.trades
    alone = [row for row in compared.rows if row["kind"] in ("only live", "only twin")]
    assert twin > both
    assert len(alone) == live + twin - 2 * both
    swapped = Twin(traded(tmp_path / "i", market, first, seed=1), [market]).run(behind)
    assert "only live" in {row["kind"] for row in swapped.rows}
    check(swapped)


def test_a_row_with_a_wrong_amount_is_refused(tmp_path: Path, market: Path) -> None:
    compared = twin_of(traded(tmp_path / "h", market, drawn(1)), market).run(PLAIN)
    check(compared)
    unit = Decimal("0.000000000000000001")
    at = next(n for n, row in enumerate(compared.rows) if row["kind"] == "price")
    wrong = {**compared.rows[at], "amount": compared.rows[at]["amount"] + unit}
    rows = (*compared.rows[:at], wrong, *compared.rows[at + 1 :])
    planted = Compared(rows, compared.results, compared.trades, (), 0, compared.sums)
    with pytest.raises(Unbalanced, match="USDT: the rows sum to"):
        check(planted)


def test_time_is_shown_without_an_amount(tmp_path: Path, market: Path) -> None:
    compared = twin_of(traded(tmp_path / "h", market, replace(PLAIN, latency_ms=Decimal(700))), market).run(
        PLAIN
    )
    times = [row for row in compared.rows if row["kind"] == "time"]
    assert times
    assert all(row["amount"] is None and row["later_ns"] > 0 for row in times)


# -------------------------------------------------------------------------------------------- estimates


def test_a_paper_venue_with_80_ms_and_one_and_a_half_basis_points_is_found(
    tmp_path: Path,
) -> None:
    settings = replace(PLAIN, latency_ms=Decimal(80), slippage_bps=Decimal("1.5"))
    # An answer comes with the market's next event.
    market = write_quotes(tmp_path / "btcusdt.csv", count=5_000, step_ns=7_000_000)
    log = traded(tmp_path / "h", market, settings, maker=False)
    report = twin_of(log, market).report()
    assumed = report.assumed
    assert assumed.latency_ms is not None
    assert assumed.slippage_bps is not None
    assert abs(assumed.latency_ms - 80) <= 8
    assert abs(assumed.slippage_bps - Decimal("1.5")) <= Decimal("0.15")
    live, first = report.first.results["USDT"]
    _, again = report.again.results["USDT"]
    # What the numbers explain: the twin that assumes them is nearer by far.
    assert abs(live - again) * 10 < abs(live - first)


def test_makers_that_stood_behind_others_are_reported_as_the_queue(tmp_path: Path) -> None:
    market, first = walked(), replace(PLAIN, limit_fill="touch")
    behind = replace(first, queue_model="risk_averse")
    report = Twin(traded(tmp_path / "h", market, behind), [market]).report(first)
    assert report.assumed.queue is not None
    assert report.assumed.queue > 0
    assert report.assumed.queue_model != "first"
    plain = Twin(traded(tmp_path / "i", market, first), [market]).report(first)
    assert plain.assumed.queue == 0
    assert plain.assumed.queue_model == "first"


def test_the_three_numbers_go_through_a_file_to_the_backtest(tmp_path: Path, market: Path) -> None:
    settings = replace(PLAIN, latency_ms=Decimal(80), slippage_bps=Decimal("1.5"))
    report = twin_of(traded(tmp_path / "h", market, settings, maker=False), market).report()
    path = tmp_path / "assumptions.json"
    write_assumptions(path, report.assumed)
    assert BacktestSettings(**read_assumptions(path)).latency_ms == report.assumed.latency_ms
    content = json.loads(path.read_text())
    content["slippage"] = "1"
    path.write_text(json.dumps(content))
    with pytest.raises(InvalidInput, match="slippage is none of latency_ms"):
        read_assumptions(path)


# --------------------------------------------------------------------------------------------- bad input


def test_without_a_recording_there_is_no_market(tmp_path: Path, market: Path) -> None:
    log = traded(tmp_path / "h", market, PLAIN)
    with pytest.raises(NoMarket, match="NO_MARKET"):
        Twin(log, [])
    with pytest.raises(NoMarket, match="NO_MARKET: the log trades BTCUSDT, and the recording has ETHUSDT"):
        Twin(log, [market], ["ETHUSDT"])


def test_a_recording_of_another_time_is_no_market(tmp_path: Path, market: Path) -> None:
    log = traded(tmp_path / "h", market, PLAIN)
    later = tmp_path / "later.csv"
    lines = market.read_text().splitlines()
    rows = [line.split(",") for line in lines[1:]]
    moved = [",".join([str(int(row[0]) + 10**18), *row[1:]]) for row in rows]
    later.write_text("\n".join([lines[0], *moved]) + "\n")
    with pytest.raises(NoMarket, match="another time"):
        twin_of(log, later)


def test_intents_before_the_recording_are_counted_as_without_a_market(tmp_path: Path, market: Path) -> None:
    log = traded(tmp_path / "h", market, PLAIN)
    lines = market.read_text().splitlines()
    half = tmp_path / "half.csv"
    half.write_text("\n".join([lines[0], *lines[len(lines) // 2 :]]) + "\n")
    compared = twin_of(log, half).run(PLAIN)
    assert compared.outside > 0
    check(compared)


def test_the_trader_of_these_tests_makes_and_takes(tmp_path: Path, market: Path) -> None:
    compared = twin_of(traded(tmp_path / "h", market, PLAIN), market).run(PLAIN)
    assert compared.sums["taken"] > 20
    assert compared.sums["made"] > 5

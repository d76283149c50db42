"""Captures as columns: the same events with the same digits, and nothing that is damaged or half."""

import gzip
import json
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from dita.market import BinanceL2File, Depth, L2File, MarketFileError, convert, open_market

START_NS = 1_723_161_255_000_000_000


def line(message: dict[str, Any], at: int) -> str:
    return f"{START_NS + at} {json.dumps(message)}\n"


def trade(price: str = "100.20", at: int = 0, **changes: Any) -> str:
    return line({"e": "trade", "s": "BTCUSDT", "p": price, "q": "0.006", "m": False, **changes}, at)


def update(first: int, last: int, previous: int, at: int) -> str:
    ids = {"U": first, "u": last, "pu": previous}
    levels: dict[str, Any] = {"b": [["100.10", f"{last}"], ["99", "0.000"]], "a": []}
    return line({"e": "depthUpdate", "s": "BTCUSDT", **ids, **levels}, at)


def snapshot(last: int, at: int) -> str:
    return line({"lastUpdateId": last, "bids": [["100.0", "7"]], "asks": [["101", "8"]]}, at)


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def written(*lines: str, name: str = "capture.jsonl") -> Path:
        path = tmp_path / name
        path.write_text("".join(lines), encoding="utf-8")
        return path

    return written


def test_a_recorded_capture_becomes_the_same_events_digit_by_digit(
    btcusdt_capture: Path, tmp_path: Path
) -> None:
    out = tmp_path / "btcusdt.l2"
    received: list[float] = []
    symbol, counts = convert([btcusdt_capture], out, progress=received.append)

    columns = L2File(out)
    assert list(columns) == list(BinanceL2File(btcusdt_capture))
    assert (symbol, columns.symbol, columns.kind) == ("BTCUSDT", "BTCUSDT", "real")
    reported = columns.counts
    assert reported is not None
    assert (reported.levels, reported.quotes, reported.prints, reported.lines) == (
        445_262,
        66_089,
        21_313,
        93_954,
    )
    assert (counts["levels"], counts["written"]) == (reported.levels, out.stat().st_size)
    assert counts["bytes"] == 27_757_550
    assert out.stat().st_size < 3_000_000
    assert columns.fraction_read() == 1.0
    assert received == sorted(received)
    assert received[0] > 0


def test_a_capture_in_parts_is_one_market(write: Callable[..., Path], tmp_path: Path) -> None:
    parts = (
        [snapshot(10, 0), update(5, 10, 4, 1), trade(at=1)],
        [update(11, 12, 10, 2), update(20, 21, 19, 3)],
    )
    first, second = (write(*lines, name=f"{number}.jsonl") for number, lines in enumerate(parts))
    whole = write(*parts[0], *parts[1])

    out = tmp_path / "out.l2"
    _, counts = convert([first, second], out)
    assert list(L2File(out)) == list(BinanceL2File(whole))
    assert (counts["gaps"], counts["levels"], counts["lines"]) == (1, 6, 5)


def test_numbers_that_are_written_unevenly_keep_their_digits(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    out = tmp_path / "out.l2"
    convert([write(trade("100"), trade("0.00000001", 1), trade("1e3", 2), snapshot(3, 3))], out)
    assert [getattr(event, "price", None) for event in L2File(out)] == ["100", "0.00000001", "1000", None]
    assert list(L2File(out))[-1] == Depth(
        "BTCUSDT", (("100.0", "7"),), (("101", "8"),), snapshot=True, ts_ns=START_NS + 3
    )


def test_a_file_of_columns_is_detected_by_its_first_bytes(write: Callable[..., Path], tmp_path: Path) -> None:
    out = tmp_path / "any.name"
    convert([write(trade())], out)
    market = open_market(out, "IGNORED")
    assert isinstance(market, L2File)
    assert (market.symbol, market.counts, market.fraction_read()) == ("BTCUSDT", None, 0.0)


@pytest.mark.parametrize(
    ("lines", "number", "message"),
    [
        ([""], None, "the file is empty"),
        (["timestamp,open,high,low,close,volume\n"], 1, "receive time: expected 19 digits"),
        ([trade(), trade()[:-9]], 2, "the message is not JSON"),
        ([trade(), trade("NaN")], 2, "p: expected a finite number, got 'NaN'"),
        ([trade(), trade("-1")], 2, "p: must not be negative, got '-1'"),
        ([trade(), trade("0")], 2, "p: must be above zero, got '0'"),
        ([trade(), trade(s="ETHUSDT")], 2, "s: 'ETHUSDT' after 'BTCUSDT'"),
        ([trade(at=5), trade(at=4)], 2, "receive time: '1723161255000000004' is before '172316125500000"),
        ([trade(), line({"e": "depthUpdate", "s": "BTCUSDT"}, 1)], 2, "U: the message has no such field"),
        ([line({"e": "markPriceUpdate", "s": "BTCUSDT"}, 0)], None, "nothing could be converted"),
    ],
)
def test_what_cannot_be_is_an_error_by_line_and_field_and_no_file_is_left(
    lines: list[str], number: int | None, message: str, write: Callable[..., Path], tmp_path: Path
) -> None:
    capture, out = write(*lines), tmp_path / "out.l2"
    with pytest.raises(MarketFileError) as caught:
        convert([capture], out)
    assert message in str(caught.value)
    assert (caught.value.path, caught.value.line) == (capture, number)
    assert list(tmp_path.iterdir()) == [capture]


def test_the_capture_that_is_wrong_is_named(write: Callable[..., Path], tmp_path: Path) -> None:
    good, bad = write(trade(at=9)), write(trade(at=9), trade("x", 10), name="second.jsonl")
    with pytest.raises(MarketFileError, match=r"second\.jsonl, line 2: p: expected a decimal"):
        convert([good, bad], tmp_path / "out.l2")
    with pytest.raises(MarketFileError, match=r"out/out\.l2: cannot be written: No such file"):
        convert([good], tmp_path / "out" / "out.l2")


def test_what_the_user_allows_is_counted(write: Callable[..., Path], tmp_path: Path) -> None:
    capture = write("x\n", trade(at=5), trade("NaN", 6), trade(s="ETHUSDT", at=7), trade(at=4), trade()[:-9])
    out = tmp_path / "out.l2"
    _, counts = convert([capture], out, allow_late_lines=True, skip_bad_lines=True)
    assert (counts["bad_lines"], counts["late_lines"], counts["prints"]) == (4, 1, 2)
    assert [event.ts_ns for event in L2File(out)] == [START_NS + 5] * 2


def test_an_update_that_is_skipped_is_a_gap_of_the_book(write: Callable[..., Path], tmp_path: Path) -> None:
    broken = update(11, 12, 10, 2).replace("99", "-9")
    capture = write(snapshot(10, 0), update(5, 10, 4, 1), broken, update(13, 14, 12, 3))
    out = tmp_path / "out.l2"
    _, counts = convert([capture], out, skip_bad_lines=True)
    assert (counts["gaps"], counts["bad_lines"]) == (1, 1)
    last = list(L2File(out))[-1]
    assert isinstance(last, Depth)
    assert (last.bids, last.asks, last.snapshot) == ((), (), True)


def test_an_older_file_stays_until_the_new_one_is_whole(write: Callable[..., Path], tmp_path: Path) -> None:
    out = tmp_path / "out.l2"
    convert([write(trade())], out)
    before = out.read_bytes()
    with pytest.raises(MarketFileError):
        convert([write(trade(), "x\n", name="bad.jsonl")], out)
    assert out.read_bytes() == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content[:-3], "it ends too early; the file is damaged or cut off"),
        (lambda content: content[:30], "it ends too early"),
        (lambda content: content + b"x", "there is something after its end"),
        (lambda content: content[:60] + b"\xff" + content[61:], "block 1: it is not as it was written"),
        (lambda content: content[:8] + b"\x02" + content[9:], "the columns are of version 2"),
    ],
)
def test_a_damaged_file_is_refused(
    change: Callable[[bytes], bytes], message: str, write: Callable[..., Path], tmp_path: Path
) -> None:
    out = tmp_path / "out.l2"
    convert([write(trade(), trade(at=1), snapshot(5, 2))], out)
    out.write_bytes(change(out.read_bytes()))
    with pytest.raises(MarketFileError) as caught:
        list(L2File(out))
    assert message in str(caught.value)
    assert str(out) in str(caught.value)


def test_a_zipped_capture_is_read_and_a_cut_one_is_refused(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    plain = write(*(trade(at=number) for number in range(2_000)))
    zipped = tmp_path / "capture.jsonl.gz"
    zipped.write_bytes(gzip.compress(plain.read_bytes()))
    convert([plain], tmp_path / "plain.l2")
    convert([zipped], tmp_path / "zipped.l2")
    assert (tmp_path / "plain.l2").read_bytes() == (tmp_path / "zipped.l2").read_bytes()
    zipped.write_bytes(zipped.read_bytes()[:-20])
    with pytest.raises(MarketFileError, match="the gzip data is damaged or cut off"):
        convert([zipped], tmp_path / "cut.l2")
    assert len(list(islice(L2File(tmp_path / "plain.l2"), 5))) == 5

"""Reports: the same run gives the same bytes, assumptions come first, and no name breaks out of the page."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal, getcontext
from enum import Enum
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from backtest_sample import START_NS, sample
from dita.backtest import BacktestResult, EquityPoint, page
from dita.backtest.equity import DAY_NS
from dita.backtest.page import CHARTS_MAX, packed
from dita.backtest.page.series import MARKED_MAX, embedded
from dita.backtest.result import ASSUMPTIONS
from dita.backtest.wording import duration, fixed, percent
from dita.errors import InvalidInput

D = Decimal
HOSTILE = "</script ><script>alert(1)</script><img src=x onerror=alert(2)>\"'&amp;\u2028\x1b[31m"


class Page(HTMLParser):
    """Reads a page as a browser does: its elements, its text, and its scripts' texts."""

    def __init__(self, text: str) -> None:
        """Read it.

        Args:
            text: The page.
        """
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data: str) -> None:
        if self.cdata_elem == "script":
            self.scripts[-1] += data
        elif self.cdata_elem != "style":
            self.text += data


@pytest.fixture(scope="module")
def result() -> BacktestResult:
    return sample()


@pytest.fixture
def without_uplot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "packed", lambda: None)


def test_the_same_run_gives_the_same_bytes_whatever_it_took(result: BacktestResult) -> None:
    again = replace(sample(), seconds=99.0)
    assert again == result
    assert again.to_json() == result.to_json()
    assert again.report_text() == result.report_text()
    assert again.report_html() == result.report_html()


def test_another_process_with_another_hash_seed_writes_the_same_json() -> None:
    program = (
        "import hashlib, sys; sys.path.insert(0, sys.argv[1]); from backtest_sample import sample; "
        "result = sample(days=30, params={'set': {'b', 'a', 'c'}}); "
        "print(hashlib.sha256(result.to_json() + result.report_html().encode()).hexdigest())"
    )
    command = [sys.executable, "-c", program, str(Path(__file__).parents[1])]
    said = {
        subprocess.run(command, env={"PYTHONHASHSEED": seed}, capture_output=True, check=True).stdout
        for seed in ("1", "2")
    }
    assert len(said) == 1


def test_the_programs_own_decimal_context_changes_no_report() -> None:
    short = sample(days=40)
    before = short.to_json(), short.report_text()
    kept = getcontext().prec
    getcontext().prec = 9
    try:
        assert (short.to_json(), short.report_text()) == before
    finally:
        getcontext().prec = kept


def test_json_is_one_line_with_exact_texts_and_no_wall_time(result: BacktestResult) -> None:
    text = result.to_json()
    content = json.loads(text)
    assert text.endswith(b"}\n")
    assert text.count(b"\n") == 1
    assert "seconds" not in content
    assert list(content) == sorted(content)
    assert D(content["final_k"]) == result.final_k
    assert D(content["trades"][0]["pnl"]) == result.trades[0].pnl
    assert content["equity"][0] == {"time_ns": START_NS, "k": "10000", "e": None, "equity": "10000"}
    assert content["metrics"].keys() == content["definitions"].keys() == set(result.metrics)
    assert content["metrics_settings"] == {
        "ddof": 1, "periods_per_year": 365, "risk_free": "0", "year_days": 365
    }  # fmt: skip


class Side(Enum):
    """A choice among parameters."""

    BOTH = "both"


@pytest.mark.parametrize(
    ("given", "written"),
    [
        (D("0.020"), "0.02"),
        (D("1E+3"), "1000"),
        (D("NaN"), "NaN"),
        (0.1, "0.1"),
        (True, True),
        (None, None),
        (Side.BOTH, "both"),
        ((1, [D("2.50")]), [1, ["2.5"]]),
        ({"b", "a"}, ["a", "b"]),
        ({1: D(0)}, {"1": "0"}),
        (Path("a/b"), "a/b"),
        (datetime(2024, 1, 2, tzinfo=UTC), "2024-01-02T00:00:00+00:00"),
        (EquityPoint(1, D(2), None, D(3)), {"time_ns": 1, "k": "2", "e": None, "equity": "3"}),
        (object(), "object"),
    ],
)
def test_a_parameter_of_any_type_is_written_without_an_address(given: Any, written: Any) -> None:
    one = sample(days=1, params={"it": given})
    assert json.loads(one.to_json())["params"] == {"it": written}
    assert " at 0x" not in one.report_text() + one.report_html()


def test_assumptions_come_first_and_what_was_not_stated_says_so() -> None:
    one = sample(days=3, assumptions=(("fees", "none at all"), ("my own", "the moon is full")))
    lines = one.report_text().splitlines()
    assert lines[:3] == [
        "ASSUMPTIONS",
        "  fees                none at all",
        "  fill_at             not stated",
    ]
    assert "  my own              the moon is full" in lines
    assert [row["name"] for row in one.to_dict()["assumptions"]] == [*ASSUMPTIONS, "my own"]
    html = one.report_html()
    assert html.index('<section id="assumptions">') == html.index("<section")
    assert html.count("not stated") == len(ASSUMPTIONS) - 1


def test_the_text_has_every_figure_its_definition_and_the_last_trades(result: BacktestResult) -> None:
    text = result.report_text()
    flat = " ".join(text.split())
    for row in result.metrics.rows:
        assert row.title in text
        assert " ".join(row.definition.split()) in flat or row.definition.split()[0] in flat
    assert f"TRADES: the last 10 of {len(result.trades)}" in text
    assert "  2023    " in text
    assert re.search(r"K, by the kernel's ledger +13,971\.\d+", text)
    assert "    ROUNDING" in text


def test_a_saved_result_is_loaded_with_every_value(result: BacktestResult, tmp_path: Path) -> None:
    result.save(tmp_path)
    for place in (tmp_path, tmp_path / "report.json"):
        loaded = BacktestResult.load(place)
        assert loaded.to_json() == result.to_json()
        assert len(loaded.report_html()) > 100_000
        assert (loaded.trades, loaded.executions, loaded.equity) == (
            result.trades,
            result.executions,
            result.equity,
        )
        assert loaded.metrics == result.metrics
        assert loaded.seconds == 0.0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": "other-1"}, "format: 'other-1' is not dita-backtest-1"),
        ({"bars": "7"}, "bars: '7' is no int"),
        ({"capital": "much"}, "capital: 'much' is no number"),
        ({"equity": [{"time_ns": 1}]}, "equity[0]: {'time_ns': 1} is no EquityPoint"),
        ({"trades": {}}, "trades: {} is no list"),
        ({"daily": [[1]]}, "daily[0]: [1] has not 2 items"),
    ],
)
def test_a_report_that_is_none_is_refused_by_field_and_value(
    change: dict[str, Any], said: str, result: BacktestResult, tmp_path: Path
) -> None:
    (tmp_path / "report.json").write_text(json.dumps(result.to_dict() | change))
    with pytest.raises(InvalidInput, match=re.escape(said)):
        BacktestResult.load(tmp_path)
    (tmp_path / "report.json").write_text("{")
    with pytest.raises(InvalidInput, match="is no JSON"):
        BacktestResult.load(tmp_path)


def test_a_result_shown_by_python_is_a_few_lines(result: BacktestResult) -> None:
    lines = repr(result).splitlines()
    assert lines[0] == f"BacktestResult {result.name!r} {result.run_id}"
    assert 5 < len(lines) <= 20
    assert all(len(line) < 120 for line in lines)


def test_what_no_cause_explains_is_shown_as_unexplained() -> None:
    one = sample(days=3)
    apart = replace(one, final_e=one.final_k + 5, differences={"FEE_ESTIMATE": D(2)})
    assert re.search(r"UNEXPLAINED +\+3\n", apart.report_text())
    assert "UNEXPLAINED" in Page(apart.report_html()).text
    silent = replace(one, final_e=None, differences={})
    assert "The venue reported no account." in silent.report_text()
    assert "not reported" in Page(silent.report_html()).text


def test_hostile_names_stay_text() -> None:
    plain = sample(days=20)
    trades = tuple(replace(trade, symbol=HOSTILE, reason=HOSTILE, side=HOSTILE) for trade in plain.trades)
    one = replace(
        plain, name=HOSTILE, run_id=HOSTILE, strategy=HOSTILE, params={HOSTILE: HOSTILE}, symbols=(HOSTILE,),
        asset=HOSTILE, trades=trades, errors=(HOSTILE,), assumptions=((HOSTILE, HOSTILE), ("fees", HOSTILE)),
        differences={HOSTILE: D(1)}, fees_by_cause={HOSTILE: D(1)}, funding_by_symbol={HOSTILE: D(1)},
        prices={HOSTILE: plain.prices["BTCUSDT"]},
    )  # fmt: skip
    found, usual = Page(one.report_html()), Page(plain.report_html())
    assert [script for script in found.scripts if "alert(" in script] == [embedded(one)]
    assert len(found.scripts) == len(usual.scripts)
    assert {tag for tag, _ in found.tags} == {tag for tag, _ in usual.tags}
    assert not any(name.startswith("on") for _, attributes in found.tags for name in attributes)
    assert not {"<", ">", "&", "\u2028"} & set(embedded(one))
    assert json.loads(embedded(one))["symbols"] == [HOSTILE]
    assert HOSTILE.split("\u2028", maxsplit=1)[0] in found.text
    assert "\x1b" not in found.text
    assert "\x1b" not in one.report_text()
    assert "\u2028" not in one.report_text()


def test_the_page_reaches_for_nothing_outside(result: BacktestResult) -> None:
    found = Page(result.report_html())
    policy = next(attributes for tag, attributes in found.tags if "http-equiv" in attributes)
    assert policy["content"] == "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
    assert not {"link", "img", "iframe", "object", "embed", "base", "form"} & {tag for tag, _ in found.tags}
    for tag, attributes in found.tags:
        assert "src" not in attributes, tag
        assert (attributes.get("href") or "#").startswith("#"), tag
    assert not re.search(
        r"url\(|@import|fetch\(|XMLHttpRequest", (page._own("report.css") + page._own("report.js"))
    )


def test_every_section_is_there_and_linked(result: BacktestResult) -> None:
    found = Page(result.report_html())
    ids = [attributes["id"] for tag, attributes in found.tags if tag == "section"]
    assert ids == ["assumptions", "equity", "prices", "months", "costs", "accounts", "trades", "metrics"]
    links = [str(attributes["href"])[1:] for tag, attributes in found.tags if tag == "a"]
    assert links == ids
    for row in result.metrics.rows:
        assert row.definition in found.text


@pytest.mark.usefixtures("without_uplot")
def test_without_uplot_the_charts_are_still_pictures(result: BacktestResult) -> None:
    html = result.report_html()
    assert "nothing is missing but the zooming" in html
    assert "uPlot\n" not in html
    assert html.count('<div class="plot"><svg') == 5
    kinds = set(re.findall(r'<path class="(\w+)"', html))
    assert {"equity", "base", "below", "price", "k", "e", "won", "lost", "grid"} <= kinds


def test_with_uplot_its_licence_goes_with_it(tmp_path: Path, result: BacktestResult) -> None:
    assert packed(tmp_path) is None
    for name in ("uPlot.iife.min.js", "uPlot.min.css", "uPlot.LICENSE"):
        (tmp_path / name).write_text(f"/* {name} */")
    html = "\n".join(page._page(result, packed(tmp_path)))
    assert "nothing is missing" not in html
    assert "<style>/*! uPlot\n/* uPlot.LICENSE" in html


def test_a_large_result_stays_under_a_megabyte() -> None:
    large = sample(days=2000, hold=(2, 60), rest=(1, 24), steps_a_day=72)
    assert len(large.trades) >= MARKED_MAX
    assert len(large.equity) > 8500
    one = replace(large, trades=large.trades[:MARKED_MAX])
    assert len(one.report_html().encode()) < 1_000_000
    assert "The first 500 of 5,000 are shown" in one.report_html()
    assert f"Marked: the first 5,000 of {len(large.trades):,} trades." in large.report_html()


def test_many_symbols_are_bounded_and_said() -> None:
    names = tuple(f"S{at}USDT" for at in range(CHARTS_MAX + 3))
    many = sample(days=200, symbols=names)
    assert f"The first {CHARTS_MAX} of {len(names)} symbols." in many.report_html()
    assert len(many.report_html().encode()) < 1_000_000


def empty() -> BacktestResult:
    """Return a run in which nothing happened."""
    return sample(
        days=0, prices={}, daily=((START_NS, D(10_000)),), end_ns=START_NS, differences={}, params={}
    )


def test_a_run_in_which_nothing_happened_has_reports(tmp_path: Path) -> None:
    for one in (empty(), replace(empty(), equity=(), daily=(), symbols=(), orders={}, capital=D(0))):
        assert "TRADES: the last 0 of 0" in one.report_text()
        assert "No prices were kept." in one.report_html()
        assert [file.name for file in one.save(tmp_path / "new" / "folder")] == [
            "report.txt", "report.json", "report.html"
        ]  # fmt: skip
        assert (tmp_path / "new/folder/report.json").read_bytes() == one.to_json()


def test_a_run_that_lost_more_than_it_had_is_drawn() -> None:
    points = tuple(EquityPoint(START_NS + at, D(0), None, D(-at)) for at in range(5))
    one = sample(days=3, equity=points, final_e=None, interrupted=True, errors=("liquidated",))
    html = one.report_html()
    assert "The run was stopped before the end of its market." in html
    assert "liquidated" in html
    assert "INTERRUPTED" in one.report_text()


def test_figures_are_written_in_fixed_digits() -> None:
    assert fixed(D("-0.004"), 2) == "0.00"
    assert fixed(D("1234567.125"), 2, sign=True) == "+1,234,567.12"
    assert percent(D("-0.12345"), 2) == "\u221212.34\u202f%"
    assert duration(DAY_NS * 1234 + 3_723_000_000_000) == "1,234d 01:02:03"
    assert duration(1_234_567_890) == "00:00:01.234"

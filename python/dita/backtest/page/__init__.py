"""A backtest's report as one page: nothing in it is fetched, and it can be sent as a file.

Its charts are drawn by uPlot where that was packed with DITA (`make web`), and are still pictures elsewhere.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Final

from dita.backtest.page import pictures, tables
from dita.backtest.page.series import MARKED_MAX, SHOWN_MAX, charted, embedded, money_digits
from dita.backtest.page.tables import safe, toned
from dita.backtest.report import apart, param_text
from dita.backtest.values import NOT_STATED, ResultValues
from dita.backtest.wording import NOTHING, duration, figure, fixed, moment, percent, total
from dita.chart import exact

CHARTS_MAX: Final = 24
_HERE: Final = Path(__file__).resolve().parent
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
_SECTIONS: Final = (
    ("assumptions", "Assumptions"),
    ("equity", "Equity"),
    ("prices", "Trades on price"),
    ("months", "Returns by month"),
    ("costs", "Fees and funding"),
    ("accounts", "K and E"),
    ("trades", "Trades"),
    ("metrics", "Metrics"),
)


_ACCOUNTS: Final = (
    '<span class="key"><span><svg viewBox="0 0 15 15"><path class="k" d="M0 8H15"/></svg>K</span>'
    '<span><svg viewBox="0 0 15 15"><path class="e" d="M0 8H15"/></svg>E</span></span>'
)


@dataclass(frozen=True, slots=True)
class Packed:
    """uPlot as it was packed with DITA.

    Attributes:
        script: Its program.
        style: Its style sheet.
        licence: The notice that goes with every copy.
    """

    script: str
    style: str
    licence: str


def as_html(result: ResultValues) -> str:
    """Return the page.

    Args:
        result: What the backtest came to.
    """
    return "\n".join(_page(result, packed())) + "\n"


def packed(folder: Path = _HERE / "vendor") -> Packed | None:
    """Return uPlot; None where it was not packed.

    Args:
        folder: Where its files are.
    """
    try:
        script, style, licence = (
            (folder / name).read_text(encoding="utf-8")
            for name in ("uPlot.iife.min.js", "uPlot.min.css", "uPlot.LICENSE")
        )
    except FileNotFoundError:
        return None
    return Packed(script, style, licence)


def _page(result: ResultValues, plots: Packed | None) -> Iterator[str]:
    yield '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield '<meta name="color-scheme" content="light dark">'
    yield f"<title>{safe(result.name)} \u00b7 backtest</title>"
    if plots:
        yield f"<style>/*! uPlot\n{plots.licence}*/\n{plots.style}</style>"
    yield f"<style>{_own('report.css')}</style>\n</head>\n<body>"
    yield from _header(result)
    yield "<main>"
    yield from _assumptions(result)
    yield from _equity(result, live=plots is not None)
    yield from _prices(result)
    yield from _plain(result)
    yield "</main>"
    seen = f"{result.events:,} events, {result.bars:,} bars of them; {result.fills:,} fills"
    yield f"<footer><p>Market: {seen}. Amounts in full are in report.json.</p></footer>"
    yield f'<script type="application/json" id="series">{embedded(result)}</script>'
    if plots:
        yield f"<script>{plots.script}</script>"
    yield f"<script>{_own('report.js')}</script>\n</body>\n</html>"


@cache
def _own(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


def _header(result: ResultValues) -> Iterator[str]:
    yield f'<header><div class="top"><div><h1>{safe(result.name)}</h1>'
    yield (
        f'<p class="facts"><span>Strategy <b>{safe(result.strategy)}</b></span>'
        f"<span><b>{safe(', '.join(result.symbols)) or NOTHING}</b></span>"
        f"<span>{moment(result.start_ns)} to {moment(result.end_ns)} UTC, "
        f"{duration(result.end_ns - result.start_ns)}</span>"
        f"<span>run_id <code>{safe(result.run_id)}</code></span></p>"
    )
    yield '</div><button type="button" id="theme" class="act" hidden>Dark</button></div>'
    if result.params:
        items = (
            f'<li><span class="soft">{safe(str(name))}</span>{safe(param_text(value))}</li>'
            for name, value in sorted(result.params.items())
        )
        yield f'<ul class="params" aria-label="Parameters">{"".join(items)}</ul>'
    if result.interrupted:
        yield '<p class="warn" role="note">The run was stopped before the end of its market.</p>'
    for error in result.errors:
        yield f'<p class="warn" role="note">{safe(error)}</p>'
    yield from _verdict(result)
    links = (f'<a href="#{key}">{title}</a>' for key, title in _SECTIONS)
    yield f'<nav aria-label="Sections">{"".join(links)}</nav></header>'


def _verdict(result: ResultValues) -> Iterator[str]:
    shown = {row.name: figure(row) for row in result.metrics.rows}
    get = shown.get
    gained, cagr = result.metrics.get("total_return"), result.metrics.get("cagr")
    last = result.equity[-1].equity if result.equity else result.final_k
    digits, asset = money_digits(result), safe(result.asset)
    gain = NOTHING if gained is None else toned(Decimal(gained), percent(Decimal(gained), sign=True))
    costs = total(
        *result.funding_by_symbol.values(), *(fee.copy_negate() for fee in result.fees_by_cause.values())
    )
    difference = apart(result)
    yield '<dl class="verdict">'
    yield _card("Total return", gain, f"now {fixed(last, digits)} {asset}")
    yield _card("CAGR", NOTHING if cagr is None else percent(Decimal(cagr), sign=True), "growth by the year")
    yield _card("Sharpe ratio", _short(get("sharpe")), f"Sortino {_short(get('sortino'))}")
    yield _card("Max drawdown", percent(result.drawdown_max), f"{_days(result)} below a peak at most")
    won = result.metrics.get("win_rate")
    yield _card(
        "Trades", f"{len(result.trades):,}", f"{NOTHING if won is None else percent(Decimal(won), 1)} won"
    )
    yield _card("Fees and funding", toned(costs, fixed(costs, digits, sign=True)), asset)
    agree = exact(difference, sign=True) if result.final_e is not None else NOTHING
    small = "no account reported" if result.final_e is None else asset if difference else "they agree"
    yield _card("E \u2212 K", f'<span class="small">{agree}</span>', small)
    yield "</dl>"


def _card(title: str, value: str, small: str) -> str:
    return f"<div><dt>{title}</dt><dd>{value}</dd><dd>{small}</dd></div>"


def _short(text: str | None) -> str:
    return NOTHING if text is None or text == NOTHING else text[:-2]


def _days(result: ResultValues) -> str:
    value = result.metrics.get("max_drawdown_duration")
    return NOTHING if value is None else duration(int(value)).partition(" ")[0]


def _assumptions(result: ResultValues) -> Iterator[str]:
    yield '<section id="assumptions"><h2>Assumptions</h2><dl class="assumed">'
    for name, text in result.stated:
        kind = ' class="unstated"' if text == NOT_STATED else ""
        yield f"<div{kind}><dt>{safe(name)}</dt><dd>{safe(text)}</dd></div>"
    yield "</dl></section>"


def _equity(result: ResultValues, *, live: bool) -> Iterator[str]:
    yield '<section id="equity"><div class="tools"><h2>Equity</h2>'
    yield (
        '<span class="soft hint" hidden>Drag to zoom, double-click for all of it; '
        "by keyboard: arrows, + and \u2212, 0</span>"
        if live
        else '<span class="soft">Still pictures: nothing is missing but the zooming.</span>'
    )
    yield '<button type="button" class="reset act" hidden>Show all</button></div>'
    deepest = f"deepest {percent(result.drawdown_max)}"
    yield _figure("equity", f"Equity, {safe(result.asset)}", pictures.equity(result, 300), 300)
    yield _figure(
        "drawdown", "Drawdown from the peak", pictures.drawdown(result, 150), 150, f' data-rest="{deepest}"'
    )
    yield "</section>"


def _prices(result: ResultValues) -> Iterator[str]:
    symbols = charted(result)
    there = [(at, symbol) for at, symbol in enumerate(symbols) if result.prices.get(symbol)]
    yield '<section id="prices"><div class="tools"><h2>Trades on price</h2>'
    if len(result.trades) > MARKED_MAX:
        yield f'<span class="soft">Marked: the first {MARKED_MAX:,} of {len(result.trades):,} trades.</span>'
    if len(there) > CHARTS_MAX:
        yield f'<span class="soft">The first {CHARTS_MAX} of {len(there)} symbols.</span>'
    yield '<button type="button" class="reset act" hidden>Show all</button></div>'
    for at, symbol in there[:CHARTS_MAX]:
        picture = pictures.prices(result, symbol, 280)
        yield _figure("price", safe(symbol), picture, 280, f' data-symbol="{at}"')
    yield _key() if there else '<p class="soft">No prices were kept.</p>'
    yield "</section>"


def _plain(result: ResultValues) -> Iterator[str]:
    yield '<section id="months"><h2>Returns by month, %</h2>'
    yield from tables.months(result)
    yield f'</section><section id="costs"><h2>Fees and funding, {safe(result.asset)}</h2>'
    yield from tables.costs(result)
    yield f'</section><section id="accounts"><h2>K and E, {safe(result.asset)}</h2>'
    yield '<p class="soft">K: what the wallet must hold by the kernel\'s ledger. E: what the venue says.</p>'
    yield _figure("accounts", _ACCOUNTS, pictures.accounts(result, 200), 200)
    yield from tables.accounts(result)
    yield '</section><section id="trades"><div class="tools"><h2>Trades</h2>'
    yield f'<span class="soft">{_summary(result)}</span></div>'
    yield from tables.trades(result)
    yield '</section><section id="metrics"><h2>Metrics and what they mean</h2>'
    yield from tables.metrics(result)
    yield "</section>"


def _summary(result: ResultValues) -> str:
    count, ambiguous = len(result.trades), sum(trade.ambiguous for trade in result.trades)
    text = f"The first {SHOWN_MAX} of {count:,} are shown" if count > SHOWN_MAX else f"{count:,} in all"
    if count > MARKED_MAX:
        text += f", sorted among the first {MARKED_MAX:,}"
    return f"{text}. {ambiguous:,} ambiguous{', marked with ?' if ambiguous else ''}."


def _figure(kind: str, title: str, picture: str, height: int, more: str = "") -> str:
    return (
        f'<figure data-chart="{kind}" data-height="{height}"{more}><figcaption><b>{title}</b>'
        f'<span class="readout"></span></figcaption><div class="plot">{picture}</div></figure>'
    )


def _key() -> str:
    marks = (
        (pictures.entry_mark(7, 2, long=True, won=True), "long entry"),
        (pictures.entry_mark(7, 13, long=False, won=True), "short entry"),
        (pictures.exit_mark(7, 8, won=True), "exit"),
    )
    shapes = "".join(f'<span><svg viewBox="0 0 15 15">{mark}</svg>{text}</span>' for mark, text in marks)
    return (
        f'<p class="key">{shapes}<span class="up">blue: the trade won</span>'
        '<span class="down">orange: it lost</span></p>'
    )

"""The page's tables. Whatever a user or a venue named is escaped."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from html import escape
from typing import Final

from dita.backtest.metrics import yearly_returns
from dita.backtest.page.series import SHOWN_MAX, money_digits, price_digits, size_digits
from dita.backtest.report import apart, differences, printable
from dita.backtest.values import ResultValues, Trade
from dita.backtest.wording import MONTHS, NOTHING, figure, fixed, moment, percent, total
from dita.chart import exact

# A month's colour is at its strongest from here on.
_STRONGEST: Final = Decimal("0.15")
_TRADE_COLUMNS: Final = (
    ("number", "#"), ("symbol", "Symbol"), ("side", "Side"), ("entry_time", "Entered, UTC"),
    ("exit_time", "Closed, UTC"), ("entry", "Entry"), ("exit", "Exit"), ("size", "Size"), ("net", "Net"),
    ("fees", "Fees"), ("funding", "Funding"), ("reason", "Reason"),
)  # fmt: skip


def safe(text: str) -> str:
    """Return a text of others for a page: escaped, with its control characters written as their numbers.

    Args:
        text: The text.
    """
    return escape(printable(text))


def toned(amount: Decimal, text: str) -> str:
    """Return a text in the colour of a gain or a loss.

    Args:
        amount: Whether it is a gain.
        text: Already escaped.
    """
    return f'<span class="{_tone(amount)}">{text}</span>' if amount else text


def months(result: ResultValues) -> Iterator[str]:
    """Return the returns by month as a heat map.

    Args:
        result: What the backtest came to.
    """
    years: dict[int, dict[int, Decimal | None]] = {}
    for year, month, gain in result.months:
        years.setdefault(year, {})[month] = gain
    totals = yearly_returns(result.capital, result.daily)
    heads = "".join(f'<th scope="col">{month}</th>' for month in (*MONTHS, "Year"))
    yield '<div class="scroll"><table class="heat">'
    yield f'<thead><tr><th scope="col"></th>{heads}</tr></thead><tbody>'
    for year, gains in years.items():
        cells = (_heat(gains[month]) if month in gains else "<td></td>" for month in range(1, 13))
        yield f'<tr><th scope="row">{year}</th>{"".join(cells)}{_heat(totals[year])}</tr>'
    yield "</tbody></table></div>"


def costs(result: ResultValues) -> Iterator[str]:
    """Return what the trades made before and after costs, and the costs by cause.

    Args:
        result: What the backtest came to.
    """
    fees = [(f"Fee: {cause}", amount.copy_negate()) for cause, amount in result.fees_by_cause.items()]
    funding = [(f"Funding: {symbol}", amount) for symbol, amount in result.funding_by_symbol.items()]
    gross = total(*(trade.gross_pnl for trade in result.trades))
    rows = [("Trades before costs", gross), *fees, *funding]
    last = ("Realised, after costs", total(*(amount for _, amount in rows)))
    yield from bars(rows, last, result)


def bars(
    rows: Sequence[tuple[str, Decimal]], last: tuple[str, Decimal], result: ResultValues
) -> Iterator[str]:
    """Return amounts with a bar each, and their sum.

    Args:
        rows: Name and amount.
        last: Name and amount of the sum.
        result: Whose amounts they are.
    """
    widest = max((abs(amount) for _, amount in (*rows, last)), default=Decimal(0)) or Decimal(1)
    digits = money_digits(result)
    yield '<div class="scroll"><table><tbody>'
    for at, (name, amount) in enumerate((*rows, last)):
        kind = ' class="sum"' if at == len(rows) else ""
        share = fixed(abs(amount) / widest * 100, 1)
        bar = f'<i class="{_tone(amount)}" style="width:{share}%"></i>' if amount else ""
        text = f'<span title="{exact(amount, sign=True)}">{fixed(amount, digits, sign=True)}</span>'
        yield (
            f'<tr{kind}><th scope="row" class="wrap">{safe(name)}</th><td>{toned(amount, text)}</td>'
            f'<td class="bar">{bar}</td></tr>'
        )
    yield "</tbody></table></div>"


def accounts(result: ResultValues) -> Iterator[str]:
    """Return K, E and the named parts of what lies between them, exactly.

    Args:
        result: What the backtest came to.
    """
    yield '<div class="scroll"><table><tbody>'
    yield _row("K, by the kernel's ledger", exact(result.final_k))
    if result.final_e is None:
        yield f"{_row('E, as the venue reports it', 'not reported')}</tbody></table></div>"
        return
    yield _row("E, as the venue reports it", exact(result.final_e))
    yield _row("E \u2212 K", exact(apart(result), sign=True), "sum")
    named = differences(result)
    for cause, amount in named:
        yield _row(cause, exact(amount, sign=True))
    yield "</tbody></table></div>"
    if not named:
        yield '<p class="soft">No difference: K and E agree to the last unit.</p>'


def trades(result: ResultValues) -> Iterator[str]:
    """Return the first trades, every cell of them as text.

    Args:
        result: What the backtest came to.
    """
    heads = "".join(f'<th scope="col" data-key="{key}">{name}</th>' for key, name in _TRADE_COLUMNS)
    yield '<div class="scroll tall" tabindex="0" role="region" aria-label="Trades">'
    yield f'<table id="trade-table"><thead><tr>{heads}</tr></thead><tbody>'
    prices, size, money = price_digits(result), size_digits(result.trades), money_digits(result)
    for trade in result.trades[:SHOWN_MAX]:
        yield _trade(trade, prices, size, money)
    yield "</tbody></table></div>"


def metrics(result: ResultValues) -> Iterator[str]:
    """Return every figure with its definition.

    Args:
        result: What the backtest came to.
    """
    yield '<table class="metrics"><thead><tr><th class="l" scope="col">Figure</th><th scope="col">Value</th>'
    yield '<th class="l" scope="col">Definition</th></tr></thead><tbody>'
    for row in result.metrics.rows:
        unit = (
            f' <span class="soft">{safe(result.asset)}</span>'
            if row.unit == "money" and row.value is not None
            else ""
        )
        yield (
            f'<tr><th scope="row">{escape(row.title)}</th><td>{figure(row)}{unit}</td>'
            f"<td>{escape(row.definition)}</td></tr>"
        )
    yield "</tbody></table>"


def _trade(trade: Trade, prices: Mapping[str, int], size: int, money: int) -> str:
    digits = prices[trade.symbol]
    net = fixed(trade.pnl, money, sign=True)
    tag = "<span class=tag title=ambiguous>?</span>" if trade.ambiguous else ""
    before = (
        f"{trade.number}{tag}",
        safe(trade.symbol),
        safe(trade.side),
        moment(trade.entry_time_ns),
        moment(trade.exit_time_ns),
        fixed(trade.entry_price, digits),
        NOTHING if trade.exit_price is None else fixed(trade.exit_price, digits),
        fixed(trade.size, size),
    )
    after = (fixed(trade.fees, money), fixed(trade.funding, money, sign=True), safe(trade.reason))
    tone = f' class="{_tone(trade.pnl)}"' if trade.pnl else ""
    return f"<tr><td>{'<td>'.join(before)}<td{tone}>{net}<td>{'<td>'.join(after)}</tr>"


def _heat(gain: Decimal | None) -> str:
    if gain is None:
        return f"<td>{NOTHING}</td>"
    heat = (
        fixed(min(Decimal(1), abs(gain) / _STRONGEST) * Decimal("0.5") + Decimal("0.06"), 3) if gain else "0"
    )
    text = percent(gain, sign=True).removesuffix("\u202f%")
    return f'<td class="{_tone(gain)}" style="--heat:{heat}">{text}</td>'


def _row(name: str, text: str, kind: str = "") -> str:
    mark = f' class="{kind}"' if kind else ""
    return f'<tr{mark}><th scope="row" class="wrap">{safe(name)}</th><td>{text}</td></tr>'


def _tone(amount: Decimal) -> str:
    return "up" if amount > 0 else "down" if amount < 0 else ""

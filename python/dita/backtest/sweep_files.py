"""What a sweep leaves behind: a table as CSV (and Parquet), a heat map, and one page."""

import csv
import io
import json
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any, Final

from dita.backtest.definitions import MetricsSettings, definitions
from dita.backtest.heat import Heat, as_svg, title_of, value_text
from dita.backtest.rows import Row
from dita.backtest.sweep import SweepResult

PAGE_ROWS_MAX: Final = 200
# What a person looks at first; the file has every figure.
COLUMNS: Final = ("sharpe", "total_return", "max_drawdown", "trades", "profit_factor", "final_k")
_METRICS: Final = tuple(name for name, *_ in definitions(MetricsSettings()))
_CSS: Final = Path(__file__).resolve().parent / "page" / "report.css"
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"


def columns_of(by: str) -> tuple[str, ...]:
    """Return the figures that a table shows, the one that it is sorted by first.

    Args:
        by: The figure that the table is sorted by.
    """
    return (by, *(name for name in COLUMNS if name != by))


def to_dict(result: SweepResult) -> dict[str, Any]:
    """Return a sweep for JSON: figures as exact text.

    Args:
        result: The result.
    """
    tries = result.tries
    return {
        "strategy": result.strategy,
        "names": list(result.names),
        "by": result.by,
        "planned": result.planned,
        "interrupted": result.interrupted,
        "refused": dict(result.refused),
        "rows": [row.to_dict() for row in result.rows],
        "tries": {
            "tries": tries.tries,
            "earlier": tries.earlier,
            "best_sharpe": tries.best,
            "best_sharpe_by_chance": tries.by_chance,
            "deflated_sharpe_probability": tries.probability,
            "text": tries.text(),
        },
    }


def save(result: SweepResult, directory: Path, heat: Heat | None) -> list[Path]:
    """Write sweep.csv, sweep.html, heatmap.svg where two parameters vary, sweep.parquet where pyarrow is.

    Args:
        result: The sweep.
        directory: Where; it is made if it is not there.
        heat: Its heat map.

    Returns:
        The files.

    Raises:
        OSError: They cannot be written.
    """
    directory.mkdir(parents=True, exist_ok=True)
    contents = {"sweep.csv": as_csv(result), "sweep.html": as_html(result, heat)}
    if heat is not None:
        contents["heatmap.svg"] = as_svg(heat)
    written = []
    for name, content in contents.items():
        (directory / name).write_text(content, encoding="utf-8", newline="")
        written.append(directory / name)
    return [*written, *_parquet(result, directory)]


def _header(result: SweepResult) -> list[str]:
    return [*(f"param.{name}" for name in result.names), *_METRICS, "final_k", "run_id", "error"]


def _line(result: SweepResult, row: Row) -> list[str | None]:
    params = [_plain(row.params[name]) for name in result.names]
    return [*params, *(row.metrics.get(name) for name in _METRICS), row.final_k, row.run_id, row.error]


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def as_csv(result: SweepResult) -> str:
    """Return the table: a line for each run, figures as exact text, nothing where one is not defined.

    Args:
        result: The sweep.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_header(result))
    writer.writerows(_line(result, row) for row in result.rows)
    return text.getvalue()


def _parquet(result: SweepResult, directory: Path) -> list[Path]:
    """Write the same table, every column as text; nothing where pyarrow is not installed."""
    try:
        import pyarrow as pa  # type: ignore[import-untyped,unused-ignore] # noqa: PLC0415 - an extra
        from pyarrow import parquet  # noqa: PLC0415 - the same
    except ImportError:
        return []
    lines = [_line(result, row) for row in result.rows]
    columns = {
        name: pa.array([line[place] for line in lines], type=pa.string())
        for place, name in enumerate(_header(result))
    }
    place = directory / "sweep.parquet"
    parquet.write_table(pa.table(columns), place)
    return [place]


def as_html(result: SweepResult, heat: Heat | None) -> str:
    """Return the page: nothing in it is fetched, nothing in it runs.

    Args:
        result: The sweep.
        heat: Its heat map.
    """
    return "\n".join(_page(result, heat)) + "\n"


def _page(result: SweepResult, heat: Heat | None) -> Iterator[str]:
    title = escape(f"{result.strategy}: {len(result.rows):,} runs")
    yield '<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{title}</title>\n<style>{_CSS.read_text(encoding='utf-8')}</style></head>\n<body>"
    yield f"<header><h1>{title}</h1><p>Sorted by {escape(title_of(result.by))}.</p></header>\n<main>"
    yield f'<p class="warn">{escape(result.tries.text())}</p>'
    if result.interrupted:
        yield f'<p class="warn">Interrupted: {len(result.rows):,} of {result.planned:,} runs are here.</p>'
    if heat is not None:
        yield f"<section><h2>{escape(heat.title)}</h2>\n{as_svg(heat)}</section>"
    yield "<section><h2>Runs</h2>"
    yield from _table(result)
    yield "</section>"
    if result.refused:
        yield "<section><h2>Refused by the strategy</h2><ul>"
        yield from (f"<li>{count:,}: {escape(reason)}</li>" for reason, count in result.refused.items())
        yield "</ul></section>"
    yield "</main>\n</body>\n</html>"


def _table(result: SweepResult) -> Iterator[str]:
    columns = columns_of(result.by)
    heads = [*result.names, *(title_of(name) for name in columns), "Error"]
    yield (
        "<table><thead><tr>" + "".join(f"<th>{escape(head)}</th>" for head in heads) + "</tr></thead><tbody>"
    )
    for row in result.rows[:PAGE_ROWS_MAX]:
        texts = [
            *(_plain(row.params[name]) for name in result.names),
            *(value_text(row, name) for name in columns),
            row.error or "",
        ]
        yield "<tr>" + "".join(f"<td>{escape(text)}</td>" for text in texts) + "</tr>"
    yield "</tbody></table>"
    if len(result.rows) > PAGE_ROWS_MAX:
        yield f"<p>The first {PAGE_ROWS_MAX} of {len(result.rows):,}; sweep.csv has all.</p>"

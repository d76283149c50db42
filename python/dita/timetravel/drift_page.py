"""The drift's picture as a page of its own: nothing in it is fetched, nothing in it runs."""

from collections.abc import Iterator, Sequence
from html import escape
from typing import Final

from dita.chart import clock, exact
from dita.timetravel.drift_chart import Drift, Part, as_svg, thinned
from dita.timetravel.drift_phone import PhonePicture

ROWS_MAX: Final = 200

_STYLE: Final = """
body{margin:2rem auto;max-width:1180px;padding:0 1rem;font:15px/1.5 ui-sans-serif,system-ui,Arial,sans-serif;
color:#1c2733;background:#f4f6f8}svg{max-width:100%;height:auto}h1{font-size:1.3rem}
table{border-collapse:collapse;margin:.6rem 0 1.4rem}td,th{padding:.2rem .8rem;text-align:left;
border-bottom:1px solid #d8dee4}.scrolls{overflow-x:auto}svg.phone{display:none}
@media(max-width:760px){body{margin:.8rem auto;padding:0 .6rem}svg.wide{display:none}
svg.phone{display:block;width:100%;max-width:480px}td,th{padding:.2rem .5rem}}
td.n{text-align:right;font-variant-numeric:tabular-nums}
@media(prefers-color-scheme:dark){body{color:#d5dde5;background:#0c1014}td,th{border-color:#2a343e}}
"""


def as_html(drift: Drift) -> str:
    """Return the page.

    Args:
        drift: The run.
    """
    return "\n".join([*_lines(drift), ""])


def _lines(drift: Drift) -> Iterator[str]:
    last, title = drift.samples[-1], escape(drift.title)
    yield '<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">'
    yield f"<title>{title}</title>\n<style>{_STYLE}</style></head>\n<body>"
    yield f"<h1>{title}</h1>"
    reported = "not reported yet" if last.e is None else exact(last.e)
    yield (
        f"<p>At the end K is <b>{exact(last.k)}</b> {escape(drift.asset)} and E is <b>{reported}</b>: "
        f"E \u2212 K = <b>{exact(last.delta, sign=True)}</b>, status {escape(last.status)}.</p>"
    )
    yield as_svg(drift).rstrip("\n")
    yield from PhonePicture(drift).lines()
    yield "<h2>The parts at the end</h2>"
    yield from _parts(last.parts)
    yield from _samples(drift)
    yield "</body>\n</html>"


def _parts(parts: Sequence[Part]) -> Iterator[str]:
    if not parts:
        yield "<p>None: K and E agree to the last unit.</p>"
        return
    yield '<div class="scrolls"><table><tr><th>cause</th><th>amount</th><th>proof</th></tr>'
    for part in parts:
        yield (
            f'<tr><td>{escape(part.cause)}</td><td class="n">{exact(part.amount, sign=True)}</td>'
            f"<td>{escape(part.proof)}</td></tr>"
        )
    yield "</table></div>"


def _samples(drift: Drift) -> Iterator[str]:
    samples = thinned(drift.samples)
    shown = samples[-ROWS_MAX:]
    left_out = f", the last {ROWS_MAX} of {len(samples)}" if len(samples) > ROWS_MAX else ""
    yield f"<details><summary>Every change{left_out}</summary>"
    yield '<div class="scrolls"><table><tr><th>time, UTC</th><th>K</th><th>E</th><th>E \u2212 K</th>'
    yield "<th>status</th><th>parts</th></tr>"
    for sample in shown:
        parts = ", ".join(
            f"{part.cause} {exact(part.amount, sign=True)} ({part.proof.lower()})" for part in sample.parts
        )
        reported = "" if sample.e is None else exact(sample.e)
        yield (
            f'<tr><td>{clock(sample.ts_ns)}</td><td class="n">{exact(sample.k)}</td>'
            f'<td class="n">{reported}</td>'
            f'<td class="n">{exact(sample.delta, sign=True)}</td><td>{escape(sample.status)}</td>'
            f"<td>{escape(parts)}</td></tr>"
        )
    yield "</table></div></details>"

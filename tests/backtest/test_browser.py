"""The page in a real browser: its charts are drawn, its buttons work, and it has nothing to complain about.

A second script drives it, as a person would; it stands in a copy of the page, where the policy lets it run.
"""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from backtest_sample import sample
from dita.backtest import page

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
BROWSER = next((found for found in map(shutil.which, NAMES) if found), None)
LIGHT, DARK = "preferredColorScheme=1", "preferredColorScheme=0"

pytestmark = [
    pytest.mark.skipif(BROWSER is None, reason="no Chromium was found on the path"),
    pytest.mark.xdist_group("browser"),
]
needs_uplot = pytest.mark.skipif(page.packed() is None, reason="uPlot is not packed: run `make web`")

# What is asked of the page, and written into it, for --dump-dom to show.
ASK = """
const seen = {};
const lit = (figure) => {
  const canvas = figure.querySelector("canvas");
  if (!canvas) return -1;
  const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  const tones = new Set();
  let drawn = 0;
  for (let at = 0; at < pixels.length; at += 4) {
    if (pixels[at + 3] > 200) { drawn++; tones.add(`${pixels[at]},${pixels[at + 1]},${pixels[at + 2]}`); }
  }
  return tones.size > 1 ? drawn : 0;
};
const rows = () => [...document.querySelectorAll("#trade-table tbody tr")];
const text = () => rows().map((row) => row.innerText.split("\\t"));
setTimeout(() => {
  seen.lit = [...document.querySelectorAll("figure")].map(lit);
  seen.paper = getComputedStyle(document.body).backgroundColor;
  seen.stills = document.querySelectorAll(".plot > svg").length;
  seen.wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  const first = text();
  document.getElementById("theme").click();
  seen.other = getComputedStyle(document.body).backgroundColor;
  const press = (name) => document.querySelector(`#trade-table th[data-key=${name}] button`).click();
  press("net");
  seen.worst = text()[0][8];
  press("net");
  seen.best = text()[0][8];
  press("number");
  seen.as_before = JSON.stringify(text()) === JSON.stringify(first);
  const figure = document.querySelector("figure");
  figure.focus();
  seen.focused = document.activeElement === figure;
  const key = (name) => figure.dispatchEvent(new KeyboardEvent("keydown", { key: name, cancelable: true }));
  key("End");
  setTimeout(() => {
    seen.lit_again = [...document.querySelectorAll("figure")].map(lit);
    seen.readout = figure.querySelector(".readout").textContent;
    key("+");
    seen.zoomed = !document.querySelector("button.reset").hidden;
    key("0");
    seen.whole = document.querySelector("button.reset").hidden;
    document.body.insertAdjacentHTML("beforeend", "<pre id=seen></pre>");
    document.getElementById("seen").textContent = `SEEN${JSON.stringify(seen)}NEES`;
  }, 300);
}, 500);
"""


def browse(
    tmp_path: Path, html: str, *, scheme: str = LIGHT, width: int = 1280
) -> tuple[dict[str, Any], list[str]]:
    """Return what the page was seen to be, and what the browser's console says."""
    place = tmp_path / "report.html"
    place.write_text(html.replace("</body>", f"<script>{ASK}</script></body>"), encoding="utf-8")
    assert BROWSER is not None
    done = subprocess.run(
        [
            BROWSER, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
            "--no-first-run", f"--user-data-dir={tmp_path / 'profile'}", f"--window-size={width},1000",
            f"--blink-settings={scheme}", "--enable-logging=stderr", "--log-level=0",
            "--virtual-time-budget=5000", "--dump-dom", place.as_uri(),
        ],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    found = re.search(r"SEEN(\{.*\})NEES", done.stdout)
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    assert found, console
    return json.loads(found.group(1)), console


@needs_uplot
@pytest.mark.parametrize("scheme", [LIGHT, DARK])
def test_every_chart_is_drawn_in_either_theme_without_a_complaint(tmp_path: Path, scheme: str) -> None:
    result = sample(days=200)
    seen, console = browse(tmp_path, result.report_html(), scheme=scheme)
    assert console == []
    assert seen["stills"] == 0
    assert len(seen["lit"]) == 5
    assert min(seen["lit"]) > 500
    assert min(seen["lit_again"]) > 500
    light, dark = ("paper", "other") if scheme == LIGHT else ("other", "paper")
    assert (seen[light], seen[dark]) == ("rgb(245, 246, 248)", "rgb(14, 19, 24)")
    assert seen["wide"] <= 0


@needs_uplot
def test_the_keyboard_reads_zooms_and_goes_back(tmp_path: Path) -> None:
    result = sample(days=200)
    seen, _ = browse(tmp_path, result.report_html())
    assert seen["focused"]
    assert seen["readout"].endswith(f"{result.equity[-1].equity:,.2f}")
    assert (seen["zoomed"], seen["whole"]) == (True, True)


def test_trades_are_sorted_among_all_of_them_and_written_as_before(tmp_path: Path) -> None:
    result = sample(days=400, hold=(2, 12), rest=(1, 4))
    assert len(result.trades) > 600
    seen, console = browse(tmp_path, result.report_html())
    assert console == []
    worst, best = (pick(trade.pnl for trade in result.trades) for pick in (min, max))
    assert seen["worst"] == f"{worst:,.2f}".replace("-", "\u2212")
    assert seen["best"] == f"+{best:,.2f}"
    assert seen["as_before"]


def test_without_uplot_the_page_is_whole_and_quiet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "packed", lambda: None)
    seen, console = browse(tmp_path, sample(days=100).report_html())
    assert console == []
    assert seen["stills"] == 5
    assert seen["as_before"]


@pytest.mark.parametrize("width", [500, 800])
def test_a_narrow_window_needs_no_scrolling_sideways(tmp_path: Path, width: int) -> None:
    seen, _ = browse(tmp_path, sample(days=100).report_html(), width=width)
    assert seen["wide"] <= 0

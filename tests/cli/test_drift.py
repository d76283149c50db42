"""`dita drift`: what the picture shows is what the kernel said."""

import re
import xml.etree.ElementTree as ET
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dita.certify.planted_drift import planted
from dita.chart import exact
from dita.cli import main
from dita.timetravel.drift_chart import SAMPLES_MAX, Drift, Part, Sample, as_svg, thinned
from dita.timetravel.drift_page import as_html
from logged import busy

SVG = "{http://www.w3.org/2000/svg}"
MINUTE_NS = 60_000_000_000


def parsed(text: str) -> ET.Element:
    """A picture as XML."""
    return ET.fromstring(text)  # noqa: S314 - our own text


def bars(picture: ET.Element, key: str) -> list[ET.Element]:
    """The waterfall's bars that carry a figure."""
    return [bar for bar in picture.iter(f"{SVG}rect") if bar.get(key) is not None]


def texts(picture: ET.Element) -> list[str]:
    """Every text in a picture."""
    return [text.text or "" for text in picture.iter(f"{SVG}text")]


@pytest.fixture(scope="module")
def story() -> tuple[Drift, dict[str, Any]]:
    """The planted differences, and the kernel's account at their end."""
    return planted()


def test_the_planted_story_ends_apart_and_meets_in_between(story: tuple[Drift, dict[str, Any]]) -> None:
    drift, account = story
    deltas = [sample.delta for sample in drift.samples]
    assert deltas[0] == 0
    assert deltas[-1] == account["reconcile_delta"] != 0
    assert {sample.status for sample in drift.samples} == {"OK", "WARN", "ERROR"}
    # Late settlement, late funding, late frame, late transfer: each is over before the next begins.
    for _, (began, _), (after, _) in zip(range(4), drift.notes, drift.notes[1:], strict=False):
        within = [sample.delta for sample in drift.samples if began <= sample.ts_ns < after]
        assert any(within)
        assert within[-1] == 0


def test_the_kernel_names_what_was_planted(story: tuple[Drift, dict[str, Any]]) -> None:
    drift, account = story
    # The rebate; the last fill's profit less its fee; and what nobody says: 1.21 of fee, 4.20 by another.
    assert {part["cause"]: (part["amount"], part["proof"]) for part in account["reconcile_causes"]} == {
        "REBATE": (Decimal("-2.75"), "PROVEN"),
        "FILL_IN_FLIGHT": (Decimal("-13.393"), "PROVEN"),
        "UNEXPLAINED": (Decimal("-5.41"), "PROVEN"),
    }
    by_episode = [
        {
            (part.cause, part.proof)
            for sample in drift.samples
            if began <= sample.ts_ns < after
            for part in sample.parts
        }
        for (began, _), (after, _) in zip(drift.notes, drift.notes[1:], strict=False)
    ]
    assert ("FEE_NOT_SETTLED", "PRESUMED") in by_episode[0]
    assert by_episode[1] == {("UNEXPLAINED", "PROVEN")}, "before its record nobody knows that it is funding"
    assert ("FILL_IN_FLIGHT", "PROVEN") in by_episode[2]
    assert by_episode[3] == {("UNEXPLAINED", "PROVEN")}, "nor that it is a transfer"


def test_the_waterfall_is_the_kernels_account(story: tuple[Drift, dict[str, Any]]) -> None:
    drift, account = story
    picture = parsed(as_svg(drift))
    (k,), (e,) = bars(picture, "data-k"), bars(picture, "data-e")
    assert Decimal(k.get("data-k", "")) == account["k_capital"]
    assert Decimal(e.get("data-e", "")) == account["e_wallet_balance"]
    drawn = [
        (bar.get("data-cause"), Decimal(bar.get("data-amount", "")), bar.get("data-proof"))
        for bar in bars(picture, "data-cause")
    ]
    reported = [(part["cause"], part["amount"], part["proof"]) for part in account["reconcile_causes"]]
    assert sorted(drawn, key=str) == sorted(reported, key=str)
    assert reported, "a story without a difference shows nothing"


def test_the_parts_lead_from_k_to_e(story: tuple[Drift, dict[str, Any]]) -> None:
    picture = parsed(as_svg(story[0]))
    k = Decimal(bars(picture, "data-k")[0].get("data-k", ""))
    e = Decimal(bars(picture, "data-e")[0].get("data-e", ""))
    parts = [bar for bar in bars(picture, "data-cause") if "presumed" not in bar.get("class", "")]
    assert k + sum(Decimal(bar.get("data-amount", "")) for bar in parts) == e


def test_every_sample_adds_up(story: tuple[Drift, dict[str, Any]]) -> None:
    for sample in story[0].samples:
        assert sum((part.amount for part in sample.proven), Decimal(0)) == sample.delta, sample


def test_every_figure_is_written_in_full(story: tuple[Drift, dict[str, Any]]) -> None:
    drift, account = story
    written = texts(parsed(as_svg(drift)))
    assert exact(account["k_capital"]) in written
    assert exact(account["e_wallet_balance"]) in written
    for part in account["reconcile_causes"]:
        assert exact(part["amount"], sign=True) in written
        assert part["cause"] in written or f"{part['cause']}, presumed" in written


def test_what_was_planted_is_said_and_numbered(story: tuple[Drift, dict[str, Any]]) -> None:
    drift, _ = story
    written = texts(parsed(as_svg(drift)))
    assert written[0] == drift.title
    assert "Planted" in drift.title
    for number, (_, note) in enumerate(drift.notes, 1):
        assert str(number) in written
        assert any(line.startswith(f"{number}. ") and line.endswith(note) for line in written)


@pytest.mark.parametrize(
    ("amount", "plain", "signed"),
    [
        ("0",         "0",           "0"),
        ("0.00",      "0",           "0"),
        ("1E+4",      "10,000",      "+10,000"),
        ("-1.50",     "\u22121.5",   "\u22121.5"),
        ("1234.5678", "1,234.5678",  "+1,234.5678"),
        ("1E-18",     "0.000000000000000001", "+0.000000000000000001"),
    ],
)  # fmt: skip
def test_amounts_are_exact(amount: str, plain: str, signed: str) -> None:
    assert exact(Decimal(amount)) == plain
    assert exact(Decimal(amount), sign=True) == signed


def moment(minute: int, k: str, e: str | None, *parts: Part) -> Sample:
    """A sample by hand."""
    return Sample(minute * MINUTE_NS, Decimal(k), None if e is None else Decimal(e), "OK", parts)


PROVEN_AND_SUPPOSED = (
    Part("UNEXPLAINED", Decimal(-3), "PROVEN"),
    Part("FUNDING_NOT_BOOKED", Decimal(-2), "PRESUMED"),
    Part("TRANSFER", Decimal(8), "PROVEN"),
)


@pytest.mark.parametrize(
    ("name", "samples"),
    [
        ("one moment",                [moment(0, "100", "100")]),
        ("no frame yet",              [moment(0, "100", None), moment(1, "99", None)]),
        ("no capital",                [moment(0, "0", "0")]),
        ("k and e agree",             [moment(0, "100", "100"), moment(9, "101", "101")]),
        ("proven, supposed, unknown", [moment(0, "100", "100"), moment(9, "9", "14", *PROVEN_AND_SUPPOSED)]),
        ("a year",                    [moment(0, "100", "100"), moment(525_600, "1000000", "1000000")]),
        ("a second",                  [moment(0, "1", "1"), Sample(10**9, Decimal(2), Decimal(2), "OK", ())]),
    ],
)  # fmt: skip
def test_any_run_can_be_drawn(name: str, samples: list[Sample]) -> None:
    drift = Drift(f"<{name}> & more", "USDT", samples)
    picture = parsed(as_svg(drift))
    assert texts(picture)[0] == drift.title
    for shape in picture.iter():
        for place in ("x", "y", "width", "height", "cx", "cy"):
            number = float(shape.get(place, "0"))
            assert -1 <= number <= 1200, (place, ET.tostring(shape))
    assert "<svg" in as_html(drift)


def test_every_cause_of_the_kernels_finds_room() -> None:
    names = re.findall(
        r"^\| `(\w+)` \|",
        (Path(__file__).resolve().parents[2] / "docs/reference/api/names.md")
        .read_text(encoding="utf-8")
        .split("## DriftCause")[1]
        .split("## ")[0],
        re.MULTILINE,
    )
    assert "FUNDING_NOT_BOOKED" in names
    parts = tuple(Part(name, Decimal(number + 1), "PROVEN") for number, name in enumerate(names))
    k, e = Decimal(100), Decimal(100) + sum(part.amount for part in parts)
    samples = [moment(0, "100", "100"), Sample(MINUTE_NS, k, e, "WARN", parts)]
    picture = parsed(as_svg(Drift("t", "USDT", samples)))
    written = texts(picture)
    assert [name for name in names if name not in written] == []
    assert len(bars(picture, "data-cause")) == len(names)
    ends = [float(bar.get("x", "")) + float(bar.get("width", "")) for bar in bars(picture, "data-cause")]
    assert max(ends) < 1130


def test_a_hypothesis_is_drawn_apart_and_in_no_sum() -> None:
    samples = [moment(0, "100", "100"), moment(9, "100", "105", *PROVEN_AND_SUPPOSED)]
    picture = parsed(as_svg(Drift("t", "USDT", samples)))
    supposed = [
        bar.get("data-cause") for bar in bars(picture, "data-cause") if "presumed" in bar.get("class", "")
    ]
    assert supposed == ["FUNDING_NOT_BOOKED"]
    assert [part.cause for part in samples[1].proven] == ["TRANSFER", "UNEXPLAINED"]


def test_a_long_run_is_thinned_but_keeps_its_widest_difference() -> None:
    samples = [moment(at, "100", "100" if at % 2 else str(100 + at % 89)) for at in range(50_000)]
    samples[31_337] = moment(31_337, "100", "900")
    kept = thinned(samples)
    assert len(kept) <= SAMPLES_MAX
    assert (kept[0], kept[-1]) == (samples[0], samples[-1])
    assert samples[31_337] in kept
    assert kept == sorted(kept, key=lambda sample: sample.ts_ns)


def test_the_page_stands_alone(story: tuple[Drift, dict[str, Any]]) -> None:
    page = as_html(story[0])
    assert "prefers-color-scheme:dark" in page
    assert "<script" not in page
    links = re.findall(r"(?:https?:)?//[^\"' <]+", page)
    assert set(links) == {"http://www.w3.org/2000/svg"}, "a name of a format, not an address that is fetched"


def test_the_command_writes_both_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    html, svg = tmp_path / "d.html", tmp_path / "d.svg"
    assert main(["drift", "--planted", "--html", str(html), "--svg", str(svg)]) == 0
    assert parsed(svg.read_text(encoding="utf-8")).tag == f"{SVG}svg"
    assert svg.read_text(encoding="utf-8").strip() in html.read_text(encoding="utf-8")
    printed = capsys.readouterr().out
    assert f"wrote {html}" in printed
    assert "UNEXPLAINED" in printed


def test_a_replay_on_the_paper_venue_ends_without_a_difference(tmp_path: Path) -> None:
    svg = tmp_path / "d.svg"
    assert main(["drift", "--demo", "--max-trades", "5", "--svg", str(svg)]) == 0
    picture = parsed(svg.read_text(encoding="utf-8"))
    assert bars(picture, "data-k")[0].get("data-k") == bars(picture, "data-e")[0].get("data-e")
    assert bars(picture, "data-cause") == []
    assert "5 trades" in texts(picture)[0]


def test_an_own_log_is_drawn_as_its_kernel_stands_at_the_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    desk = busy(tmp_path / "main")
    frame = {"kind": "ACCOUNT_UPDATE", "timestamp": desk.now_ns, "asset": "USDT", "wallet_balance": "9990.5"}
    desk.kernel.on_account_event(frame)
    desk.kernel.sync()
    html, svg = tmp_path / "d.html", tmp_path / "d.svg"
    # Beside the kernel that has the log open.
    assert main(["drift", "--log", str(desk.log_dir), "--html", str(html), "--svg", str(svg)]) == 0
    picture = parsed(svg.read_text(encoding="utf-8"))
    account = desk.kernel.account.state()
    assert Decimal(bars(picture, "data-k")[0].get("data-k", "")) == account["k_capital"]
    assert Decimal(bars(picture, "data-e")[0].get("data-e", "")) == Decimal("9990.5")
    assert "2023-11-14, times UTC" in texts(picture)
    assert f"main, {desk.kernel.seq:,} inputs" in capsys.readouterr().out
    until = str(desk.kernel.seq - 1)
    desk.kernel.close()

    # Before that frame they agreed.
    assert main(["drift", "--log", str(desk.log_dir), "--until", until, "--svg", str(svg)]) == 0
    assert bars(parsed(svg.read_text(encoding="utf-8")), "data-cause") == []

    assert main(["drift", "--log", str(desk.log_dir), "--asset", "EUR", "--svg", str(svg)]) == 1
    assert "no account in 'EUR': it has USDT" in capsys.readouterr().err


def test_a_phone_gets_a_picture_of_its_width_with_the_same_figures(
    story: tuple[Drift, dict[str, Any]],
) -> None:
    drift, account = story
    page = as_html(drift)
    picture = parsed(
        page[page.index('<svg xmlns="http://www.w3.org/2000/svg" class="phone"') :].split("</svg>")[0]
        + "</svg>"
    )
    assert int(picture.get("width", "")) <= 390 - 2 * 10
    for text in picture.iter(f"{SVG}text"):
        # Some 7 units a letter at 12 pixels: the longest lines end within the paper.
        wide = 6.6 * len(text.text or "")
        begin = float(text.get("x", "0")) - (wide if "r" in (text.get("class") or "").split() else 0)
        assert begin >= -1, text.text
        assert begin + wide <= 400 or "m" in (text.get("class") or "").split(), text.text
    reported = sorted((part["cause"], part["amount"]) for part in account["reconcile_causes"])
    drawn = bars(picture, "data-cause")
    assert sorted((bar.get("data-cause"), Decimal(bar.get("data-amount", ""))) for bar in drawn) == reported
    assert "svg.wide{display:none}" in page


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--planted"],                                   "add --html"),
        (["--planted", "--html", "{here}/no/such.html"],  "cannot be written"),
        (["--log", "{here}/none", "--html", "{here}/x.html"], "is no directory"),
        (["--planted", "--asset", "USDT", "--html", "{here}/x.html"], "--asset goes with --log DIR only"),
        (["--data", "{here}/none.csv", "--html", "{here}/x.html"], "No such file"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_says_what_to_do(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["drift", *(word.format(here=tmp_path) for word in arguments)]) == 1
    printed = capsys.readouterr()
    assert printed.err.startswith("dita drift: ")
    assert message in printed.err
    assert printed.err.count("\n") == 1

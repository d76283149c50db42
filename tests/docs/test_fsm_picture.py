"""The picture of the state machine says what the transition table says: all of it, and nothing else."""

import xml.etree.ElementTree as ET
from pathlib import Path

from dita import TradeStage, transition_table

PICTURE = Path(__file__).resolve().parents[2] / "docs" / "assets" / "fsm.svg"
SVG = "{http://www.w3.org/2000/svg}"
GROUPS = {
    "VENUE": ("ORDER_SENT", "ENTRY_WORKING"),
    "ENTERING": ("ORDER_REQUESTED", "ORDER_SENT", "ENTRY_WORKING"),
    "EXITING": ("EXIT_SENT", "EXIT_WORKING"),
}


def drawn() -> ET.Element:
    """The picture, as XML."""
    return ET.fromstring(PICTURE.read_text(encoding="utf-8"))  # noqa: S314 - our own file


def test_every_stage_stands_in_it_once() -> None:
    stages = [
        group.findtext(f"{SVG}text") for group in drawn().iter(f"{SVG}g") if "stage" in group.get("class", "")
    ]
    assert sorted(stages, key=str) == sorted(str(stage) for stage in TradeStage)


def test_its_arrows_are_the_tables() -> None:
    arrows = [
        (start, group.get("data-to"), symbol)
        for group in drawn().iter(f"{SVG}g")
        if group.get("data-from") is not None
        for start in GROUPS.get(group.get("data-from", ""), (group.get("data-from"),))
        for symbol in group.get("data-symbols", "").split()
    ]
    table = {
        (str(stage), str(target), symbol)
        for stage, symbol, verdict, target, _rule in transition_table()
        if verdict == "GO" and target != stage
    }
    assert len(arrows) == len(set(arrows))
    assert set(arrows) == table


def test_every_symbol_of_an_arrow_can_be_read() -> None:
    picture = drawn()
    words = {
        word for text in picture.iter(f"{SVG}text") for word in (text.text or "").replace(",", " ").split()
    }
    symbols = {
        symbol for group in picture.iter(f"{SVG}g") for symbol in group.get("data-symbols", "").split()
    }
    assert len(symbols) > 15
    assert symbols <= words

"""The layout that docs/reference/zinc.md gives to readers in other languages, read by it alone."""

import mmap
import struct
from decimal import Decimal
from pathlib import Path
from typing import Any

from dita import MockVenueAdapter, SharedMemoryZincPlane, ZincReader
from kernels import ENTER, EXIT, ack, fill, intent, opened

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "zinc.md"


def tables() -> dict[str, list[tuple[str, str, str]]]:
    """The page's fields: of a slot and of an order, each with its value and its place."""
    found: dict[str, list[tuple[str, str, str]]] = {}
    name = ""
    for line in PAGE.read_text().splitlines():
        if line.startswith("A slot's record"):
            name = "slot"
        elif line.startswith("An `order`;"):
            name = "order"
        elif line.startswith("An `amend`"):
            name = ""
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if name and len(cells) >= 2 and cells[1].startswith("`"):
            found.setdefault(name, []).append((cells[0].strip("`"), cells[1].strip("`"), "".join(cells[2:])))
    found["amend"] = [
        ("size", "decimal", ""),
        ("limit_price", "decimal?", ""),
        ("trigger_price", "decimal?", ""),
    ]
    found["amend"].append(("request_id", "id", ""))
    found["exit"] = [
        ("kind", "name", ""),
        *((one, "decimal?", "") for one in ("trigger_price", "offset", "limit_price")),
    ]
    found["exit"] += [("ratio", "decimal", ""), ("trigger_by", "name", "")]
    return found


class Bytes:
    """What is left of a record."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at, self.tables = data, 0, tables()

    def take(self, count: int) -> bytes:
        self.at += count
        assert self.at <= len(self.data)
        return self.data[self.at - count : self.at]

    def whole(self, count: int, *, signed: bool = False) -> int:
        return int.from_bytes(self.take(count), "little", signed=signed)

    def value(self, kind: str) -> Any:  # noqa: PLR0911 - one case for each row of the page
        optional = kind.endswith("?")
        plain = kind.rstrip("?")
        if plain in {"u32", "u64", "i64"}:
            there = self.whole(1) if optional else 1
            number = self.whole(4 if plain == "u32" else 8, signed=plain == "i64")
            return number if there else None
        if plain in {"flag", "name"}:
            number = self.whole(1)
            return None if optional and number == 255 else number
        if plain == "money":
            return Decimal(self.whole(16, signed=True)).scaleb(-18)
        if plain == "decimal":
            scale, mantissa = self.whole(1), self.whole(16, signed=True)
            return None if optional and scale == 255 else Decimal(mantissa).scaleb(-scale)
        if plain in {"id", "text"}:
            return self.take(self.whole(1 if plain == "id" else 2)).decode()
        if plain.startswith("["):
            return [self.value(plain[1:-1]) for _ in range(self.whole(2))]
        if optional and not self.whole(1):
            return None
        return {name: self.field(name, of, place) for name, of, place in self.tables[plain]}

    def field(self, name: str, kind: str, place: str) -> Any:
        assert not place or int(place) == self.at, name
        return self.value(kind)


def newest_slot(path: Path, slot_id: int) -> bytes:
    """The newest record of a slot's lane, by the header's words."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as words:
        word = lambda at: struct.unpack_from("<Q", words, at * 8)[0]  # noqa: E731
        assert words[:8] == b"DITAZINC"
        begins, _, generations, most = (word(16 + at) for at in range(4))
        lane = begins + slot_id * (8 + generations * (most + 2))
        newest = word(lane)
        generation = lane + 8 + (newest % generations) * (most + 2)
        assert word(generation) == 2 * newest
        return bytes(words[(generation + 2) * 8 :][: word(generation + 1)])


def test_a_slot_is_read_by_the_page_alone(tmp_path: Path) -> None:
    script = [lambda order: [ack(order), fill(order)], lambda order: [ack(order)]]
    plane = SharedMemoryZincPlane("laid", directory=tmp_path)
    with opened(MockVenueAdapter(submit=script), zinc_plane=plane) as kernel:
        kernel.process_intent(intent(ENTER, "i1", exit_leg_ratios=("0.5", "0.5"), metadata={"a": 1}))
        kernel.process_intent(intent(EXIT, "x1", order_type="LIMIT", limit_price="70000"))
        shown = ZincReader("laid", directory=tmp_path).read_slot(0)
        assert shown is not None
        left = Bytes(newest_slot(tmp_path / "laid.zinc", 0))
        read = {name: left.field(name, kind, place) for name, kind, place in left.tables["slot"]}
        assert left.at == len(left.data)
        assert read.pop("seq") == kernel.seq
        assert read.pop("whether it was cut for want of room") == 0
        for name in (
            "entry_price",
            "size",
            "initial_size",
            "cost",
            "fees_paid",
            "trade_id",
            "asset",
            "exit_leg_ratios",
        ):
            theirs = getattr(shown, name, None) if name != "cost" else shown.to_dict()["cost"]
            assert read[name] == (list(theirs) if isinstance(theirs, tuple) else theirs), name
        assert read["seen_event_ids"] == list(shown.seen_event_ids)
        assert read["entry_time_ns"] == shown.entry_time_ns
        assert [one["venue_client_id"] for one in read["exit_orders"]] == [
            one.venue_client_id for one in shown.exit_orders
        ]
        (resting,) = read["exit_orders"]
        assert (resting["limit_price"], resting["intended_size"]) == (70_000, Decimal("0.005"))
        assert resting["metadata"] == "\0"
        assert read["active_entry_order"]["filled_size"] == Decimal("0.01")

"""Pictures' axes: ticks at round times and amounts, and exact texts."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from dita.chart import Scale, exact, time_ticks

NS = 1_000_000_000


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * NS


@pytest.mark.parametrize(
    ("start", "end", "first", "last", "count"),
    [
        ("2024-01-01T00:00:01", "2024-01-01T00:00:09", "00:00:01", "00:00:09", 9),
        ("2024-01-01T09:59", "2024-01-01T12:00", "10:00", "12:00", 9),
        ("2024-01-01T01:00", "2024-01-08T00:00", "2024-01-02", "2024-01-08", 7),
        ("2024-01-02", "2024-05-30", "2024-02", "2024-05", 4),
        ("2023-01-01", "2024-10-02", "2023-01", "2024-10", 8),
        ("1980-06-01", "2030-06-01", "1990-01", "2030-01", 5),
    ],
)
def test_a_time_axis_has_a_few_round_ticks(start: str, end: str, first: str, last: str, count: int) -> None:
    ticks = time_ticks(at(start), at(end))
    assert (ticks[0][1], ticks[-1][1], len(ticks)) == (first, last, count)
    assert all(at(start) <= time_ns <= at(end) for time_ns, _ in ticks)


def test_a_scale_has_room_and_round_amounts() -> None:
    scale = Scale((10, 110), [Decimal(0), Decimal(100)], Decimal("0.05"))
    assert scale.ticks() == [Decimal(0), Decimal(50), Decimal(100)]
    assert scale.y(Decimal(-5)) == 110
    assert scale.y(Decimal(105)) == 10


def test_an_amount_keeps_every_digit() -> None:
    assert (
        exact(Decimal("-1234567890123456789012345678901234.50"))
        == "\u22121,234,567,890,123,456,789,012,345,678,901,234.5"
    )

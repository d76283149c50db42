"""The five fields of cron: minute, hour, day of the month, month, day of the week. Times are UTC."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from dita.errors import shown
from dita.graphs.errors import InvalidNode

_BOUNDS: Final = (("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12), ("weekday", 0, 7))
_PART: Final = re.compile(r"(\*|\d{1,2}(?:-\d{1,2})?)(?:/(\d{1,2}))?")
_SECOND_NS: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Cron:
    """When a timer is due.

    Attributes:
        text: As it was written.
        fields: The minutes, hours, days, months and days of the week (0 is Sunday).
    """

    text: str
    fields: tuple[frozenset[int], ...]

    @classmethod
    def parsed(cls, owner: str, text: str) -> "Cron":
        """Return what a text says.

        Args:
            owner: Whose it is, for the complaint.
            text: Five fields: `*`, numbers, `a-b`, `/step`, and lists with commas.

        Raises:
            InvalidNode: It says no times.
        """
        parts = text.split()
        if len(parts) != len(_BOUNDS):
            raise InvalidNode(f"{owner}: cron: {shown(text)} has {len(parts)} fields, and cron has five")
        found = []
        for part, (name, least, most) in zip(parts, _BOUNDS, strict=True):
            values: set[int] = set()
            for piece in part.split(","):
                values |= _values(owner, text, piece, name, least, most)
            found.append(frozenset(0 if name == "weekday" and value == most else value for value in values))
        return cls(text, tuple(found))

    def is_due(self, since_ns: int, now_ns: int) -> bool:
        """Return whether a time that it names lies after one time and not after another.

        Args:
            since_ns: When it was asked last, ns since 1970 UTC.
            now_ns: Now. Over more than a year it is due.
        """
        minute = since_ns // (60 * _SECOND_NS) + 1
        last = now_ns // (60 * _SECOND_NS)
        if last - minute > 366 * 24 * 60:
            return True
        return any(self._names(at) for at in range(minute, last + 1))

    def _names(self, minute: int) -> bool:
        at = datetime.fromtimestamp(minute * 60, UTC)
        minutes, hours, days, months, weekdays = self.fields
        weekday = (at.weekday() + 1) % 7
        all_days, all_weekdays = len(days) == 31, len(weekdays) == 7
        # Where both are restricted, either is enough: so cron has always had it.
        is_day = at.day in days and weekday in weekdays
        if not all_days and not all_weekdays:
            is_day = at.day in days or weekday in weekdays
        return at.minute in minutes and at.hour in hours and at.month in months and is_day


def _values(owner: str, text: str, piece: str, name: str, least: int, most: int) -> set[int]:
    match = _PART.fullmatch(piece)
    if match is None:
        raise InvalidNode(f"{owner}: cron: {shown(text)}: {shown(piece)} is no {name}")
    span, step = match.group(1), int(match.group(2) or 1)
    if span == "*":
        low, high = least, most
    else:
        ends = [int(end) for end in span.split("-")]
        low, high = ends[0], ends[-1] if len(ends) == 2 or match.group(2) is None else most
    if not least <= low <= high <= most or step < 1:
        raise InvalidNode(f"{owner}: cron: {shown(text)}: {shown(piece)} is no {name} from {least} to {most}")
    return set(range(low, high + 1, step))

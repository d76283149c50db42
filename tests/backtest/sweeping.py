"""A small market file and a small strategy for tests of sweeps."""

from datetime import datetime, timedelta
from pathlib import Path

# Writes down what it heard beside itself, where the test gave it a file; fails where it is told to.
STRATEGY = '''
from pathlib import Path

from pydantic import Field, model_validator

from dita.strategy import Bar, Params, Strategy


class Turns(Params):
    every: int = Field(5, ge=1, le=100)
    held: int = 2
    size: int = 1
    fail: int = 0
    heard: str = ""

    @model_validator(mode="after")
    def _order(self):
        if self.held >= self.every:
            raise ValueError("held must be below every")
        return self


class InTurns(Strategy):
    """Buys every so many bars, and holds for some."""

    params_type = Turns
    slots = 1

    def __init__(self, params=None):
        super().__init__(params)
        self.number = -1

    def on_bar(self, bar: Bar) -> None:
        self.number += 1
        if self.params.heard:
            with Path(self.params.heard).open("a") as file:
                file.write(f"{self.params.every} {bar.open_ns} {bar.close_ns}\\n")
        if self.params.fail == self.params.every:
            raise ZeroDivisionError("made to fail")
        if self.number % self.params.every == 0:
            self.enter(bar.symbol, "LONG", self.params.size)
        elif self.number % self.params.every == self.params.held:
            self.exit(bar.symbol)
'''


def write_strategy(folder: Path, text: str = STRATEGY) -> Path:
    """The strategy's file."""
    place = folder / "in_turns.py"
    place.write_text(text)
    return place


def write_bars(folder: Path, count: int = 96, *, hours: int = 1, name: str = "xusdt_1h.csv") -> Path:
    """Bars of an hour that rise and fall, from 2024-01-01."""
    start = datetime(2024, 1, 1)  # noqa: DTZ001 - the file's times are UTC without saying so
    lines = ["timestamp,open,high,low,close,volume"]
    for number in range(count):
        opened, closed = (100 + (at * 7 % 13) + at // 6 for at in (number, number + 1))
        row = (opened, max(opened, closed), min(opened, closed), closed, 1)
        at = start + timedelta(hours=hours * number)
        lines.append(f"{at.isoformat()},{','.join(str(part) for part in row)}")
    place = folder / name
    place.write_text("\n".join(lines) + "\n")
    return place

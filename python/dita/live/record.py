"""`Recording`: a venue's live market into capture files that backtests read. It needs no key."""

import asyncio
import json
import logging
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from dita.errors import InvalidInput
from dita.live.captures import Capture
from dita.live.places import Place
from dita.venues.binance import requests
from dita.venues.binance.books import Books
from dita.venues.binance.budget import Budget
from dita.venues.binance.markets import read_instruments
from dita.venues.wire.adapter import BACK_OFF_S
from dita.venues.wire.transport import Transport

_LOG: Final = logging.getLogger("dita.live")
INSTRUMENTS: Final = "instruments.json"
_NAME_AT: Final = len('{"stream":"')


class Recording:
    """Records best prices, depth, trades and marks of some instruments.

    Attributes:
        captures: By instrument.
        cuts: How often a stream has ended.
    """

    def __init__(self, place: Place, symbols: Sequence[str], folder: Path) -> None:
        """Ask for the instruments' rules, which a backtest needs, and subscribe.

        Args:
            place: Where.
            symbols: The instruments.
            folder: Where the files go; it is made.

        Raises:
            InvalidInput: An instrument is not listed.
            Failure: The venue does not answer.
            OSError: The folder cannot be written.
        """
        self._symbols = list(symbols)
        self._wire = Transport(place.rest, place.stream, requests.BinanceCodec(), time.time_ns, Budget())
        self.cuts = 0
        self._closing = threading.Event()
        self._overflowed = False
        try:
            folder.mkdir(parents=True, exist_ok=True)
            answer = self._wire.wait_for(self._wire.ask(requests.INSTRUMENTS), 30.0)
            rules = read_instruments(answer, symbols)
            (folder / INSTRUMENTS).write_text(json.dumps(rules, indent=2) + "\n", encoding="utf-8")
        except BaseException:
            self._wire.close()
            raise
        self.captures = {symbol.lower(): Capture(folder, symbol) for symbol in symbols}
        self._books = Books(self._wire, symbols, lambda _: None, fetched=self._take_snapshot)
        low = list(self.captures)
        streams = {
            "/public": [f"{one}@bookTicker" for one in low] + self._books.streams,
            "/market": [f"{one}@{kind}" for one in low for kind in ("aggTrade", "markPrice@1s")],
        }
        self._open = dict.fromkeys(streams, False)
        for path, names in streams.items():
            self._wire.spawn(self._listen(path, f"{path}/stream?streams={'/'.join(names)}"))

    @property
    def error(self) -> str:
        """Why nothing is written any more; empty while all is well."""
        return next((one.error for one in self.captures.values() if one.error), "")

    def close(self) -> None:
        """End, with everything written."""
        self._closing.set()
        self._wire.close()
        for capture in self.captures.values():
            capture.close()

    async def _listen(self, which: str, path: str) -> None:
        async def opened() -> None:
            self._open[which] = True
            if all(self._open.values()):
                self._books.begin()

        tries = 0
        while not self._closing.is_set():
            began = time.monotonic()
            why = await self._wire.listen(path, opened, self._take)
            if self._open[which]:
                self._cut(which, why)
            tries = 0 if time.monotonic() - began > 10 else tries + 1
            await asyncio.sleep(BACK_OFF_S[min(tries, len(BACK_OFF_S) - 1)])

    def _cut(self, which: str, why: str) -> None:
        """Note a gap in every file; the books begin anew once all streams are open."""
        self._open[which] = False
        self.cuts += 1
        _LOG.warning("recording: %s: %s", which, why)
        self._books.cut()
        self._note_gap(why)

    def _note_gap(self, why: str) -> None:
        now_ns = time.time_ns()
        for capture in self.captures.values():
            capture.gap(now_ns, why)

    def _take(self, raw: str) -> bool:
        now_ns = time.time_ns()
        capture = self.captures.get(raw[_NAME_AT : _NAME_AT + 60].partition("@")[0])
        if capture is None:
            return True
        if capture.is_new_day(now_ns):
            # A file has to begin with a whole book.
            self._books.begin()
        if self._overflowed and capture.has_room:
            self._overflowed = False
            self._note_gap("more frames than could be written")
            self._books.begin()
        if not capture.put(now_ns, raw):
            self._overflowed = True
            return True
        try:
            self._books.take(raw)
        except (InvalidInput, ValueError) as error:
            _LOG.error("recording: %s", error)
            return False
        return True

    def _take_snapshot(self, symbol: str, text: str) -> None:
        capture = self.captures[symbol.lower()]
        capture.put(time.time_ns(), text)

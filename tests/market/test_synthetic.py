"""The bundled market is the same everywhere, and a possible one."""

import hashlib
from decimal import Decimal
from itertools import pairwise

import pytest

from dita.market import Print, Quote, SyntheticMarket


def test_a_seed_means_one_market_on_every_machine() -> None:
    text = repr(list(SyntheticMarket(seed=1, quotes=1_000)))
    assert text == repr(list(SyntheticMarket(seed=1, quotes=1_000)))
    assert text != repr(list(SyntheticMarket(seed=2, quotes=1_000)))
    assert hashlib.sha256(text.encode()).hexdigest() == DIGEST


DIGEST = "afda51dbfc9a8ab0fea35c366a9ac56129949a48eb5c9025d37fdba97d9d969f"


def test_it_is_a_possible_market_and_says_what_it_is() -> None:
    market = SyntheticMarket(seed=7, quotes=5_000)
    events = list(market)
    quotes = [event for event in events if isinstance(event, Quote)]

    assert market.kind == "synthetic"
    assert "synthetic" in market.name
    assert len(quotes) == 5_000
    assert market.fraction_read() == 1.0
    assert all(Decimal(quote.ask) - Decimal(quote.bid) == Decimal("0.1") for quote in quotes)
    assert all(Decimal(quote.bid_size or "0") > 0 and Decimal(quote.ask_size or "0") > 0 for quote in quotes)
    assert all(earlier.ts_ns <= later.ts_ns for earlier, later in pairwise(events))
    assert any(isinstance(event, Print) for event in events)


def test_no_quotes_are_refused() -> None:
    with pytest.raises(ValueError, match="quotes: must be at least 1, got 0"):
        SyntheticMarket(quotes=0)

"""Adapters without real money reach the test network and this machine, and no other host."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from dita import InvalidInput
from dita.venues.binance import adapter as binance
from dita.venues.bingx import adapter as bingx
from dita.venues.bybit import adapter as bybit
from dita.venues.okx import adapter as okx
from dita.venues.wire.failures import Failure, Fate

CASES: dict[str, tuple[Any, Callable[..., Any], Callable[..., Any]]] = {
    "binance": (binance, binance.BinancePractice, binance.BinanceUsdm),
    "bybit": (bybit, bybit.BybitPractice, bybit.BybitLinear),
    "okx": (okx, okx.OkxPractice, okx.OkxSwap),
    "bingx": (bingx, bingx.BingxPractice, bingx.BingxSwap),
}


def opened(venue: str, made: Callable[..., Any], **more: Any) -> Any:
    phrase = {"passphrase": "phrase"} if venue == "okx" else {}
    return made("key", "secret", symbols=["BTCUSDT"], **phrase, **more)


def addresses(adapter: Any) -> tuple[str, str]:
    try:
        return adapter._wire.rest, adapter._wire.stream
    finally:
        adapter.close()


@pytest.mark.parametrize("venue", CASES)
def test_without_an_address_a_practice_adapter_is_on_the_test_network(venue: str) -> None:
    hosts, practice, real = CASES[venue]
    assert addresses(opened(venue, practice)) == (hosts.HOSTS.test_rest, hosts.HOSTS.test_stream)
    consent = {"unproven": True} if venue in {"okx", "bingx"} else {}
    assert addresses(opened(venue, real, **consent)) == (hosts.HOSTS.rest, hosts.HOSTS.stream)


@pytest.mark.parametrize("venue", CASES)
def test_a_practice_adapter_refuses_every_host_that_is_not_the_test_networks(venue: str) -> None:
    hosts, practice, _ = CASES[venue]
    wrong = [
        {"stream": hosts.HOSTS.stream},
        {"stream": hosts.HOSTS.stream.upper()},
        {"rest": "https://elsewhere.example"},
        {"rest": hosts.HOSTS.test_rest + "@elsewhere.example"},
    ]
    # OKX's demo trading has the real host for REST; a header says that the money is simulated.
    wrong += [{"rest": hosts.HOSTS.rest}] if venue != "okx" else []
    for given in wrong:
        ((name, address),) = given.items()
        with pytest.raises(InvalidInput, match=rf"{name}: .*test network") as refused:
            opened(venue, practice, **given)
        assert address in str(refused.value)


@pytest.mark.parametrize("venue", CASES)
@pytest.mark.parametrize("host", ["127.0.0.1:8686", "localhost:8686", "[::1]:8686"])
def test_a_practice_adapter_takes_an_exchange_on_this_machine(venue: str, host: str) -> None:
    _, practice, _ = CASES[venue]
    at = opened(venue, practice, rest=f"http://{host}", stream=f"ws://{host}")
    assert addresses(at) == (f"http://{host}", f"ws://{host}")


def test_a_failure_stays_one_on_its_way_through_a_context_manager() -> None:
    @contextmanager
    def around() -> Iterator[None]:
        yield

    with pytest.raises(Failure, match="REFUSED: HTTP 400, code 7: no"), around():
        raise Failure(Fate.REFUSED, 400, 7, "no")


def test_a_class_of_ones_own_that_says_no_real_money_is_held_to_it() -> None:
    class Mine(binance.BinanceUsdm):
        real_money = False

    with pytest.raises(InvalidInput, match=r"rest: .*fapi\.binance\.com.*test network"):
        opened("binance", Mine, rest=binance.HOSTS.rest)
    assert addresses(opened("binance", Mine)) == (binance.HOSTS.test_rest, binance.HOSTS.test_stream)

"""What can be done to an exchange while it runs, by lines such as `fault silent on`."""

import shlex
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from dita.errors import InvalidInput, shown
from dita.practice.exchange import Exchange
from dita.practice.faults import KINDS, Canned
from dita.precision import plain

_Command = Callable[[Exchange, list[str]], Any]


def run_command(exchange: Exchange, line: str) -> Any:  # noqa: ANN401 - any JSON
    """Do what a line says.

    Args:
        exchange: To which.
        line: A command and its words; `help` lists them.

    Returns:
        What there is to say, as JSON values.

    Raises:
        InvalidInput: There is no such command, or it does not take these words.
    """
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise InvalidInput(f"command: {error}") from error
    if not words or words[0] not in _COMMANDS:
        names = ", ".join(sorted(_COMMANDS))
        raise InvalidInput(f"command: {shown(line)} is none; there are {names}")
    call, usage = _COMMANDS[words[0]]
    try:
        return call(exchange, words[1:])
    except InvalidInput:
        raise
    except (IndexError, KeyError, ValueError, InvalidOperation) as error:
        raise InvalidInput(f"command: {shown(line)}: expected {words[0]} {usage}") from error


def _market(exchange: Exchange, symbol: str) -> Any:  # noqa: ANN401 - it is used at once
    if symbol not in exchange.markets:
        raise InvalidInput(f"symbol: {shown(symbol)} is not listed; there are {', '.join(exchange.markets)}")
    return exchange.markets[symbol]


def _fault(exchange: Exchange, words: list[str]) -> Any:  # noqa: ANN401
    exchange.faults.set(words[0], words[1])
    return {words[0]: getattr(exchange.faults, words[0])}


def _answer(exchange: Exchange, words: list[str]) -> Any:  # noqa: ANN401
    kind, status, code, *rest = words
    executed = rest[:1] == ["executed"]
    text = " ".join(rest[1:] if executed else rest)
    if kind not in KINDS:
        raise InvalidInput(f"kind: expected one of {', '.join(KINDS)}, got {shown(kind)}")
    exchange.faults.can(Canned(kind, int(status), int(code), text, executed=executed))
    return {"waiting": len(exchange.faults.canned)}


def _say(exchange: Exchange, words: list[str]) -> Any:  # noqa: ANN401
    return {"streams": exchange.say_raw(words[0])}


def _say_binary(exchange: Exchange, words: list[str]) -> Any:  # noqa: ANN401
    return {"streams": exchange.say_raw(bytes.fromhex(words[0]))}


def _heal(exchange: Exchange, words: list[str]) -> Any:  # noqa: ANN401
    del words
    exchange.heal()
    return {"healed": True}


def _price(exchange: Exchange, words: list[str]) -> Any:  # noqa: ANN401
    market = _market(exchange, words[0])
    exchange.set_price(words[0], Decimal(words[1]))
    return {"symbol": words[0], "bid": plain(market.bids[0][0]), "ask": plain(market.asks[0][0])}


def _still(exchange: Exchange, words: list[str]) -> Any:  # noqa: ANN401
    for market in exchange.markets.values():
        market.still = words[0] == "on"
    return {"still": words[0] == "on"}


def _fill(exchange: Exchange, words: list[str]) -> Any:  # noqa: ANN401
    for order in exchange.account.open_orders():
        if order.client_id == words[0] and order.is_open:
            exchange.account.trade_against(order, Decimal(words[1]))
            return {"clientOrderId": words[0], "executedQty": plain(order.filled), "status": order.status}
    raise InvalidInput(f"client_id: no open order has {shown(words[0])}")


def _adl(exchange: Exchange, words: list[str]) -> Any:  # noqa: ANN401
    market = _market(exchange, words[0])
    exchange.account.force("adl", words[0], Decimal(words[1]), market.bids[0][0])
    return {"symbol": words[0]}


def _settle(exchange: Exchange, words: list[str]) -> Any:  # noqa: ANN401
    if exchange.terms.venue != "binance":
        raise InvalidInput(f"settle: is offered in Binance's format, not in {exchange.terms.venue}'s")
    market = _market(exchange, words[0])
    for held in exchange.account.held().positions:
        if held.symbol == words[0] and held.size:
            side = "SELL" if held.size > 0 else "BUY"
            exchange.account.force("settlement", words[0], abs(held.size), market.bids[0][0], side)
    return {"symbol": words[0]}


def _manual(exchange: Exchange, words: list[str]) -> Any:  # noqa: ANN401
    market = _market(exchange, words[0])
    exchange.account.force("manual", words[0], Decimal(words[2]), market.bids[0][0], words[1].upper())
    return {"symbol": words[0]}


def _fund(exchange: Exchange, words: list[str]) -> Any:  # noqa: ANN401
    market = _market(exchange, words[0])
    market.funding_rate = Decimal(words[1])
    due_ms = exchange.now_ms() + int(Decimal(words[2]) * 1000)
    exchange.account.set_funding(words[0], market.funding_rate, due_ms, 28_800)
    return {"symbol": words[0], "fundingRate": words[1], "fundingTime": due_ms}


def _transfer(exchange: Exchange, words: list[str]) -> Any:  # noqa: ANN401
    exchange.account.transfer(words[0], Decimal(words[1]))
    return {"asset": words[0], "balance": plain(exchange.account.held().wallets[words[0]])}


def _expire_key(exchange: Exchange, words: list[str]) -> Any:  # noqa: ANN401
    del words
    return {"expired": exchange.expire_keys()}


def _state(exchange: Exchange, words: list[str]) -> Any:  # noqa: ANN401
    del words
    held = exchange.account.held()
    return {
        "venue": exchange.terms.venue,
        "serverTime": exchange.now_ms(),
        "wallets": {asset: plain(amount) for asset, amount in held.wallets.items()},
        "positions": {p.symbol: plain(p.size) for p in held.positions if p.size},
        "open": [order.client_id for order in exchange.account.open_orders()],
        "prices": {symbol: plain(market.last) for symbol, market in exchange.markets.items()},
        "streams": len(exchange.sessions),
    }


def _help(exchange: Exchange, words: list[str]) -> Any:  # noqa: ANN401
    del exchange, words
    return {name: usage for name, (_, usage) in sorted(_COMMANDS.items())}


_COMMANDS: Final[dict[str, tuple[_Command, str]]] = {
    "fault": (_fault, "NAME VALUE: turn a knob"),
    "answer": (_answer, "place|amend|cancel|query STATUS CODE [executed] [WORDS]: the next one gets that"),
    "say": (_say, "TEXT: a frame of the user stream, as it stands"),
    "say-binary": (_say_binary, "HEX: a binary frame of the user stream"),
    "heal": (_heal, ": turn every knob back"),
    "price": (_price, "SYMBOL PRICE: have the market stand there"),
    "still": (_still, "on|off: whether the market stands still"),
    "fill": (_fill, "CLIENT_ID SIZE: others trade against a resting order"),
    "adl": (_adl, "SYMBOL SIZE: take a part of the position away"),
    "settle": (_settle, "SYMBOL: the contract is delivered, and the venue closes the position"),
    "manual": (_manual, "SYMBOL BUY|SELL SIZE: another program trades on the account"),
    "fund": (_fund, "SYMBOL RATE SECONDS: funding at that rate, in so many seconds"),
    "transfer": (_transfer, "ASSET AMOUNT: money in (+) or out (-)"),
    "expire-key": (_expire_key, ": every listen key, or login of a stream, expires"),
    "state": (_state, ": what there is"),
    "help": (_help, ": this"),
}

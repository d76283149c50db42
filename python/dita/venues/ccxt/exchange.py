"""ccxt's object for an exchange, made to answer exactly: numbers as text, no retries, errors by the code."""

import contextvars
import importlib
from collections.abc import Callable
from typing import Any, Final

from dita.errors import InvalidInput, refuse
from dita.extras import is_there, missing
from dita.venues.ccxt.answers import failure_of, family
from dita.venues.wire.failures import Failure, unanswered
from dita.venues.wire.hosts import host_of, is_this_machine

TIMEOUT_MS: Final = 5_000
#: Whether the request under way has left: an error before that is surely no order.
_left: contextvars.ContextVar[list[bool] | None] = contextvars.ContextVar("left", default=None)


def load() -> Any:  # noqa: ANN401 - the module
    """Import `ccxt.async_support`.

    Raises:
        InvalidInput: The extra is not installed.
    """
    if not is_there("ccxt"):
        raise InvalidInput(missing("CCXTAdapter", "ccxt"))
    return importlib.import_module("ccxt.async_support")


def make(
    exchange: str,
    config: dict[str, Any],
    address: str | None,
    clock_ns: Callable[[], int],
    *,
    sandbox: bool,
) -> Any:  # noqa: ANN401 - ccxt's object
    """Make ccxt's object.

    Args:
        exchange: ccxt's id of the exchange.
        config: Credentials and options.
        address: `dita exchange` on this machine, as `127.0.0.1:8686`; None means the exchange itself.
        clock_ns: This machine's time, nanoseconds.
        sandbox: Whether its test network is meant.

    Raises:
        InvalidInput: ccxt has no such exchange, or the address is not on this machine.
    """
    module = load()
    kind = getattr(module, exchange, None)
    if exchange not in module.exchanges or kind is None:
        raise refuse("exchange", exchange, "is none of ccxt's; `dita venues` lists them")
    options = {
        **config.pop("options", {}),
        "maxRetriesOnFailure": 0,
        "warnOnFetchOpenOrdersWithoutSymbol": False,
    }
    made = _exact(kind, module)(
        {"number": str, "timeout": TIMEOUT_MS, "enableRateLimit": True, **config, "options": options}
    )
    made.milliseconds = lambda: clock_ns() // 1_000_000
    if address is not None:
        # There is nobody else to leave room for; the venue's own limits hold there as well.
        made.enableRateLimit = False
        point_at(made, address)
    elif sandbox:
        made.set_sandbox_mode(True)
    return made


def _exact(kind: Any, module: Any) -> Any:  # noqa: ANN401 - a class of ccxt's
    """A subclass of an exchange's class that keeps status, code and words of an error."""
    base_error = module.BaseError

    class Exact(kind):  # type: ignore[misc]
        """The exchange; its errors are Failures."""

        async def fetch(self, *arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - ccxt's
            sent = _left.get()
            if sent is not None:
                sent.append(True)
            return await super().fetch(*arguments, **named)

        def handle_errors(self, code: int, reason: str, url: str, method: str, *answer: Any) -> Any:  # noqa: ANN401 - ccxt's
            headers, body, response, *_ = answer
            try:
                return super().handle_errors(code, reason, url, method, *answer)
            except base_error:
                raise failure_of(family(self.id), code, response, body or "", headers or {}) from None

        def handle_http_status_code(self, code: int, reason: str, *answer: Any) -> None:  # noqa: ANN401 - ccxt's
            if not 200 <= code < 300:
                raise failure_of(family(self.id), code, None, f"{reason} {answer[-1]}", {})

    return Exact


async def ask(call: Any, *arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - whatever ccxt's method returns
    """Call one of ccxt's methods, once.

    Raises:
        Failure: The exchange refused, or nobody knows. What ccxt itself refused never left: REFUSED.
    """
    errors = importlib.import_module("ccxt.base.errors")
    sent: list[bool] = []
    token = _left.set(sent)
    try:
        return await call(*arguments, **named)
    except Failure:
        raise
    except errors.BaseError as error:
        raise unanswered(_words(error), left=bool(sent) and not _is_unconnected(error)) from None
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        # ccxt cannot read the answer: what became of the request it does not say.
        raise unanswered(f"{type(error).__name__}: {error}", left=bool(sent)) from None
    finally:
        _left.reset(token)


def _is_unconnected(error: BaseException) -> bool:
    return type(error.__cause__).__name__ in {"ClientConnectorError", "ClientConnectorDNSError", "gaierror"}


def _words(error: BaseException) -> str:
    """What happened, without an address: that may have a signature in it."""
    text = str(error)
    return f"{type(error).__name__}: {text.partition('http')[0].strip()}"[:200]


def point_at(exchange: Any, address: str) -> None:  # noqa: ANN401 - ccxt's object
    """Have an exchange's requests go to `dita exchange` on this machine.

    Args:
        exchange: ccxt's object.
        address: `127.0.0.1:8686`.

    Raises:
        InvalidInput: It is not on this machine.
    """
    if not is_this_machine(host_of(f"//{address}")):
        raise refuse("address", address, "is not on this machine; write it like 127.0.0.1:8686")

    def there(url: Any) -> Any:  # noqa: ANN401 - a text, or a mapping of them
        if isinstance(url, dict):
            return {name: there(inner) for name, inner in url.items()}
        if not isinstance(url, str):
            return url
        scheme, _, rest = url.partition("://")
        path = rest.partition("/")[2]
        return f"{'ws' if scheme.startswith('ws') else 'http'}://{address}" + (f"/{path}" if path else "")

    exchange.urls["api"] = there(exchange.urls["api"])
    exchange.hostname = address
    # Currencies are asked of other hosts, and of other keys.
    exchange.has["fetchCurrencies"] = False

"""ccxt's object for an exchange, made to answer exactly: numbers as text, no retries, errors by the code."""

import contextvars
import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from dita.errors import InvalidInput, refuse
from dita.extras import is_there, missing
from dita.venues.ccxt.answers import failure_of, family
from dita.venues.wire.failures import Failure, unanswered
from dita.venues.wire.hosts import host_of, is_this_machine

TIMEOUT_MS: Final = 5_000
#: ccxt's credentials whose name here is another one.
_OURS: Final = {"apiKey": "api_key", "secret": "api_secret"}
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
        InvalidInput: ccxt has no such exchange, or no test network of it; or the address is not on this
            machine.
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
        made.practice = Practice(frozenset())
    elif sandbox:
        real = hosts_of(made, made.urls["api"])
        to_sandbox(made)
        made.practice = Practice(real)
    return made


def named_credentials(exchange: str, given: Mapping[str, str]) -> dict[str, str]:
    """Return credentials by ccxt's names: `wallet_address` is `walletAddress`.

    Args:
        exchange: ccxt's id of the exchange.
        given: By the names of this adapter.

    Raises:
        InvalidInput: One is none of ccxt's.
    """
    known = {_OURS.get(name, _snake(name)): name for name in load().Exchange({}).requiredCredentials}
    for name in given:
        if name not in known:
            # Whatever it is, its value may be a secret.
            raise InvalidInput(f"{name}: is no keyword of CCXTAdapter and no credential of {exchange}")
    return {known[name]: value for name, value in given.items()}


def missing_credentials(exchange: Any) -> tuple[str, ...]:  # noqa: ANN401 - ccxt's object
    """Return what an exchange needs to log in and has not been given, by the names of this adapter.

    Args:
        exchange: ccxt's object.
    """
    wanted = [name for name, is_needed in exchange.requiredCredentials.items() if is_needed]
    return tuple(_OURS.get(name, _snake(name)) for name in wanted if not getattr(exchange, name, None))


def _snake(name: str) -> str:
    return "".join(f"_{one.lower()}" if one.isupper() else one for one in name)


def to_sandbox(exchange: Any) -> None:  # noqa: ANN401 - ccxt's object
    """Have an exchange's requests go to its test network.

    Args:
        exchange: ccxt's object.

    Raises:
        InvalidInput: ccxt knows none of it.
    """
    errors = importlib.import_module("ccxt.base.errors")
    try:
        exchange.set_sandbox_mode(True)
        has_addresses = bool(exchange.urls.get("api"))
    except (errors.BaseError, TypeError, KeyError, AttributeError):
        has_addresses = False
    if not has_addresses:
        raise InvalidInput(
            f"sandbox: ccxt knows no test network of {exchange.id}; practise on `dita exchange` in another "
            "venue's format, or mean real money with sandbox=False"
        )


def hosts_of(exchange: Any, addresses: Any) -> frozenset[str]:  # noqa: ANN401 - a text, or a mapping of them
    """Return the hosts of an exchange's addresses.

    Args:
        exchange: ccxt's object.
        addresses: As its `urls["api"]`.
    """
    if isinstance(addresses, dict):
        return frozenset().union(*(hosts_of(exchange, one) for one in addresses.values()))
    address = str(addresses or "").replace("{hostname}", str(exchange.hostname or ""))
    return frozenset({host_of(address)})


@dataclass(frozen=True, slots=True)
class Practice:
    """What an exchange without real money may ask.

    Attributes:
        real: The hosts of the real exchange: what changes something goes there only where the request says
            that its money is simulated. Empty where all of it goes to this machine.
    """

    real: frozenset[str]

    def refusal(self, url: str, method: str, headers: Mapping[str, Any]) -> str:
        """Return why a request may not leave; empty where it may."""
        host = host_of(url)
        if not self.real:
            return "" if is_this_machine(host) else f"{host} is not this machine"
        if method.upper() == "GET" or host not in self.real:
            return ""
        says = {str(name).lower(): str(value) for name, value in headers.items()}
        simulated = says.get("x-simulated-trading") == "1" or says.get("paptrading") == "1" or "/sim/" in url
        return "" if simulated else f"{host} is the real exchange, and the request does not say sandbox"


def _exact(kind: Any, module: Any) -> Any:  # noqa: ANN401 - a class of ccxt's
    """A subclass of an exchange's class that keeps status, code and words of an error."""
    base_error = module.BaseError

    class Exact(kind):  # type: ignore[misc]
        """The exchange; its errors are Failures."""

        #: What may be asked without real money; None with it.
        practice: Practice | None = None

        async def fetch(self, url: str, method: str = "GET", headers: Any = None, body: Any = None) -> Any:  # noqa: ANN401 - ccxt's
            if self.practice is not None:
                merged = {**(self.headers or {}), **(headers or {})}
                if why := self.practice.refusal(url, method, merged):
                    raise unanswered(f"no real money: {why}", left=False)
            sent = _left.get()
            if sent is not None:
                sent.append(True)
            return await super().fetch(url, method, headers, body)

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

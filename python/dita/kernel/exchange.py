"""`set_exchange_config`: from a venue's dict to instruments that the kernel can load."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from dita._kernel import MarketLimits
from dita.errors import refuse, refuse_name, wrong_type
from dita.second_names import INSTRUMENT_KEYS

# Key of the configuration -> keyword of the native instrument.
_PLAIN: Final = frozenset(
    {
        "taker_rate",
        "maker_rate",
        "lot_step",
        "tick_size",
        "funding_interval_secs",
        "min_notional",
        "min_qty",
        "max_qty",
        "max_price",
        "contract_multiplier",
        "base",
        "quote",
        "settle",
        "leverage",
        "fee_asset",
        "margin_tiers",
        "market_max_qty",
        "price_band",
        "max_open_orders",
        "max_open_stops",
    }
)
_SPECIAL: Final = frozenset(
    {
        "inverse",
        "product",
        "fee_rounding",
        "margin_convention",
        "margin_mode",
        "opposite_slots",
        "pair_off",
    }
)
_CHOICES: Final = {
    "product": ("PERP", "SPOT"),
    "margin_convention": ("BINANCE", "BYBIT"),
    "margin_mode": ("CROSS", "ISOLATED"),
    "opposite_slots": ("REFUSE", "NET"),
    "pair_off": ("NEVER", "SAME_OWNER"),
}
_DIRECTIONS: Final = ("HALF_EVEN", "HALF_UP", "DOWN", "UP", "FLOOR", "CEILING")
KEYS: Final = _PLAIN | _SPECIAL
# Stablecoins and the dollar, longest first: a symbol that ends so is quoted and settled in it.
_SUFFIXES: Final = ("USDT", "USDC", "USD")
_FEE_DECIMALS_MAX: Final = 18


class ExchangeConfig:
    """What a venue's configuration says so far: venue-wide values, and what instruments override."""

    __slots__ = ("_instruments", "_venue_wide")

    def __init__(self) -> None:
        """Start with nothing."""
        self._venue_wide: dict[str, Any] = {}
        self._instruments: dict[str, dict[str, Any]] = {}

    def updated(self, config: Mapping[str, Any]) -> "ExchangeConfig":
        """Return the configuration with a change; nothing of this one changes.

        Args:
            config: Venue-wide keys at the root, and `instruments`: symbol to what differs for it.

        Raises:
            InvalidInput: A key that is not known.
            InvalidInput: The configuration or an instrument's part is no mapping.
            InvalidType: A key or a symbol is no text.
        """
        changed = ExchangeConfig()
        changed._venue_wide = {**self._venue_wide, **_checked("", config, also=frozenset({"instruments"}))}
        changed._venue_wide.pop("instruments", None)
        changed._instruments = {symbol: dict(own) for symbol, own in self._instruments.items()}
        instruments = config.get("instruments", {})
        if not isinstance(instruments, Mapping):
            raise refuse("instruments", instruments, "must be a mapping of symbols")
        for symbol, own in instruments.items():
            if not isinstance(symbol, str):
                raise wrong_type("instruments", symbol, "a symbol")
            given = _fields_of(own) if isinstance(own, MarketLimits) else own
            checked = _checked(f"instruments.{symbol}.", given, also=frozenset())
            changed._instruments.setdefault(symbol, {}).update(checked)
        return changed

    def specs(self) -> list[dict[str, Any]]:
        """Return each instrument as the native module takes it.

        Raises:
            InvalidInput: An instrument lacks a key, or a value is wrong; by symbol and key.
        """
        return [self._spec(symbol, own) for symbol, own in self._instruments.items()]

    def _spec(self, symbol: str, own: Mapping[str, Any]) -> dict[str, Any]:
        merged = {**self._venue_wide, **own}
        place = f"instruments.{symbol}."
        spec = {key: value for key, value in merged.items() if key in _PLAIN and value is not None}
        for key in ("tick_size", "lot_step"):
            if key not in spec:
                raise refuse(place + key, None, "is needed, for the instrument or venue-wide")
        spec.update(_kind(place, merged))
        spec.update(symbol=symbol, **_assets(place, symbol, spec))
        if merged.get("fee_rounding") is not None:
            spec.update(fee_rounding(place + "fee_rounding", merged["fee_rounding"]))
        return spec


def _checked(place: str, config: object, *, also: frozenset[str]) -> dict[str, Any]:
    if not isinstance(config, Mapping):
        raise refuse(place.rstrip(".") or "config", config, "must be a mapping")
    checked: dict[str, Any] = {}
    for key, value in config.items():
        if not isinstance(key, str):
            raise wrong_type(place.rstrip(".") or "config", key, "a key")
        name = INSTRUMENT_KEYS.get(key, key)
        if name not in KEYS and name not in also:
            raise refuse_name(f"{place}{key}", value, "key of an exchange configuration", KEYS | also)
        if name in checked:
            raise refuse(f"{place}{key}", value, f"is {name} under another name: give one of the two")
        checked[name] = value
    return checked


def _fields_of(limits: MarketLimits) -> dict[str, Any]:
    """What a market's limits say of an instrument; what the venue does not state is left out."""
    names = (
        "tick_size", "lot_step", "min_qty", "max_qty", "min_notional", "max_price", "market_max_qty",
        "price_band", "max_open_orders", "max_open_stops",
    )  # fmt: skip
    fields = {name: value for name in names if (value := getattr(limits, name)) is not None}
    return {**fields, "contract_multiplier": limits.contract_multiplier, "inverse": limits.inverse}


def _kind(place: str, merged: Mapping[str, Any]) -> dict[str, Any]:
    """What the instrument is, and by whose rules it is held: those of the choices that are given."""
    kind: dict[str, Any] = {}
    for key, choices in _CHOICES.items():
        value = merged.get(key)
        if value is None:
            continue
        if not isinstance(value, str):
            raise wrong_type(place + key, value, "str")
        kind[key] = str(value).upper()
        if kind[key] not in choices:
            raise refuse(place + key, value, f"is none of {', '.join(choices).lower()}")
    if merged.get("inverse") is not None:
        kind["inverse"] = merged["inverse"]
    return kind


def _assets(place: str, symbol: str, spec: Mapping[str, Any]) -> dict[str, str]:
    """Base, quote and settle: as given, or as the symbol's end says where it leaves no doubt."""
    for key in ("base", "quote", "settle"):
        if not isinstance(spec.get(key, ""), str):
            raise wrong_type(place + key, spec[key], "str")
    suffix = next((end for end in _SUFFIXES if symbol.endswith(end) and symbol != end), None)
    quote = spec.get("quote") or suffix
    if quote is None:
        raise refuse(place + "quote", None, "is needed: the symbol does not end in USDT, USDC or USD")
    base = spec.get("base") or symbol.removesuffix(quote).rstrip("-_/") or symbol
    return {
        "base": base,
        "quote": quote,
        "settle": spec.get("settle") or (base if spec.get("inverse") else quote),
    }


def fee_rounding(field: str, value: object) -> dict[str, Any]:
    """Return how a venue rounds fees, as the native instrument takes it.

    Args:
        field: What the error calls it.
        value: A unit or a number of decimals, as `fee_decimals` takes it; or a pair of that and a direction.

    Raises:
        InvalidInput: It is neither.
        InvalidType: Its type is another.
    """
    if not isinstance(value, (list, tuple)):
        return {"fee_decimals": fee_decimals(field, value)}
    if len(value) != 2:
        raise refuse(field, value, "is no pair of a unit and a direction")
    unit, direction = value
    if not isinstance(direction, str) or direction not in _DIRECTIONS:
        raise refuse(field, value, f"has a direction that is none of {', '.join(_DIRECTIONS)}")
    return {"fee_decimals": fee_decimals(field, unit), "fee_rounding_mode": direction}


def fee_decimals(field: str, value: object) -> int:
    """Return the decimals to which a venue rounds fees.

    Args:
        field: What the error calls it.
        value: The venue's unit as a power of ten ("0.00000001"), or the number of decimals (8).

    Raises:
        InvalidInput: It is neither.
        InvalidType: Its type is another.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        decimals = value
    else:
        if not isinstance(value, (str, float, Decimal)):
            raise wrong_type(field, value, "a unit like 0.00000001 or a number of decimals")
        try:
            unit = Decimal(str(value)).normalize()
        except ArithmeticError:
            raise refuse(field, value, "is no unit like 0.00000001 and no number of decimals") from None
        exponent = unit.as_tuple().exponent
        if not isinstance(exponent, int) or unit.as_tuple().digits != (1,) or unit < 0:
            raise refuse(field, value, "is no power of ten")
        decimals = -exponent
    if not 0 <= decimals <= _FEE_DECIMALS_MAX:
        raise refuse(field, value, "must come to 0 to 18 decimals")
    return decimals

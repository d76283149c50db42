"""What a POST may carry: JSON or form fields, the same fields in both."""

import json
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, TypeVar
from urllib.parse import parse_qsl

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from dita.gateway.problems import Problem

_FORM: Final = "application/x-www-form-urlencoded"
_FIELDS_MAX: Final = 32
Body = TypeVar("Body", bound=BaseModel)


def _exact(value: object) -> object:
    # A JSON number is read by its text, and a text is one: money never passes a float.
    if isinstance(value, bool) or not isinstance(value, (str, int, Decimal)):
        raise ValueError("must be a decimal number")  # noqa: TRY004 - pydantic tells ValueErrors
    return str(value)


Amount = Annotated[Decimal, BeforeValidator(_exact), Field(gt=0, max_digits=38, decimal_places=18)]
OrNone = Annotated[Decimal, BeforeValidator(_exact), Field(ge=0, max_digits=38, decimal_places=18)]
Id = Annotated[str, Field(min_length=1, max_length=60, pattern=r"^[!-\-/-~]+$")]
Name = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$")]


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


class Login(BaseModel):
    """A browser's login."""

    model_config = ConfigDict(extra="forbid")
    token: str = Field(max_length=256)


class Order(BaseModel):
    """A plain order."""

    model_config = ConfigDict(extra="forbid")
    side: Annotated[Literal["buy", "sell", "b", "s"], BeforeValidator(_lower)]
    symbol: Name
    qty: Amount = Field(description="Base units or contracts, above zero.")
    price: OrNone | None = Field(default=None, description="The limit; none or 0 with a market order.")
    client_order_id: Id = Field(description="Yours; one is used once. No dot.")
    type: Annotated[Literal["limit", "market", "l", "m"], BeforeValidator(_lower)] = "limit"
    tif: Annotated[Literal["gtc", "ioc", "fok", "gtx", "g"], BeforeValidator(_lower)] = "gtc"
    account: Name | None = Field(default=None, description="None where there is only one.")

    def fields(self) -> dict[str, Any]:
        """Return it as the host takes it.

        Raises:
            Problem: A limit order has no price.
        """
        market = self.type in ("market", "m")
        if not market and not self.price:
            raise Problem(400, "bad_params", "price: a limit order needs one above zero")
        fields: dict[str, Any] = {
            "asset": self.symbol,
            "side": "BUY" if self.side in ("buy", "b") else "SELL",
            "size": format(self.qty, "f"),
            "client_id": self.client_order_id,
            "order_type": "MARKET" if market else "LIMIT",
            "time_in_force": {"g": "GTC", "gtx": "GTC"}.get(self.tif, self.tif.upper()),
        }
        if not market and self.price is not None:
            fields["price"] = format(self.price, "f")
        if self.tif == "gtx":
            fields["post_only"] = True
        return fields


class Cancel(BaseModel):
    """Cancels a plain order."""

    model_config = ConfigDict(extra="forbid")
    client_order_id: Id
    account: Name | None = None


class Change(BaseModel):
    """A change of controls."""

    model_config = ConfigDict(extra="forbid")
    account: Name | None = Field(default=None, description="None means all of them.")
    action: Literal["halt", "resume", "reduce_only", "freeze", "unfreeze", "flatten"]
    confirm: str = Field(
        max_length=64, description="The action's name in capital letters, typed by a person."
    )


class StrategyChange(BaseModel):
    """A change of a strategy."""

    model_config = ConfigDict(extra="forbid")
    name: Name
    action: Literal["start", "pause", "stop"]


def schema(model: type[BaseModel]) -> dict[str, Any]:
    """Return a route's part of the OpenAPI document: a body as JSON, or as form fields."""
    shape = model.model_json_schema()
    kinds = {kind: {"schema": shape} for kind in ("application/json", _FORM)}
    return {"requestBody": {"required": True, "content": kinds}}


async def body_of(request: Request, model: type[Body]) -> Body:
    """Return what a request carries.

    Args:
        request: JSON, unless its Content-Type says that it is a form.
        model: What it must be.

    Raises:
        Problem: It is no JSON object.
        RequestValidationError: A field is missing, unknown, or not what it must be.
    """
    data = await request.body()
    try:
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() == _FORM:
            fields: object = dict(
                parse_qsl(data.decode(), keep_blank_values=True, max_num_fields=_FIELDS_MAX)
            )
        else:
            fields = json.loads(data, parse_float=Decimal, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise Problem(400, "bad_json", f"the body cannot be read: {error}") from error
    if not isinstance(fields, dict) or len(fields) > _FIELDS_MAX:
        raise Problem(400, "bad_json", f"the body must be an object of at most {_FIELDS_MAX} fields")
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        raise RequestValidationError(error.errors(include_url=False, include_input=False)) from error


def _no_number(text: str) -> object:
    raise ValueError(f"{text} is no number")

"""The gateway's page in the reference, made from its OpenAPI document: `python -m dita.gateway.reference`."""

import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from dita.gateway.access import Access
from dita.gateway.app import build_app
from dita.gateway.hub import RING_FRAMES, Hub
from dita.gateway.source import Update

_HEAD: Final = """\
# The gateway's routes

Generated from the gateway's OpenAPI document, which `/openapi.json` serves. Lists are `{{"items": [...]}}`,
what was done is `{{"ok": true, ...}}`, and what was not `{{"error": NAME, "message": TEXT}}`. A POST takes
JSON or form fields. Money is text: a number is read by its text, never through a float. Scripts send
`Authorization: Bearer TOKEN`; a browser logs in, and sends the `X-CSRF-Token` that the login returned with
each POST.

The stream keeps the last {ring} frames: with `last_id`, or a browser's `Last-Event-ID`, it goes on after that
one. An older id, and one of the future, begins anew with a frame that has `"reset": true`. A frame is
`{{"id": N, "rows": {{KEY: VALUE}}, "gone": [KEY], "fills": [], "ended": [], "log": []}}`: the newest value of
each row that changed, then every fill, every order that ended and every line since. At most 20 frames come a
second; who does not read for 5 s is cut, and may come back.

| error | when |
|---|---|
| `bad_params` (400) | a field is missing, unknown or wrong, or the host refuses |
| `bad_json` (400) | the body is no JSON object |
| `unauthorized` (401), `forbidden` (403) | no token that is known; a role, a host or a page that may not |
| `not_found` (404) | no such route, order, trade or file |
| `too_large` (413), `too_many_requests` (429) | over a bound of the gateway's |
| `execution_unavailable` (503) | the host does not answer |
"""


class _Nothing:
    """A source for a document that is only read."""

    name = "none"
    kind = "none"

    async def read(self) -> Update:
        """Return nothing."""
        return Update()

    async def ask(self, request: str, **fields: Any) -> Any:  # noqa: ANN401 - as the protocol has it
        """Answer nothing."""
        return (request, fields)

    async def order(self, by: str, account: str | None, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Send nothing."""
        return {"by": by, "account": account, **fields}

    async def cancel(self, by: str, account: str | None, client_id: str, owner: str | None) -> dict[str, Any]:
        """Cancel nothing."""
        return {"by": by, "account": account, "client_id": client_id, "owner": owner}

    async def give_back(self, may_trade: Callable[[str], bool]) -> None:
        """Nothing is held."""

    async def close(self) -> None:
        """Nothing is open."""

    def story(self, account: str, trade_id: str) -> list[str]:
        """Tell nothing."""
        return [account, trade_id]


def page() -> str:
    """Return the page."""
    document = build_app(Hub(_Nothing()), Access(None)).openapi()
    return _HEAD.format(ring=f"{RING_FRAMES:,}") + "\n" + "\n".join(_routes(document)) + "\n"


def _routes(document: Mapping[str, Any]) -> Iterator[str]:
    for path, ways in sorted(document["paths"].items()):
        for way, route in ways.items():
            yield f"## {way.upper()} {path}\n"
            if route.get("description"):
                yield f"{route['description']}\n"
            fields = [*_query(route), *_body(route)]
            if fields:
                yield "| field | | |\n|---|---|---|"
                yield from fields
                yield ""


def _query(route: Mapping[str, Any]) -> Iterator[str]:
    for one in route.get("parameters", ()):
        yield _row(
            one["name"], one["schema"], needed=one.get("required", False), text=one.get("description", "")
        )


def _body(route: Mapping[str, Any]) -> Iterator[str]:
    content = route.get("requestBody", {}).get("content", {})
    for shape in list(content.values())[:1]:
        for name, schema in shape["schema"]["properties"].items():
            needed = name in shape["schema"].get("required", ())
            yield _row(name, schema, needed=needed, text=schema.get("description", ""))


def _flat(schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield schema
    for one in schema.get("anyOf", ()):
        yield from _flat(one)


def _row(name: str, schema: Mapping[str, Any], *, needed: bool, text: str) -> str:
    words = [word for one in _flat(schema) for word in one.get("enum", ())]
    kind = ", ".join(f"`{word}`" for word in words)
    if not kind:
        types = {one["type"] for one in _flat(schema) if one.get("type") not in (None, "null")}
        kind = "decimal" if "number" in types else " or ".join(sorted(types))
    default = schema.get("default")
    needs = "needed" if needed else "" if default is None else f"default `{default}`"
    return f"| `{name}` | {kind}{', ' if kind and needs else ''}{needs} | {text} |"


if __name__ == "__main__":
    sys.stdout.write(page())

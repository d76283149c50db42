"""Prints the configuration's reference in Markdown: `python -m dita.config.reference`."""

from collections.abc import Iterator

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from dita.config import models
from dita.config.sources import as_toml

_SECTIONS: tuple[tuple[str, type[models.Section]], ...] = (
    ("host", models.HostConfig),
    ("accounts.NAME", models.AccountConfig),
    ("accounts.NAME.simulated", models.SimulatedConfig),
    ("strategies.NAME", models.StrategyConfig),
    ("followers", models.FollowersConfig),
    ("web", models.WebConfig),
    ("alerts", models.AlertsConfig),
)
_HEAD = """\
# The configuration

Generated from the program by `make docs`; do not edit.

A configuration is one file, `dita.toml`. First to last count: `--set KEY=VALUE` on the command line, the
environment (`DITA_SECTION__KEY`, as `DITA_ACCOUNTS__MAIN__MAX_SLOTS=5`), the file, the defaults. A key that
is not known is refused. Decimals are text, so that they stay exact. Secrets are named, never written:
`env:NAME`, `file:PATH` (for its owner alone: `chmod 600`) or `keyring:SERVICE/NAME`.

`dita config check` names each fault; `dita config show --origin` says where each value comes from.
"""


def reference() -> str:
    """Return the reference: each section's keys, with defaults."""
    parts = [_HEAD]
    for name, model in _SECTIONS:
        parts.append(f"\n## [{name}]\n\n{(model.__doc__ or '').strip()}\n")
        rows = list(_rows(model))
        if rows:
            parts.append("\n| key | default | what it is |\n| --- | --- | --- |\n" + "".join(rows))
    return "".join(parts)


def _rows(model: type[models.Section]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            continue
        what = (field.description or "").replace("|", "\\|")
        yield f"| `{name}` | {_default(field)} | {what} |\n"


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True)
    if value is PydanticUndefined:
        return "needed"
    text = as_toml(value)
    return f"`{text}`" if text else "none"


if __name__ == "__main__":
    print(reference(), end="")

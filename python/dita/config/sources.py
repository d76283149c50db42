"""Where a configuration comes from, and which source counts."""

import difflib
import json
import os
import re
import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from dita.config.errors import ConfigError, Fault
from dita.config.models import AccountConfig, Config, StrategyConfig
from dita.errors import shown

FILE_NAME: Final = "dita.toml"
PREFIX: Final = "DITA_"
DEFAULT: Final = "default"
_BYTES_MAX: Final = 4 << 20
#: Tables whose keys are names that the user gives, and what each of them holds.
_NAMED: Final[dict[str, type[BaseModel]]] = {"accounts": AccountConfig, "strategies": StrategyConfig}
#: Whose values are never shown: somebody may have written the secret itself there.
_SECRET: Final = re.compile(r"(^|\.)(credentials|webhooks)(\.|$)")
#: A key that no model names, but a user chooses: any is taken.
_ANY: Final = "*"


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration, and where each of its values came from.

    Attributes:
        config: What counts.
        origins: By dotted key: the source of a value that is no default.
        path: The file; None where there is none.
    """

    config: Config
    origins: Mapping[str, str] = field(default_factory=dict)
    path: Path | None = None

    def values(self) -> Iterator[tuple[str, str, str]]:
        """Yield each key, its value as it would stand in the file, and its origin."""
        for key, value in _flat(self.config):
            yield key, as_toml(value), self.origin(key)

    def origin(self, key: str) -> str:
        """Return where a value came from.

        Args:
            key: Dotted, as `values` yields it.
        """
        while key:
            if key in self.origins:
                return self.origins[key]
            key = key.rpartition(".")[0]
        return DEFAULT


def load(
    path: str | os.PathLike[str] | None = None,
    *,
    overrides: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Loaded:
    """Read a configuration.

    Args:
        path: The file; None means no file.
        overrides: From the command line: dotted key to value, or to its text.
        environ: The environment; None means this process's.

    Returns:
        What counts, and where it came from.

    Raises:
        ConfigError: The file cannot be read, a key is not known, a value is wrong: every fault at once.
    """
    merged: dict[str, Any] = {}
    origins: dict[str, str] = {}
    faults: list[Fault] = []
    place = None if path is None else Path(path)
    if place is not None:
        _take_table(_read(place), str(place), merged, origins, "")
    for name, text in sorted((os.environ if environ is None else environ).items()):
        if name.startswith(PREFIX) and "__" in name:
            words = name.removeprefix(PREFIX).lower().split("__")
            _put(_resolved(words, merged), _value(text), f"environment {name}", merged, origins, faults)
    for key, value in (overrides or {}).items():
        given = _value(value) if isinstance(value, str) else value
        _put(_split(key), given, "command line", merged, origins, faults)
    if faults:
        raise ConfigError(faults)
    try:
        config = Config.model_validate(merged)
    except ValidationError as error:
        raise ConfigError([_fault(one, merged, origins) for one in error.errors()]) from None
    faults = list(_contradictions(config, origins))
    if faults:
        raise ConfigError(faults)
    return Loaded(config, origins, place)


def account_for(
    loaded: Loaded, name: str, command: str, counts: Collection[str], others: Collection[str] = ()
) -> AccountConfig:
    """Return the account of a command that trades one account, with its strategies on the command line.

    Args:
        loaded: The configuration.
        name: The account's name.
        command: The command, for the errors.
        counts: The keys of an account that the command applies; the command line or the venue gives the rest.
        others: Accounts that the same command trades with another venue; they are left alone.

    Raises:
        ConfigError: A key is set that would have no effect; every such key at once.
    """
    faults = []
    for key, origin in loaded.origins.items():
        section, _, rest = key.partition(".")
        account, _, field_ = rest.partition(".")
        if section == "strategies":
            why = f"has no effect on `{command}`, which takes its strategies from the command line: remove it"
        elif section != "accounts" or (account != name and account in others):
            continue
        elif account != name:
            why = f"has no effect on `{command}`, which trades the account {name}: write [accounts.{name}]"
        elif field_.partition(".")[0] in counts:
            continue
        else:
            why = (
                f"has no effect on `{command}`: the command line and the venue give it; remove it. Of an "
                f"account count {', '.join(sorted(counts))}"
            )
        faults.append(Fault(key, "", why, origin))
    if faults:
        raise ConfigError(faults)
    return loaded.config.accounts.get(name) or AccountConfig()


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            text = file.read(_BYTES_MAX + 1)
        if len(text) > _BYTES_MAX:
            raise ConfigError([Fault(str(path), "", f"is larger than {_BYTES_MAX} bytes", "file")])
        if path.suffix == ".json":
            content = json.loads(text, parse_float=Decimal)
            if not isinstance(content, dict):
                raise ConfigError([Fault(str(path), "", "is no JSON object", "file")])
            return content
        return tomllib.loads(text.decode())
    except OSError as error:
        raise ConfigError([Fault(str(path), "", error.strerror or str(error), "file")]) from error
    except (tomllib.TOMLDecodeError, json.JSONDecodeError, UnicodeDecodeError) as error:
        form = "JSON" if path.suffix == ".json" else "TOML"
        raise ConfigError([Fault(str(path), "", f"is no {form}: {error}", "file")]) from error


def _take_table(
    table: Mapping[str, Any], origin: str, merged: dict[str, Any], origins: dict[str, str], place: str
) -> None:
    for key, value in table.items():
        at = f"{place}{key}"
        if isinstance(value, Mapping):
            _take_table(value, origin, merged.setdefault(key, {}), origins, f"{at}.")
        else:
            merged[key] = value
            origins[at] = origin


def _put(
    keys: list[str],
    value: object,
    origin: str,
    merged: dict[str, Any],
    origins: dict[str, str],
    faults: list[Fault],
) -> None:
    """Set one value; the tables above it are made where they are not there."""
    table = merged
    for key in keys[:-1]:
        below = table.setdefault(key, {})
        if not isinstance(below, dict):
            faults.append(Fault(".".join(keys), "", f"{key} is no table", origin))
            return
        table = below
    table[keys[-1]] = value
    origins[".".join(keys)] = origin


def _split(key: str) -> list[str]:
    return key.split(".")


def _value(text: str) -> object:
    """Read a list or a table as TOML; everything else is text, which its field reads."""
    if text[:1] in ("[", "{"):
        try:
            return tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            return text
    return text


def _resolved(words: list[str], merged: Mapping[str, Any]) -> list[str]:
    """Find the keys that a variable's words mean: `BINANCE_MAIN` is the file's `binance/main`."""
    found: list[str] = []
    there: Any = merged
    for at, word in enumerate(words):
        known = [*_known(found), *(there if isinstance(there, Mapping) else ())]
        named = [key for key in known if key != _ANY and _plain(key) == word]
        found.append(named[0] if named else word)
        there = there.get(found[at], {}) if isinstance(there, Mapping) else {}
    return found


def _plain(key: str) -> str:
    return re.sub(r"[^a-z0-9]", "_", key.lower())


def _known(keys: list[str]) -> list[str]:
    """Name what may stand in a table; `*` where that is the user's to choose."""
    model: type[BaseModel] | None = Config
    for at, key in enumerate(keys):
        if model is None:
            return [_ANY]
        if at == 0 and key in _NAMED:
            if len(keys) == 1:
                return [_ANY]
            model = _NAMED[key]
            continue
        if at == 1 and keys[0] in _NAMED:
            continue
        item = model.model_fields.get(key)
        inner = None if item is None else item.annotation
        model = inner if isinstance(inner, type) and issubclass(inner, BaseModel) else None
    return [_ANY] if model is None else list(model.model_fields)


def _fault(error: Any, merged: Mapping[str, Any], origins: Mapping[str, str]) -> Fault:  # noqa: ANN401
    """Say one of pydantic's errors in terms of the file."""
    keys = _location(error["loc"], merged)
    key = ".".join(keys)
    origin = _origin_of(key, origins)
    if error["type"] == "extra_forbidden":
        known = [name for name in _known(keys[:-1]) if name != _ANY]
        return Fault(key, "", _unknown(keys[-1], known), origin)
    if error["type"] == "missing":
        return Fault(key, "", "is needed", origin)
    why = str(error["msg"]).removeprefix("Value error, ")
    if why.startswith(("Input should be ", "String should ")):
        why = why.replace("Input should be", "must be", 1).replace("String should", "must", 1)
    return Fault(key, "" if _SECRET.search(key) else shown(_at(merged, keys)), why, origin)


def _location(loc: tuple[Any, ...], merged: Mapping[str, Any]) -> list[str]:
    """Return a fault's keys, without what pydantic adds to them (the branch of a union)."""
    keys: list[str] = []
    there: Any = merged
    for one in loc:
        if keys and not isinstance(there, Mapping) and not isinstance(there, list):
            break
        keys.append(str(one))
        there = there.get(one) if isinstance(there, Mapping) else None
    return keys


def _unknown(key: str, known: list[str]) -> str:
    if not known:
        return "is not a key: this section has none yet"
    near = difflib.get_close_matches(key, known, 1, 0.5)
    hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(sorted(known))}"
    return f"is not a key; {hint}"


def _origin_of(key: str, origins: Mapping[str, str]) -> str:
    """Where a key, a table above it, or something in it came from."""
    above = key
    while above and above not in origins:
        above = above.rpartition(".")[0]
    below = (origin for place, origin in origins.items() if place.startswith(f"{key}."))
    return origins[above] if above else next(below, "nowhere")


def _at(merged: Mapping[str, Any], keys: list[str]) -> object:
    there: Any = merged
    for key in keys:
        if isinstance(there, list):
            there = there[int(key)] if key.isdecimal() and int(key) < len(there) else None
        else:
            there = there.get(key) if isinstance(there, Mapping) else None
    return there


def _contradictions(config: Config, origins: Mapping[str, str]) -> Iterator[Fault]:
    """Find what is right alone and wrong together."""
    for name, strategy in config.strategies.items():
        if strategy.account not in config.accounts:
            key = f"strategies.{name}.account"
            near = difflib.get_close_matches(strategy.account, config.accounts, 1, 0.5)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(sorted(config.accounts))}"
            yield Fault(key, shown(strategy.account), f"is no account; {hint}", _origin_of(key, origins))
    if not config.accounts:
        yield Fault("accounts", "", "has none: name at least one", _origin_of("accounts", origins))


def _flat(value: object, place: str = "") -> Iterator[tuple[str, object]]:
    if isinstance(value, BaseModel):
        value = {name: getattr(value, name) for name in type(value).model_fields}
    if isinstance(value, Mapping) and (value or not place):
        for key, one in value.items():
            yield from _flat(one, f"{place}.{key}" if place else str(key))
        return
    yield place, value


def as_toml(value: object) -> str:
    """Return a value as it stands in the file; None, which TOML has not, as nothing.

    Args:
        value: A value of a configuration.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_key(str(key))} = {as_toml(one)}" for key, one in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(as_toml(one) for one in value) + "]"
    text = format(value, "f") if isinstance(value, Decimal) else str(value)
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def _key(text: str) -> str:
    return text if re.fullmatch(r"[A-Za-z0-9_-]+", text) else '"' + text.replace('"', '\\"') + '"'


def standing_file() -> Path | None:
    """Return the configuration of the folder that the program runs in; None where there is none."""
    return Path(FILE_NAME) if Path(FILE_NAME).is_file() else None


__all__ = ["DEFAULT", "FILE_NAME", "PREFIX", "Loaded", "account_for", "as_toml", "load", "standing_file"]

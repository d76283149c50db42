"""What research decided: files of target weights, read whole, checked, and identified by their hash.

Three forms: `portfolio_optimized_v3.json` with a list of `winners`; its older form with `profile` and
`assets` at the root; drift targets, a list of `Symbol Target_Weight Actual_Weight Drift Source_Run`.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from dita._kernel import Regime
from dita.errors import shown
from dita.portfolio.errors import PortfolioCode, PortfolioRefused, refused_field

FILE_BYTES_MAX: Final = 64 << 20
TARGETS_MAX: Final = 60_000
#: Clocks of two machines are as far apart, not more.
AHEAD_NS_MAX: Final = 300_000_000_000
#: Weights are written with so many decimals at most, and are no larger than that many digits say.
_EXPONENT_MAX: Final = 60
#: By how much the sum of absolute weights may be above the limit: what their writer's floats lose.
GROSS_SLACK: Final = Decimal("1e-6")
_DRIFT_SLACK: Final = Decimal("1e-6")
_SECOND_NS: Final = 1_000_000_000


class TargetForm(StrEnum):
    """How a file of targets is laid out."""

    WINNERS = "WINNERS"
    SINGLE = "SINGLE"
    DRIFT = "DRIFT"


@dataclass(frozen=True, slots=True)
class TargetAsset:
    """One target.

    Attributes:
        symbol: As the file has it.
        weight: The share of the account, + long, - short.
        source_run: The run that asks for it; empty where the file names none.
        given: The file's own entry: what a shadow fill writes down.
    """

    symbol: str
    weight: Decimal
    source_run: str
    given: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Target:
    """One portfolio of a file.

    Attributes:
        rank: Its place among the winners; 1 where the file has one only.
        profile: Its profile.
        engine: What has optimised it.
        regime: NORMAL or CRISIS, the worse of what the file and its assets say.
        regime_name: As the file has it.
        generated_at_ns: When it was made, nanoseconds; the oldest time that the file tells.
        source_run: The run that it comes from.
        returns_hash: Of the returns that the run has seen; empty where the file has none.
        assets: The targets.
    """

    rank: int
    profile: str
    engine: str
    regime: Regime
    regime_name: str
    generated_at_ns: int
    source_run: str
    returns_hash: str
    assets: tuple[TargetAsset, ...]

    @property
    def key(self) -> str:
        """Its name in `portfolio_actual_state.json`: `Rank{n}_{engine}_{profile}`."""
        return f"Rank{self.rank}_{self.engine}_{self.profile}"

    @property
    def gross(self) -> Decimal:
        """The sum of the absolute weights."""
        return sum((abs(asset.weight) for asset in self.assets), Decimal(0))

    @property
    def source_runs(self) -> tuple[str, ...]:
        """The runs that its targets come from, each once; one that is not named is empty."""
        return tuple(dict.fromkeys(asset.source_run for asset in self.assets))


@dataclass(frozen=True, slots=True)
class TargetFile:
    """A file of targets as it was read.

    Attributes:
        path: Which.
        sha256: Of its bytes, hex.
        form: How it is laid out.
        targets: Its portfolios, by rank.
    """

    path: Path
    sha256: str
    form: TargetForm
    targets: tuple[Target, ...]

    def ranked(self, rank: int) -> Target:
        """Return the portfolio of a rank.

        Args:
            rank: 1 is the default winner.

        Raises:
            PortfolioRefused: NO_SUCH_RANK.
        """
        for target in self.targets:
            if target.rank == rank:
                return target
        known = ", ".join(str(target.rank) for target in self.targets)
        raise refused_field(
            PortfolioCode.NO_SUCH_RANK, "rank", rank, f"is none of those in {self.path}: {known}"
        )


def read_bytes(path: Path) -> bytes:
    """Read a file whole, and refuse one that changes meanwhile.

    Raises:
        PortfolioRefused: BAD_FILE, or FILE_CHANGED.
    """
    try:
        with path.open("rb") as file:
            before = os.fstat(file.fileno())
            if before.st_size > FILE_BYTES_MAX:
                raise PortfolioRefused(
                    PortfolioCode.BAD_FILE,
                    f"{path}: has {before.st_size:,} bytes; {FILE_BYTES_MAX:,} are read at most",
                )
            content = file.read(FILE_BYTES_MAX + 1)
            after = os.fstat(file.fileno())
            named = path.stat()
    except OSError as error:
        raise PortfolioRefused(PortfolioCode.BAD_FILE, f"{path}: {error.strerror or error}") from error
    if _state(before) != _state(after) or _state(after) != _state(named) or len(content) != after.st_size:
        raise PortfolioRefused(
            PortfolioCode.FILE_CHANGED,
            f"{path}: was changed while it was read: write it elsewhere and rename it into place, "
            "then ask again",
        )
    return content


def _state(stat: os.stat_result) -> tuple[int, int, int, int]:
    return (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns)


def read_targets(path: Path, *, sha256: str | None = None) -> TargetFile:
    """Read a file of targets, and check what it says by itself.

    Args:
        path: The file.
        sha256: What its hash must be, hex; None means: as `PATH.sha256` beside it says, where that is.

    Raises:
        PortfolioRefused: BAD_FILE, FILE_CHANGED, HASH_MISMATCH, INVALID_WEIGHT, DUPLICATE_SYMBOL, NO_TARGETS.
    """
    content = read_bytes(path)
    found = hashlib.sha256(content).hexdigest()
    wanted = _beside(path) if sha256 is None else sha256
    if wanted is not None and wanted.lower() != found:
        raise refused_field(
            PortfolioCode.HASH_MISMATCH,
            "sha256",
            found,
            f"is the hash of {path}, and it must be {shown(wanted)}: the file is not the one that was meant",
        )
    root = _parsed(path, content)
    modified_ns = path.stat().st_mtime_ns
    if isinstance(root, list) and any(isinstance(one, dict) and "assets" in one for one in root):
        root = {"winners": root}
    if isinstance(root, list):
        targets = (_drift(path, root, modified_ns),)
        return TargetFile(path, found, TargetForm.DRIFT, targets)
    if not isinstance(root, dict):
        raise PortfolioRefused(
            PortfolioCode.BAD_FILE, f"{path}: must be a JSON object with winners or assets, or a list"
        )
    if "winners" not in root:
        return TargetFile(path, found, TargetForm.SINGLE, (_winner(path, root, "", 1, modified_ns),))
    winners = _rows(path, root["winners"], "winners")
    ranked = tuple(
        _winner(path, winner, f"winners[{at}].", at + 1, modified_ns) for at, winner in enumerate(winners)
    )
    ranks = [target.rank for target in ranked]
    for at, rank in enumerate(ranks):
        if rank in ranks[:at]:
            raise refused_field(PortfolioCode.BAD_FILE, f"{path}: winners[{at}].rank", rank, "is there twice")
    if not ranked:
        raise PortfolioRefused(PortfolioCode.NO_TARGETS, f"{path}: winners: is empty")
    return TargetFile(path, found, TargetForm.WINNERS, tuple(sorted(ranked, key=lambda one: one.rank)))


def _beside(path: Path) -> str | None:
    """Return the hash that a file beside it says, as `sha256sum` writes it."""
    try:
        said = path.with_name(path.name + ".sha256").read_text(encoding="utf-8").split()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise PortfolioRefused(PortfolioCode.BAD_FILE, f"{path}.sha256: cannot be read: {error}") from error
    return said[0] if said else ""


def _parsed(path: Path, content: bytes) -> Any:  # noqa: ANN401 - JSON
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        named = dict(pairs)
        if len(named) != len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for at, name in enumerate(names) if name in names[:at])
            raise PortfolioRefused(PortfolioCode.BAD_FILE, f"{path}: the key {shown(twice)} is there twice")
        return named

    try:
        return json.loads(
            content, parse_float=Decimal, parse_int=_whole, parse_constant=Decimal, object_pairs_hook=once
        )
    except (ValueError, RecursionError, InvalidOperation) as error:
        raise PortfolioRefused(PortfolioCode.BAD_FILE, f"{path}: is no JSON: {error}") from error


def _whole(text: str) -> int | Decimal:
    # Python refuses to make an int of thousands of digits; a Decimal of them is refused later, by its field.
    return int(text) if len(text) < 40 else Decimal(text)


def _rows(path: Path, given: object, field: str) -> Sequence[Mapping[str, Any]]:
    if not isinstance(given, list):
        raise refused_field(PortfolioCode.BAD_FILE, f"{path}: {field}", given, "must be a list")
    if len(given) > TARGETS_MAX:
        raise refused_field(
            PortfolioCode.BAD_FILE, f"{path}: {field}", len(given), f"are more than {TARGETS_MAX:,} entries"
        )
    for at, one in enumerate(given):
        if not isinstance(one, dict):
            raise refused_field(PortfolioCode.BAD_FILE, f"{path}: {field}[{at}]", one, "must be an object")
    return given


def _winner(path: Path, given: Mapping[str, Any], place: str, rank_default: int, modified_ns: int) -> Target:
    said = given.get("metadata")
    metadata: Mapping[str, Any] = {} if said is None else said
    if not isinstance(metadata, Mapping):
        raise refused_field(PortfolioCode.BAD_FILE, f"{path}: {place}metadata", said, "must be an object")
    rank = given.get("rank", rank_default)
    if isinstance(rank, bool) or not isinstance(rank, int) or not 1 <= rank <= 10_000:
        raise refused_field(
            PortfolioCode.BAD_FILE, f"{path}: {place}rank", rank, "must be a whole number, 1 or more"
        )
    run = _text(path, f"{place}metadata.source_run_id", metadata.get("source_run_id"))
    assets, times, regimes = [], list[int](), [_regime_of(given.get("regime"))]
    for at, row in enumerate(_rows(path, given.get("assets"), f"{place}assets")):
        where = f"{path}: {place}assets[{at}]"
        assets.append(_asset(where, row, row.get("Source_Run") or run))
        regimes.append(_regime_of(row.get("Regime")))
        if row.get("Generated_At") is not None:
            times.append(_time(f"{where}.Generated_At", row["Generated_At"]))
    if metadata.get("generated_at") is not None:
        times.append(_time(f"{path}: {place}metadata.generated_at", metadata["generated_at"]))
    _checked(path, place, assets)
    named = next((name for name in regimes if name), "")
    crisis = next((name for name in regimes if name.upper() == Regime.CRISIS), "")
    return Target(
        rank=rank,
        profile=_text(path, f"{place}profile", given.get("profile")) or _first(given, "Profile"),
        engine=_text(path, f"{place}engine", given.get("engine")) or _first(given, "Engine"),
        regime=Regime.CRISIS if crisis else Regime.NORMAL,
        regime_name=crisis or named,
        generated_at_ns=min(times, default=modified_ns),
        source_run=run or next((asset.source_run for asset in assets), ""),
        returns_hash=_text(path, f"{place}metadata.source_returns_hash", metadata.get("source_returns_hash")),
        assets=tuple(assets),
    )


def _first(given: Mapping[str, Any], name: str) -> str:
    """What the assets say of the whole, where the root does not."""
    found = next((row[name] for row in given["assets"] if isinstance(row.get(name), str)), "")
    return found or "unknown"


def _drift(path: Path, rows: list[Any], modified_ns: int) -> Target:
    assets = []
    for at, row in enumerate(_rows(path, rows, "targets")):
        where = f"{path}: targets[{at}]"
        weight = _weight(f"{where}.Target_Weight", row.get("Target_Weight"))
        if row.get("Actual_Weight") is not None and row.get("Drift") is not None:
            actual = _weight(f"{where}.Actual_Weight", row["Actual_Weight"])
            drift = _weight(f"{where}.Drift", row["Drift"])
            if abs(weight - actual - drift) > _DRIFT_SLACK:
                raise refused_field(
                    PortfolioCode.INVALID_WEIGHT,
                    f"{where}.Drift",
                    drift,
                    f"is not Target_Weight less Actual_Weight, {weight - actual}",
                )
        assets.append(_asset(where, {**row, "Net_Weight": weight}, row.get("Source_Run")))
    _checked(path, "", assets)
    runs = tuple(dict.fromkeys(asset.source_run for asset in assets))
    return Target(1, "drift", "drift", Regime.NORMAL, "", modified_ns, runs[0], "", tuple(assets))


def _asset(where: str, row: Mapping[str, Any], run: object) -> TargetAsset:
    symbol = row.get("Symbol")
    if not isinstance(symbol, str) or not symbol.strip() or len(symbol.encode()) > 64:
        raise refused_field(PortfolioCode.BAD_FILE, f"{where}.Symbol", symbol, "must be a symbol, a text")
    weight = weight_in(where, row)
    if run is not None and not isinstance(run, str):
        raise refused_field(PortfolioCode.BAD_FILE, f"{where}.Source_Run", run, "must be a text")
    return TargetAsset(symbol.strip(), weight, run or "", row)


def weight_in(where: str, row: Mapping[str, Any]) -> Decimal:
    """Return the weight that an entry of a file says, + long.

    Args:
        where: The entry's place, for the error.
        row: The entry.

    Raises:
        PortfolioRefused: INVALID_WEIGHT.
    """
    if "Net_Weight" in row:
        return _weight(f"{where}.Net_Weight", row["Net_Weight"])
    weight = _weight(f"{where}.Weight", row.get("Weight"))
    # The older form has sizes without a sign beside a direction.
    return -abs(weight) if str(row.get("Direction", "")).upper() == "SHORT" else weight


def _checked(path: Path, place: str, assets: Sequence[TargetAsset]) -> None:
    if not assets:
        raise PortfolioRefused(
            PortfolioCode.NO_TARGETS,
            f"{path}: {place}assets: is empty; to leave every position use `dita flatten`",
        )
    seen: set[str] = set()
    for asset in assets:
        if asset.symbol in seen:
            raise refused_field(
                PortfolioCode.DUPLICATE_SYMBOL,
                f"{path}: {place}assets.Symbol",
                asset.symbol,
                "is there twice",
            )
        seen.add(asset.symbol)


def _weight(field: str, given: object) -> Decimal:
    if isinstance(given, str):
        try:
            given = Decimal(given)
        except InvalidOperation:
            raise refused_field(PortfolioCode.INVALID_WEIGHT, field, given, "is no number") from None
    if isinstance(given, bool) or not isinstance(given, (int, Decimal)):
        raise refused_field(PortfolioCode.INVALID_WEIGHT, field, given, "is no number")
    weight = Decimal(given)
    if not weight.is_finite():
        raise refused_field(PortfolioCode.INVALID_WEIGHT, field, given, "is not finite")
    exponent = weight.as_tuple().exponent
    if not isinstance(exponent, int) or exponent < -_EXPONENT_MAX or weight.adjusted() > _EXPONENT_MAX:
        raise refused_field(PortfolioCode.INVALID_WEIGHT, field, given, "has too many digits for a weight")
    return weight


def _text(path: Path, field: str, given: object) -> str:
    if given is None:
        return ""
    if not isinstance(given, str):
        raise refused_field(PortfolioCode.BAD_FILE, f"{path}: {field}", given, "must be a text")
    return given


def _regime_of(given: object) -> str:
    name = given.get("name") if isinstance(given, Mapping) else given
    return name if isinstance(name, str) else ""


def _time(field: str, given: object) -> int:
    """Read a time; one without an offset is this machine's, as what writes these files means it."""
    try:
        moment = datetime.fromisoformat(given if isinstance(given, str) else "")
        since = moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    except (ValueError, OverflowError, OSError):
        raise refused_field(
            PortfolioCode.BAD_FILE, field, given, "is no time: write it like 2026-11-24T08:00:00+00:00"
        ) from None
    return (since.days * 86_400 + since.seconds) * _SECOND_NS + since.microseconds * 1_000


def check_age(target: Target, now_ns: int, max_age_ns: int) -> None:
    """Refuse targets that are too old, or from the future.

    Args:
        target: Which.
        now_ns: What time it is.
        max_age_ns: How old they may be.

    Raises:
        PortfolioRefused: STALE.
    """
    age_ns = now_ns - target.generated_at_ns
    made = datetime.fromtimestamp(target.generated_at_ns // _SECOND_NS, UTC).isoformat()
    if age_ns > max_age_ns:
        raise refused_field(
            PortfolioCode.STALE,
            "generated_at",
            made,
            f"is {_span(age_ns)} ago, and at most {_span(max_age_ns)} are taken (--max-age)",
        )
    if age_ns < -AHEAD_NS_MAX:
        raise refused_field(
            PortfolioCode.STALE, "generated_at", made, f"is {_span(-age_ns)} ahead of this machine's clock"
        )


def check_gross(target: Target, max_gross: Decimal) -> None:
    """Refuse targets that together are larger than the account may be. Long and short add up.

    Args:
        target: Which.
        max_gross: How large the sum of absolute weights may be.

    Raises:
        PortfolioRefused: GROSS_TOO_HIGH.
    """
    if target.gross > max_gross + GROSS_SLACK:
        raise refused_field(
            PortfolioCode.GROSS_TOO_HIGH,
            "gross",
            target.gross,
            f"is the sum of the absolute weights, and max_gross is {max_gross}",
        )


def _span(nanoseconds: int) -> str:
    seconds = nanoseconds // _SECOND_NS
    for unit, name in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * unit:
            return f"{seconds // unit} {name}"
    return f"{seconds} s"


class Symbols:
    """Finds the instrument that a file's symbol means."""

    def __init__(self, instruments: Sequence[str]) -> None:
        """Know an account's instruments.

        Args:
            instruments: Their symbols.
        """
        self._known = set(instruments)
        self._plain: dict[str, str | None] = {}
        for symbol in instruments:
            plain = _plain(symbol)
            # What two instruments are written like means neither.
            self._plain[plain] = None if plain in self._plain else symbol

    def find(self, symbol: str) -> str | None:
        """Return the instrument; None where there is none.

        As it stands; else without an exchange's name before a colon, the marks between base and quote, and
        the `.P` of a perpetual: `BINANCE:BTCUSDT.P` and `BTC/USDT:USDT` are `BTCUSDT`.

        Args:
            symbol: As the file has it.
        """
        if symbol in self._known:
            return symbol
        return self._plain.get(_plain(symbol))


def _plain(symbol: str) -> str:
    text = symbol.upper()
    before, colon, after = text.partition(":")
    if colon:
        # An exchange before, as BINANCE:BTCUSDT, or the settlement asset behind, as BTC/USDT:USDT.
        text = before if "/" in before else after
    text = text.removesuffix(".P")
    return "".join(letter for letter in text if letter not in "/-_ ")


def resolved(file: TargetFile, target: Target, symbols: Symbols) -> Iterator[tuple[TargetAsset, str]]:
    """Yield each target with its instrument.

    Args:
        file: What they stand in.
        target: Which portfolio of it.
        symbols: The account's.

    Raises:
        PortfolioRefused: UNKNOWN_SYMBOL, or DUPLICATE_SYMBOL where two mean the same instrument.
    """
    seen: dict[str, str] = {}
    for asset in target.assets:
        found = symbols.find(asset.symbol)
        if found is None:
            raise refused_field(
                PortfolioCode.UNKNOWN_SYMBOL,
                f"{file.path}: Symbol",
                asset.symbol,
                "is no instrument of the account: add it to its instruments, or take it out of the file",
            )
        if found in seen:
            raise refused_field(
                PortfolioCode.DUPLICATE_SYMBOL,
                f"{file.path}: Symbol",
                asset.symbol,
                f"means {found}, as {seen[found]} does",
            )
        seen[found] = asset.symbol
        yield asset, found

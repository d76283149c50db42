"""The journal in the embedded engine: the real one, each row exact."""

import json
import shutil
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dita import ControlUpdate, VenueEvent
from dita._kernel import LogFollower, journal_tables
from dita.follow import Follower, TargetRefused
from dita.follow.journal import JournalTarget
from dita.journal.clickhouse import ClickHouseWriter
from dita.journal.place import JournalAway, JournalRefused, place_of, translated
from dita.journal.query import _read
from dita.journal.schema import TABLES, migrations, statements
from kernels import ENTER, EXIT, SYMBOL
from logged import Desk, busy


@pytest.fixture(name="desk", scope="module")
def _desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    desk = busy(tmp_path_factory.mktemp("desk") / "log")
    # What Decimal(38, 18) cannot hold must not be rounded, nor lost.
    desk.ask(ENTER, "fine", 3, target_size="0.1234567890123456789")
    desk.kernel.on_account_event(
        {
            "kind": "ACCOUNT_UPDATE",
            "timestamp": desk.now_ns,
            "asset": "USDT",
            "wallet_balance": "9990.5",
            "venue_sequence": 2**63 - 1,
        }
    )
    reported = {
        "status": "FILLED",
        "venue_client_id": desk.kernel.orders()[0].venue_client_id,
        "venue_sequence": 7,
    }
    desk.kernel.on_venue_event(VenueEvent(timestamp=desk.now_ns, kind="ORDER_STATUS", **reported))
    desk.kernel.sync()
    yield desk
    desk.kernel.close()


@pytest.fixture(name="log_dir")
def _log_dir(desk: Desk, tmp_path: Path) -> Path:
    return Path(shutil.copytree(desk.log_dir, tmp_path / "log"))


def follow(log_dir: Path, writer: ClickHouseWriter, **options: Any) -> Follower:
    """Follow to the log's end, without answering queries."""
    target = JournalTarget(writer)
    target._server = object()  # type: ignore[assignment]
    target.close = lambda: None  # type: ignore[method-assign]
    follower = Follower(log_dir, target, kernel="main", back_off_s=(0.0, 0.0), **options)
    follower.run(until_end=True)
    return follower


def rows(base: Any, sql: str) -> list[dict[str, Any]]:
    return list(_read(base.query_json(sql)).dicts())


def test_everything_that_happened_is_there_exactly(desk: Desk, log_dir: Path, base: Any) -> None:
    follower = follow(log_dir, base, records_max=10)
    kernel = desk.kernel
    assert base.count("intents") == desk.intents
    assert base.count("ledger_entries") == len(kernel.ledger())
    assert follower.status.rows == sum(base.count(table) for table in TABLES)

    booked = rows(base, "SELECT * FROM ledger_entries ORDER BY number")
    for row, entry in zip(booked, kernel.ledger(), strict=True):
        assert (row["number"], row["seq"], row["asset"], row["cause"]) == tuple(
            entry[key] if key != "cause" else str(entry[key]) for key in ("number", "seq", "asset", "cause")
        )
        assert row["amount"] == entry["amount"]
    (sums,) = rows(base, "SELECT sum(k_change) AS k FROM ledger_entries WHERE asset = 'USDT'")
    assert sums["k"] == desk.k()

    fills = rows(base, "SELECT * FROM fills_now ORDER BY seq")
    assert sorted(row["notional"] for row in fills) == sorted(notional for _, notional, _ in desk.fills)
    assert sum(row["fee"] for row in fills) == kernel.account.state()["k_fees_paid"]

    (last,) = rows(
        base, "SELECT * FROM account_snapshots WHERE asset = 'USDT' ORDER BY seq DESC, n DESC LIMIT 1"
    )
    state = kernel.account.state()
    for field in (
        "equity",
        "k_capital",
        "k_fees_paid",
        "e_wallet_balance",
        "reconcile_delta",
        "available_capital",
    ):
        assert last[field] == state[field], field
    assert last["reconcile_status"] == str(state["reconcile_status"])
    assert [part["cause"] for part in json.loads(last["reconcile_causes"])] == [
        part["cause"] for part in state["reconcile_causes"]
    ]

    (held,) = rows(
        base, "SELECT * FROM transitions WHERE trade_id = 'held' ORDER BY seq DESC, n DESC LIMIT 1"
    )
    assert (held["next_state"], held["size"], held["asset"]) == ("POSITION_OPEN", Decimal(3), SYMBOL)
    (control,) = rows(base, "SELECT * FROM control_changes")
    assert (control["updated_by"], json.loads(control["limits"])) == ("ops", {"max_order_notional": "5000"})


def test_an_override_is_found_with_who_why_and_its_end_and_so_is_each_intent_that_used_it(
    tmp_path: Path, base: Any
) -> None:
    desk = Desk(tmp_path / "log")
    desk.quote("100.0", "100.1")
    name = f"alice-7f3a1c@{desk.now_ns // 10**9 + 3600}"
    update = desk.kernel.update_control
    update(ControlUpdate(regime="CRISIS", updated_by="ops"))
    update(ControlUpdate(audited=(name,), updated_by="alice", why="hedge for the book"))
    desk.ask(ENTER, "one", target_size="1", override_ref=name)
    desk.ask(ENTER, "two", 1, target_size="1")
    desk.kernel.close()
    follow(desk.log_dir, base)
    found = rows(
        base,
        "SELECT event, given_by, why, toUnixTimestamp(until) AS until, intent_id FROM overrides ORDER BY seq",
    )
    until = desk.now_ns // 10**9 + 3600
    assert [tuple(row.values()) for row in found] == [
        ("GIVEN", "alice", "hedge for the book", until, ""),
        ("USED", "alice", "hedge for the book", until, "i1"),
    ]
    named = rows(base, "SELECT trade_id, code FROM intents WHERE override_ref = '" + name + "'")
    assert [tuple(row.values()) for row in named] == [("one", "OK")]


def test_the_wallets_of_bots_add_up_to_k_in_each_input_and_a_transfer_is_named(
    tmp_path: Path, base: Any
) -> None:
    desk = Desk(tmp_path / "log")
    desk.quote("100.0", "100.1")
    give = desk.kernel.transfer_capital
    for bot in ("scalper", "hedger"):
        assert give(None, bot, "1000", transfer_id=f"capital:{bot}", by="ops", opens=True).accepted
    desk.ask(ENTER, "one", target_size="1", owner="scalper")
    desk.ask(ENTER, "two", 1, target_size="2", owner="hedger")
    desk.quote("110.0", "110.1")
    desk.ask(EXIT, "one")
    assert give("scalper", "hedger", "5", transfer_id="monday", by="ops").accepted
    desk.kernel.close()
    follow(desk.log_dir, base)
    sums = rows(
        base,
        "SELECT seq, sum(wallet) AS wallets, any(k_capital) AS k FROM bot_snapshots "
        "JOIN account_snapshots USING (kernel, seq, asset) GROUP BY seq",
    )
    assert len(sums) > 2
    assert all(row["wallets"] == row["k"] for row in sums), sums
    named = rows(base, "SELECT bot, capital, transfer_by FROM bot_snapshots WHERE transfer_id = 'monday'")
    assert [(row["bot"], row["capital"], row["transfer_by"]) for row in named][:2] == [
        ("hedger", Decimal(1005), "ops"),
        ("scalper", Decimal(995), "ops"),
    ]


def test_rows_of_intents_transitions_and_fills_name_the_trades_owner(tmp_path: Path, base: Any) -> None:
    desk = Desk(tmp_path / "log")
    desk.quote("100.0", "100.1")
    desk.ask(ENTER, "owned", target_size="1", owner="scalper")
    desk.ask(EXIT, "owned")
    desk.ask(ENTER, "nobodys", 1, target_size="1")
    desk.kernel.close()
    follow(desk.log_dir, base)
    for table, expected in (
        ("intents", [("nobodys", ""), ("owned", ""), ("owned", "scalper")]),
        ("transitions", [("nobodys", ""), ("owned", "scalper")]),
        ("fills", [("nobodys", ""), ("owned", "scalper")]),
        ("fills_now", [("nobodys", ""), ("owned", "scalper")]),
    ):
        found = rows(base, f"SELECT DISTINCT trade_id, owner FROM {table} ORDER BY trade_id, owner")
        assert [(row["trade_id"], row["owner"]) for row in found] == expected, table


def test_a_refusal_says_why_and_a_number_too_fine_is_reported_as_text(log_dir: Path, base: Any) -> None:
    follow(log_dir, base)
    (refused,) = rows(base, "SELECT * FROM intents WHERE NOT accepted")
    (fine,) = rows(base, "SELECT * FROM intents WHERE trade_id = 'fine'")
    assert (refused["trade_id"], refused["code"], refused["target_size"]) == ("refused", "RISK_BLOCKED", 200)
    assert refused["detail"].startswith("max_order_notional 5000: ")
    assert (fine["target_size"], fine["unheld"]) == (None, "target_size=0.1234567890123456789")


def test_times_are_exact_to_the_nanosecond(tmp_path: Path, base: Any) -> None:
    desk = Desk(tmp_path / "log")
    exact_ns = desk.now_ns + 1_123_456_789
    desk.kernel.advance_time(exact_ns)
    desk.limit(max_order_notional="1")
    desk.kernel.close()
    follow(desk.log_dir, base)
    (row,) = rows(base, "SELECT toUnixTimestamp64Nano(time) AS ns, time FROM control_changes")
    assert row["ns"] == exact_ns
    assert row["time"].endswith(".123456789")


def test_the_same_batch_again_adds_nothing(log_dir: Path, base: Any) -> None:
    source = LogFollower(log_dir, "main", "journal", journal=True)
    batch = source.poll(records_max=1_000, bytes_max=1 << 30)
    assert batch is not None
    base.open()
    for _ in range(3):
        base.write(batch["blocks"], "main:1-1000:x")
    assert sum(base.count(table) for table in TABLES) == sum(count for _, count, _ in batch["blocks"])


def test_a_batch_over_many_days_is_known_again(tmp_path: Path, base: Any) -> None:
    desk = Desk(tmp_path / "log")
    for day in range(1, 200):
        desk.kernel.advance_time(desk.now_ns + day * 86_400_000_000_000)
        desk.limit(max_order_notional=str(day))
    desk.kernel.close()
    source = LogFollower(desk.log_dir, "main", "journal", journal=True)
    base.open()
    batches = []
    while (batch := source.poll(records_max=10_000, bytes_max=1 << 30)) is not None:
        batches.append(batch)
    assert len(batches) == 3, "a batch has at most 90 days"
    for batch in batches:
        for _ in range(2):
            base.write(batch["blocks"], str(batch["last_seq"]))
    assert base.count("control_changes") == 199


def test_a_follower_that_was_cut_off_anywhere_adds_up_exactly(
    log_dir: Path, tmp_path: Path, base: Any, new_base: Callable[[], Any]
) -> None:
    follow(log_dir, base)
    whole = {table: base.count(table) for table in TABLES}

    class CutOffError(Exception):
        pass

    for cut in range(0, 24, 5):
        copy = Path(shutil.copytree(log_dir, tmp_path / f"cut{cut}"))
        (copy / "journal.cursor").unlink()
        other = new_base()
        inserted = 0
        write = other.write

        def dying(blocks: Any, token: str, write: Any = write, cut: int = cut) -> None:
            nonlocal inserted
            # Dies after some of the batch's tables.
            for block in blocks:
                if inserted == cut:
                    inserted += 1
                    raise CutOffError
                write([block], token)
                inserted += 1

        other.write = dying
        with pytest.raises(CutOffError):
            follow(copy, other, records_max=20)
        other.write = write
        follow(copy, other, records_max=500)
        assert {table: other.count(table) for table in TABLES} == whole, f"cut off after {cut}"


def test_rows_are_written_while_the_control_says_so(tmp_path: Path, base: Any) -> None:
    desk = Desk(tmp_path / "log")
    desk.quote("100.0", "100.1")
    desk.trade(1, "1", "100.0")
    for enabled in (True, False):
        desk.kernel.update_control(ControlUpdate(debug_clickhouse_enabled=enabled, updated_by="ops"))
        desk.trade(2 if enabled else 3, "1", "100.0")
    desk.kernel.close()
    follow(desk.log_dir, base, when_enabled=True)
    assert {row["trade_id"] for row in rows(base, "SELECT DISTINCT trade_id FROM intents")} == {"t2"}
    assert base.count("control_changes") == 2


def test_the_venues_own_numbers_are_kept(log_dir: Path, base: Any) -> None:
    follow(log_dir, base)
    for table, number in (("venue_events", 7), ("account_events", 2**63 - 1)):
        found = rows(base, f"SELECT DISTINCT venue_sequence FROM {table} ORDER BY venue_sequence")
        assert [row["venue_sequence"] for row in found] == [number, None], table


def test_a_database_of_the_first_schema_is_brought_up_to_the_newest(base: Any) -> None:
    base.open()
    for table in ("venue_events", "account_events"):
        base.value(f"ALTER TABLE {table} DROP COLUMN venue_sequence")
    base.value("ALTER TABLE schema_versions DELETE WHERE version > 1 SETTINGS mutations_sync = 2")
    base.open()
    assert base.value("SELECT max(version) FROM schema_versions") == migrations()[-1][0]
    for table in ("venue_events", "account_events"):
        assert base.value(f"SELECT count(venue_sequence) FROM {table}") == 0


def test_migrating_again_changes_nothing(base: Any) -> None:
    first = base.open()
    assert base.open() == first
    assert base.value("SELECT max(version) FROM schema_versions") == migrations()[-1][0]


def test_the_migrations_make_what_is_written() -> None:
    sql = "\n".join(sql for _, _, sql in migrations())
    for table, columns in journal_tables():
        assert f"{{database}}.{table}\n" in sql
        assert len({name for name, _, _ in columns}) == len(columns)
    made = [statement for statement in statements(sql, "x") if statement.startswith("CREATE")]
    # The tables, and the view of fills as they are now, made anew where its table got columns.
    assert len(made) == len(TABLES) + 3


def test_a_newer_schema_is_refused(base: Any) -> None:
    base.open()
    base.value("INSERT INTO schema_versions (version, name) VALUES (99, 'later')")
    with pytest.raises(
        JournalRefused, match=r"has schema 99, and this version of dita knows 7: use a newer dita"
    ):
        base.open()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("ALTER TABLE fills DROP COLUMN fee", r"fills\.fee is missing: it was altered by hand"),
        (
            "ALTER TABLE fills MODIFY COLUMN price Nullable(Float64)",
            r"fills\.price is of type Nullable\(Float64\)",
        ),
        ("ALTER TABLE intents MODIFY COLUMN side String", r"intents\.side is of type String"),
        (
            "ALTER TABLE fills MODIFY SETTING non_replicated_deduplication_window = 0",
            r"fills does not know repeated",
        ),
        ("DROP TABLE ledger_entries", r"ledger_entries is missing"),
    ],
)
def test_a_table_altered_by_hand_is_refused(base: Any, change: str, says: str) -> None:
    base.open()
    base.value(change)
    with pytest.raises(JournalRefused, match=says):
        base.open()


def test_a_table_altered_at_work_is_refused_and_goes_on_once_it_is_back(log_dir: Path, base: Any) -> None:
    base.open()
    base.value("DROP TABLE fills")
    opened = base.open
    base.open = lambda: "clickhouse x"
    with pytest.raises(TargetRefused, match=r"a table is missing: .*; it was altered by hand: put it back"):
        follow(log_dir, base)
    base.value(
        next(part for part in statements(migrations()[0][2], base.place.database) if ".fills\n" in part)
    )
    follow(log_dir, base)
    base.open = opened
    assert base.count("fills") > 0


def test_a_column_added_by_hand_does_no_harm(log_dir: Path, base: Any) -> None:
    base.open()
    base.value("ALTER TABLE fills ADD COLUMN note String DEFAULT 'mine'")
    follow(log_dir, base)
    assert base.value("SELECT any(note) FROM fills") == "mine"


def test_ttl_is_set_and_taken_back(base: Any) -> None:
    base._ttl_days = 30
    base.open()
    sql = f"SELECT engine_full FROM system.tables WHERE database = '{base.place.database}' AND name = 'fills'"
    assert "TTL toDateTime(time) + toIntervalDay(30)" in str(base.value(sql))


def test_a_query_cannot_write(base: Any) -> None:
    base.open()
    other = type(base)(base.place.path, database=base.place.database)
    with pytest.raises((JournalRefused, JournalAway), match="readonly"):
        other.query_json("DROP TABLE fills")
    other.close()
    assert base.count("fills") == 0


@pytest.mark.parametrize(
    ("where", "says"),
    [
        ("", "no journal is named"),
        ("ftp://host/db", "is no URL of a ClickHouse server"),
        ("http://", "is no URL of a ClickHouse server"),
        ("http://u:secret@host:notaport", r"http://u:\*\*\*@host:notaport is no URL"),
    ],
)
def test_what_is_no_place_is_refused(where: str, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DITA_CLICKHOUSE_URL", raising=False)
    with pytest.raises(JournalRefused, match=says):
        place_of(where or None)


def test_a_password_is_not_shown() -> None:
    assert str(place_of("https://me:secret@host:8443")) == "https://me:***@host:8443"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Code: 516. DB::Exception: Authentication failed", JournalRefused),
        ("Code: 60. DB::Exception: Table dita.x does not exist", JournalRefused),
        ("Code: 243. DB::Exception: Cannot reserve 1 MiB, not enough space", JournalAway),
        ("Code: 252. DB::Exception: Too many parts", JournalAway),
        ("Connection refused", JournalAway),
    ],
)
def test_what_passes_is_distinguished_from_what_does_not(text: str, kind: type[Exception]) -> None:
    assert type(translated(RuntimeError(text), "here")) is kind

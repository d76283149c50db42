"""Whoever misses an extra is told its name, in one line."""

import subprocess
import sys
from pathlib import Path

import pytest

from test_packaging import toml

SWEEP = "'mine.py', '--data', 'market.csv', '--param', 'fast=5,9', '--out', 'o'"
#: What is asked for, the module that is not there, the extra that is named.
MISSES = [
    ("main(['watch', '--log', 'log'])",                                "textual",            "watch"),
    ("main(['exchange', '--venue', 'binance'])",                       "aiohttp",            "venues"),
    ("main(['run', 'ema-cross', '-c', 'binance', '-p', 'BTC/USDT'])",  "aiohttp",            "venues"),
    ("main(['doctor', '-c', 'binance', '-p', 'BTC/USDT'])",            "aiohttp",            "venues"),
    ("main(['halt', '--control', 'hazelcast://127.0.0.1:1/x'])",       "hazelcast",          "hazelcast"),
    ("main(['journal', 'drift', '--journal', 'http://127.0.0.1:1'])",  "clickhouse_connect", "clickhouse"),
    ("main(['backtest', 'ema-cross', '--data', 'x.parquet'])",         "pyarrow",            "parquet"),
    (f"main(['sweep', {SWEEP}, '--dask', 'tcp://127.0.0.1:1'])",       "distributed",        "sweep"),
    ("SecretRef.parse('keyring:service/name').resolve()",              "keyring",            "venues"),
    ("FollowedProjection('hazelcast://127.0.0.1:1/x')",                "hazelcast",          "hazelcast"),
    ("ClickHouseKernelJournal('db')",                                  "chdb",               "clickhouse"),
    ("ClickHouseKernelJournal('http://127.0.0.1:1')",                  "clickhouse_connect", "clickhouse"),
]  # fmt: skip


def lacking(program: str, module: str, cwd: Path) -> str:
    """What a program says in an interpreter that has no such module."""
    whole = f"""
import sys
sys.modules[{module!r}] = None
from dita.cli import main
from dita.config.secrets import SecretRef
from dita.errors import KernelError
from dita.journal import ClickHouseKernelJournal, JournalRefused
from dita.projection import FollowedProjection
try:
    sys.exit({program})
except (KernelError, JournalRefused) as error:
    sys.exit(str(error))
"""
    done = subprocess.run([sys.executable, "-c", whole], capture_output=True, text=True, cwd=cwd, check=False)
    assert done.returncode == 1, done
    return done.stderr


@pytest.fixture(name="place", scope="module")
def _place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("extras")
    (place / "x.parquet").write_bytes(b"PAR1 and so on, PAR1")
    program = """
from dita import ExecutionKernel
from dita.cli import main
ExecutionKernel(log_dir='log').close()
main(['example', 'ema-cross', 'mine.py', '--data', 'market.csv'])
"""
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, cwd=place)
    return place


@pytest.mark.parametrize(("program", "module", "extra"), MISSES, ids=[f"{m}-{p[:24]}" for p, m, _ in MISSES])
def test_a_missing_extra_is_named_in_one_line(program: str, module: str, extra: str, place: Path) -> None:
    said = lacking(program, module, place)
    assert f"needs pip install 'dita[{extra}]'" in said
    assert said.count("\n") == 1
    assert extra in toml("pyproject.toml")["project"]["optional-dependencies"]


def test_the_table_of_extras_is_the_project_files() -> None:
    extras = toml("pyproject.toml")["project"]["optional-dependencies"]
    page = (Path(__file__).resolve().parents[1] / "docs/how-to/install.md").read_text(encoding="utf-8")
    rows = [line.split("|") for line in page.splitlines() if line.startswith("| `")]
    names = [row[1].strip().strip("`") for row in rows]
    assert names == [*sorted(set(extras) - {"all"}), "all"]
    most = sorted(set(extras) - {"all", "ccxt", "ibkr", "clickhouse"})
    assert extras["all"] == [f"dita[{','.join(most)}]"]

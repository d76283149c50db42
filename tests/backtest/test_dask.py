"""Sweeps on a real Dask cluster of two worker processes."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from distributed import Client, LocalCluster
from sweeping import write_bars, write_strategy

from dita.backtest.sweep import sweep
from dita.backtest.walk_forward import walk_forward
from dita.cli import main

SPACE = {"every": [4, 6, 9], "held": [1, 2]}
# What distributed itself leaves behind on its way out.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning"),
    pytest.mark.xdist_group("dask"),
]


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    """Two workers of one thread each, on the loopback, each with ports of its own."""
    options: dict[str, Any] = {"n_workers": 2, "threads_per_worker": 1, "host": "127.0.0.1"}
    with LocalCluster(dashboard_address="127.0.0.1:0", **options) as two:
        yield two


def test_a_sweep_on_two_workers_has_the_rows_of_one_here(cluster: LocalCluster, tmp_path: Path) -> None:
    strategy, data = write_strategy(tmp_path), write_bars(tmp_path)
    with Client(cluster) as client:
        assert len(client.scheduler_info()["workers"]) == 2
        there = sweep(strategy, SPACE, data, client.get_executor(), symbols=["XUSDT"])
        # Each of both workers can do it: what a run needs is in what it is sent.
        workers = list(client.scheduler_info()["workers"])
        each = [
            sweep(strategy, SPACE, data, client.get_executor(workers=[one]), symbols=["XUSDT"])
            for one in workers
        ]
    here = sweep(strategy, SPACE, data, processes=1, symbols=["XUSDT"])
    assert len(here.rows) == 6
    assert [there, *each] == [here] * 3


def test_a_walk_forward_on_two_workers_chooses_as_one_here(cluster: LocalCluster, tmp_path: Path) -> None:
    strategy, data = write_strategy(tmp_path), write_bars(tmp_path, 240)
    options: dict[str, Any] = {"train": timedelta(days=4), "test": timedelta(days=3), "symbols": ["XUSDT"]}
    with Client(cluster) as client:
        there = walk_forward(strategy, SPACE, data, client.get_executor(), **options)
    assert there == walk_forward(strategy, SPACE, data, processes=1, **options)


def test_a_run_that_fails_there_is_a_row_here(cluster: LocalCluster, tmp_path: Path) -> None:
    strategy, data = write_strategy(tmp_path), write_bars(tmp_path)
    space = {"every": [4, 6], "held": [1], "fail": [6]}
    with Client(cluster) as client:
        good, failed = sweep(strategy, space, data, client.get_executor(), symbols=["XUSDT"]).rows
    assert good.error is None
    assert failed.error is not None
    assert "made to fail" in failed.error


def test_the_command_takes_a_schedulers_address(
    cluster: LocalCluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    strategy, data = write_strategy(tmp_path), write_bars(tmp_path)
    words = [
        "sweep",
        str(strategy),
        "--data",
        str(data),
        "--param",
        "every=4,6",
        "--param",
        "held=1",
        "--json",
    ]
    assert main([*words, "--dask", cluster.scheduler_address]) == 0
    there = capsys.readouterr().out
    assert main([*words, "--processes", "1"]) == 0
    assert capsys.readouterr().out == there


def test_an_address_that_is_none_is_refused_by_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    strategy, data = write_strategy(tmp_path), write_bars(tmp_path)
    words = ["sweep", str(strategy), "--data", str(data), "--param", "every=4,6", "--dask", "nothing://here"]
    assert main(words) == 1
    assert "--dask: 'nothing://here' does not answer" in capsys.readouterr().err

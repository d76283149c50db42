"""The figures, the rules over them, and a real Prometheus that scrapes them."""

import json
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from dita.gateway.running import bound
from gateways import Desk, desk

OPERATING = Path(__file__).parents[2] / "docs/operating/prometheus"
WAIT_S = 60.0

PROMTOOL, PROMETHEUS = shutil.which("promtool") or "", shutil.which("prometheus") or ""

pytestmark = pytest.mark.skipif(not (PROMTOOL and PROMETHEUS), reason="Debian's prometheus is not installed")


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with desk(tmp_path_factory.mktemp("prometheus")) as found:
        wait(lambda: not found.hub.away)
        yield found


def wait(is_so: Callable[[], object]) -> None:
    """Wait until something is so."""
    until = time.monotonic() + WAIT_S
    while not is_so():
        assert time.monotonic() < until, "it did not come"
        time.sleep(0.05)


def exposition(found: Desk) -> str:
    """Return what is scraped."""
    with found.client("read") as client:
        return client.get("/metrics").text


def test_promtool_finds_nothing_wrong_with_the_figures(found: Desk) -> None:
    reported = subprocess.run(
        [PROMTOOL, "check", "metrics"], input=exposition(found), text=True, capture_output=True, check=False
    )
    assert (reported.returncode, reported.stderr) == (0, "")


def test_promtool_finds_nothing_wrong_with_the_rules() -> None:
    reported = subprocess.run(
        [PROMTOOL, "check", "rules", OPERATING / "alerts.yml"], text=True, capture_output=True, check=False
    )
    assert reported.returncode == 0, reported.stderr
    assert "12 rules found" in reported.stdout


def test_rules_and_board_name_only_figures_that_are_there(found: Desk) -> None:
    there = set(re.findall(r"^# TYPE (dita_\w+)", exposition(found), re.MULTILINE))
    panels = json.loads((OPERATING / "dashboard.json").read_text())["panels"]
    asked = " ".join([(OPERATING / "alerts.yml").read_text(), *(one["targets"][0]["expr"] for one in panels)])
    assert set(re.findall(r"dita_\w+", asked)) <= there


def test_a_real_prometheus_scrapes_them(found: Desk, tmp_path: Path) -> None:
    with bound("127.0.0.1", 0) as free:
        port = free.getsockname()[1]
    target = found.url.removeprefix("http://")
    (tmp_path / "token").write_text(found.token("read"))
    (tmp_path / "prometheus.yml").write_text(
        "global: {scrape_interval: 1s}\n"
        "scrape_configs:\n  - job_name: dita\n"
        f"    authorization: {{credentials_file: {tmp_path / 'token'}}}\n"
        f"    static_configs: [{{targets: ['{target}']}}]\n"
    )
    command = [
        PROMETHEUS,
        f"--config.file={tmp_path / 'prometheus.yml'}",
        f"--storage.tsdb.path={tmp_path / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:

            def k_capital() -> bool:
                try:
                    answer = httpx.get(
                        f"http://127.0.0.1:{port}/api/v1/query", params={"query": "dita_k_capital"}
                    )
                except httpx.TransportError:
                    return False
                results = answer.json()["data"]["result"] if answer.status_code == 200 else []
                return [one["value"][1] for one in results] == ["100000"]

            wait(k_capital)
        finally:
            process.terminate()
            process.wait(timeout=30)

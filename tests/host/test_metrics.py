"""The figures for Prometheus: a server's own port, and the same names at the gateway."""

import re
import shutil
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import pytest

import dita
from dita.config import AccountConfig, Config
from dita.config.models import ServeConfig
from dita.errors import InvalidInput, KernelError
from dita.host import Directory, Host
from dita.host.metrics import Figures, GatewayFigures, exposition
from dita.host.metrics_port import MetricsPort, address_of
from dita.server import Serving
from gateways import desk

PROMTOOL = shutil.which("promtool") or ""
INSTRUMENTS = {"instruments": {"BTCUSDT": {"tick_size": "0.1", "lot_step": "0.001"}}}


def names(text: str) -> set[str]:
    return set(re.findall(r"^# TYPE (dita_\w+)", text, re.MULTILINE))


def value(text: str, sample: str) -> float:
    (found,) = re.findall(rf"^{re.escape(sample)} (\S+)$", text, re.MULTILINE)
    return float(found)


def scraped(address: str, path: str = "/metrics") -> str:
    with urllib.request.urlopen(f"http://{address}{path}", timeout=30) as reply:
        return str(reply.read().decode())


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DITA_ZINC_DIR", str(tmp_path / "planes"))
    return tmp_path


def config(**limits: str) -> Config:
    account = AccountConfig(instruments=INSTRUMENTS, max_slots=4, limits=limits)  # type: ignore[arg-type]
    return Config(accounts={"main": account}, serve=ServeConfig(metrics="127.0.0.1:0"))


def test_a_server_tells_what_it_counts(place: Path) -> None:
    with Serving(config(max_order_size="0.05"), Directory(place / "h")) as serving:
        serving.host.serve()
        assert serving.metrics is not None
        kernel = serving.host.kernel(None)
        kernel.venue.on_quote("BTCUSDT", "60000.0", None, "60000.1", None)  # type: ignore[union-attr]
        with dita.connect(serving.path, name="mine", slots=2) as program:

            def enter(intent_id: str, slot_id: int, size: str) -> str:
                outcome = program.process_intent(
                    dita.KernelIntent(
                        intent_id=intent_id, slot_id=slot_id, trade_id=f"t-{intent_id}", asset="BTCUSDT",
                        side="LONG", action="ENTER", target_size=size, timestamp=kernel.now_ns,
                    )
                )  # fmt: skip
                return str(outcome.diagnostic_code)

            assert enter("1", program.slots[0], "0.01") == "OK"
            refused = enter("2", program.slots[1], "0.1")
            text = scraped(serving.metrics.address)
        assert value(text, 'dita_role{role="primary"}') == 1
        assert value(text, 'dita_epoch{account="main"}') == 1
        assert value(text, 'dita_inbox_depth{account="main"}') == 0
        assert value(text, "dita_serve_clients") == 1
        assert value(text, 'dita_serve_leases{account="main",held="yes"}') == 1
        assert value(text, 'dita_serve_intents_total{account="main",code="OK"}') == 1
        assert value(text, f'dita_serve_intents_total{{account="main",code="{refused}"}}') == 1
        assert value(text, 'dita_serve_refused_by_limit_total{account="main",limit="max_order_size"}') == 1
        assert value(text, "dita_serve_call_seconds_count") == 2
        assert value(text, 'dita_serve_call_seconds_bucket{le="+Inf"}') == 2
        assert value(text, "dita_serve_call_seconds_sum") > 0
        assert value(text, 'dita_outcomes_total{account="main",code="OK"}') == 1
        assert value(text, 'dita_open_slots{account="main"}') == 1
        with pytest.raises(urllib.error.HTTPError, match="404"):
            scraped(serving.metrics.address, "/else")
        address = serving.metrics.address
    with pytest.raises(OSError, match=r"refused"):
        scraped(address)


def test_the_server_and_the_gateway_give_the_same_names(
    place: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with Serving(config(), Directory(place / "h")) as serving:
        assert serving.metrics is not None
        of_server = names(scraped(serving.metrics.address))
    with desk(tmp_path_factory.mktemp("desk")) as found, found.client("read") as client:
        of_gateway = names(client.get("/metrics").text)
    assert of_server == of_gateway
    assert {
        "dita_k_capital",
        "dita_unexplained",
        "dita_serve_call_seconds",
        "dita_gateway_lookers",
    } < of_server


def test_a_plain_host_has_the_names_too_and_no_server(place: Path) -> None:
    with Host(config(), directory=Directory(place / "h")) as host:
        port = MetricsPort(host, "127.0.0.1:0")
        text = scraped(port.address)
        port.close()
        port.close()
    assert names(text) == names(exposition(Figures({})))
    assert value(text, 'dita_epoch{account="main"}') == 1
    assert "dita_serve_clients " not in text.replace("# HELP dita_serve_clients ", "").replace(
        "# TYPE dita_serve_clients ", ""
    )


@pytest.mark.skipif(not PROMTOOL, reason="Debian's prometheus is not installed")
def test_promtool_finds_nothing_wrong_with_any_name() -> None:
    server = {
        "clients": 1, "messages": 2, "refused": 0, "gaps": 0, "beats": 9, "unread": 0, "spinning": 0,
        "leases": [{"account": "main", "pid": None}, {"account": "main", "pid": 7}],
        "intents": [("main", "OK", "", 3), ("main", "RISK_LIMIT", "max_order_size", 1)],
        "calls": [(0.0001, 2), (None, 1)], "calls_took_s": 0.5,
    }  # fmt: skip
    standby = {"pid": 8, "accounts": {"main": {"behind": 3}, "other": {"behind": None}}}
    host = {
        "role": "primary", "logs": {"main": {"epoch": 2, "unsynced": 0}}, "standbys": [standby],
        "inboxes": {"main": 5}, "server": server,
    }  # fmt: skip
    text = exposition(Figures({}, True, {("main", "OK"): 3}, host, GatewayFigures(1, 2, 0.1, 3, 0.2)))
    reported = subprocess.run(
        [PROMTOOL, "check", "metrics"], input=text, text=True, capture_output=True, check=False
    )
    assert (reported.returncode, reported.stderr) == (0, "")
    assert value(text, 'dita_serve_call_seconds_bucket{le="+Inf"}') == 3
    assert value(text, 'dita_standby_behind_records{account="main",pid="8"}') == 3
    assert value(text, 'dita_inbox_depth{account="main"}') == 5


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("9464", "must be an address and a port"),
        ("example.org:9464", "must be an address and a port"),
        ("127.0.0.1:none", "must end with a port"),
        ("127.0.0.1:65536", "must end with a port"),
        ("0.0.0.0:9464", "say metrics_public = true"),
        ("[::]:9464", "say metrics_public = true"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused(text: str, why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        address_of(text, public=False)


def test_what_is_meant_for_other_machines_has_to_be_said() -> None:
    assert address_of("0.0.0.0:9464", public=True)[:2] == ("0.0.0.0", 9464)  # noqa: S104 - nothing listens
    assert address_of("localhost:0", public=False)[:2] == ("127.0.0.1", 0)
    assert address_of("[::1]:1", public=False)[:2] == ("::1", 1)


def test_a_port_that_is_taken_ends_the_server_and_leaves_nothing(place: Path) -> None:
    with Host(config(), directory=Directory(place / "other")) as host:
        port = MetricsPort(host, "127.0.0.1:0")
        taken = config().model_copy(update={"serve": ServeConfig(metrics=port.address)})
        with pytest.raises(KernelError, match=f"metrics: {port.address}: "):
            Serving(taken, Directory(place / "h"))
        assert not Directory(place / "h").is_held()
        port.close()

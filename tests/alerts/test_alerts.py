"""Alerts reach a real HTTP server: once for a cause, five tries, and nobody waits for them."""

import io
import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from dita import ControlUpdate, InvalidInput, SimulatedVenue, VenueEvent
from dita.alerts import TRIES, Alert, Alerts, Cause, Standing, Watch, Webhook, taken_over
from dita.alerts.webhook import WAITING_MAX
from dita.cli import main
from dita.config import AlertsConfig, ConfigError, load
from dita.host import Host
from dita.host.events import LINES_MAX, EventLog
from dita.host.metrics import exposition
from dita.logs import program_logs
from gateways import SYMBOL, host_in


class Listener:
    """What has come, and what is answered."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.tries = 0
        self.answers: Callable[[int], int] = lambda _: 200
        self.url = ""

    def causes(self) -> list[str]:
        """Return the causes that have come, in order."""
        return [str(one["cause"]) for one in self.bodies]


@contextmanager
def listening() -> Iterator[Listener]:
    """Serve a webhook."""
    listener = Listener()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            listener.tries += 1
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = listener.answers(listener.tries)
            if status == 200:
                listener.bodies.append({**json.loads(body), "path": self.path})
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listener.url = f"http://127.0.0.1:{server.server_port}/hook?key=hidden"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield listener
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def wait(is_so: Callable[[], object], seconds: float = 20) -> None:
    """Wait until something is so."""
    until = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < until, "it did not come"
        time.sleep(0.01)


GATE = Alert(Cause.GATE, "main: gate HALTED, by anna", "WARNING", "main", {"gate": "HALTED"}, 1_000_000_000)


# ------------------------------------------------------------------------------------- to an address


def test_an_alert_arrives_as_one_json_object_that_a_chat_can_show() -> None:
    with listening() as listener:
        alerts = Alerts("desk", [Webhook(listener.url)])
        alerts.tell(GATE)
        alerts.close()
    assert listener.bodies == [
        {
            "text": "WARNING desk: main: gate HALTED, by anna",
            "cause": "gate_changed",
            "severity": "WARNING",
            "host": "desk",
            "account": "main",
            "details": {"gate": "HALTED"},
            "at": "1970-01-01T00:00:01Z",
            "time_ns": 1_000_000_000,
            "held_back": 0,
            "path": "/hook?key=hidden",
        }
    ]


def test_a_cause_is_reported_once_in_five_minutes_and_the_next_one_counts_the_others() -> None:
    now_s = 0.0
    with listening() as listener:
        alerts = Alerts("desk", [Webhook(listener.url)], now_s=lambda: now_s)
        reported = [alerts.tell(GATE) for _ in range(3)]
        reported.append(alerts.tell(Alert(Cause.GATE, "another account", account="other")))
        now_s = 299.9
        reported.append(alerts.tell(GATE))
        now_s = 300.0
        reported.append(alerts.tell(GATE))
        alerts.close()
    assert reported == [True, False, False, True, False, True]
    assert [one["held_back"] for one in listener.bodies] == [0, 0, 3]


def gate(text: str, account: str = "main", subject: str = "") -> Alert:
    return Alert(Cause.GATE, text, account=account, subject=subject)


def test_the_newest_state_of_a_cause_arrives_when_its_five_minutes_have_passed() -> None:
    now_s = 0.0
    with listening() as listener:
        alerts = Alerts("desk", [Webhook(listener.url)], now_s=lambda: now_s)
        assert alerts.tell(gate("HALTED"))
        assert not alerts.tell(gate("NORMAL"))
        assert not alerts.tell(gate("HALTED again"))
        assert not alerts.tell(gate("NORMAL again"))
        alerts.send_due()
        now_s = 299.9
        alerts.send_due()
        wait(lambda: len(listener.bodies) == 1)
        now_s = 300.0
        alerts.send_due()
        # The five minutes begin anew, and what is held back at the end is sent there.
        alerts.send_due()
        assert not alerts.tell(gate("a", subject="a"))
        assert not alerts.tell(gate("b", subject="b"))
        alerts.close()
    texts = [one["text"].rpartition(": ")[2] for one in listener.bodies]
    assert texts == ["HALTED", "NORMAL again", "a", "b"]
    assert [one["held_back"] for one in listener.bodies] == [0, 3, 2, 0]


def test_a_webhook_that_answers_errors_is_tried_five_times_then_given_up() -> None:
    with listening() as listener:
        listener.answers = lambda tries: 503 if tries <= TRIES else 200
        webhook = Webhook(listener.url, pause_s=0.001)
        webhook.send(b"{}")
        webhook.send(b"{}")
        webhook.close(20)
    assert (listener.tries, webhook.sent, webhook.lost) == (TRIES + 1, 1, 1)


def test_a_webhook_that_is_late_up_gets_the_alert() -> None:
    with listening() as listener:
        listener.answers = lambda tries: 500 if tries < TRIES else 200
        webhook = Webhook(listener.url, pause_s=0.001)
        webhook.send(b"{}")
        webhook.close(20)
    assert (webhook.sent, webhook.lost) == (1, 0)


def test_who_tells_never_waits_for_a_webhook_that_hangs() -> None:
    held = threading.Event()
    with listening() as listener:

        def hang(_tries: int) -> int:
            held.wait(20)
            return 200

        listener.answers = hang
        webhook = Webhook(listener.url)
        begun = time.monotonic()
        taken = sum(webhook.send(b"{}") for _ in range(WAITING_MAX + 10))
        assert time.monotonic() - begun < 5
        # One may be on its way already.
        assert taken in (WAITING_MAX, WAITING_MAX + 1)
        assert webhook.lost == WAITING_MAX + 10 - taken
        held.set()
        webhook.close(20)
    assert webhook.sent == taken


def test_an_address_with_a_secret_is_never_shown(caplog: pytest.LogCaptureFixture) -> None:
    # Nobody listens at port 1.
    webhook = Webhook("http://127.0.0.1:1/secret-path", pause_s=0.001)
    with caplog.at_level(logging.WARNING):
        webhook.send(b"{}")
        webhook.close(20)
    assert "was not taken, after 5 tries" in caplog.text
    assert "secret-path" not in caplog.text
    with pytest.raises(InvalidInput) as refused:
        Webhook("ftp://secret-path")
    assert "secret-path" not in str(refused.value)


# -------------------------------------------------------------------------------------- what is seen


def causes_of(watch: Watch, standing: Standing, now_s: float = 0) -> list[str]:
    """Return what a look tells."""
    return [str(one.cause) for one in watch.look(standing, now_s)]


def account(amount: str = "0") -> dict[str, Any]:
    """Return an account of which so much has no cause."""
    causes = [] if amount == "0" else [{"cause": "UNEXPLAINED", "amount": amount}]
    return {"asset": "USDT", "reconcile_causes": causes, "k_capital": "1", "e_wallet_balance": "2"}


def watch() -> Watch:
    """Return a watch with the usual bounds."""
    return Watch(unexplained_s=60, disk_free_min=0.05)


def test_an_unexplained_difference_is_reported_only_once_it_has_lasted() -> None:
    seen, bad, good = (
        watch(),
        Standing(accounts={"a": [account("-3.5")]}),
        Standing(accounts={"a": [account()]}),
    )
    assert causes_of(seen, bad, 0) == []
    assert causes_of(seen, bad, 59.9) == []
    assert causes_of(seen, good, 59.95) == []
    assert causes_of(seen, bad, 60) == []
    assert causes_of(seen, bad, 119.9) == []
    reported = list(seen.look(bad, 120))
    assert [str(one.cause) for one in reported] == ["unexplained"]
    assert reported[0].details["unexplained"] == "-3.5"


def test_a_position_that_differs_is_reported_once_it_has_lasted() -> None:
    cause = {"cause": "POSITION_DIFFERS", "amount": "0", "references": ["BTCUSDT"]}
    seen, differs = watch(), account()
    differs["reconcile_causes"] = [cause]
    for standing, now_s, wanted in (
        (differs,   0,     []),
        (differs,   59,    []),
        (differs,   60,    ["unexplained"]),
        (account(), 61,    ["unexplained"]),  # that it has ended
        (differs,   62,    []),
        (differs,   121.9, []),
        (differs,   122,   ["unexplained"]),
    ):  # fmt: skip
        assert causes_of(seen, Standing(accounts={"a": [standing]}), now_s) == wanted
    (alert,) = seen.look(Standing(accounts={"a": [differs]}), 123)
    assert alert.text == "a: the venue's position has differed for 61 s: BTCUSDT"


def control(**changed: Any) -> dict[str, dict[str, Any]]:
    """Return the controls of one account."""
    whole = {
        "gate": "NORMAL",
        "kill_switch": False,
        "frozen": False,
        "updated_by": "",
        "freeze_events": 0,
        "last_freeze_reason": "edge 1 bps is under min_edge_bps 2",
        "last_freeze_symbol": "",
    }
    return {"a": {**whole, **changed}}


@pytest.mark.parametrize(
    ("changed", "causes"),
    [
        ({"gate": "HALTED", "updated_by": "anna"}, ["gate_changed"]),
        ({"kill_switch": True}, ["gate_changed"]),
        ({"frozen": True}, ["gate_changed"]),
        ({"freeze_events": 1}, ["breaker"]),
        ({"updated_by": "anna"}, []),
    ],
)
def test_a_changed_gate_is_reported_but_not_how_it_was_found(
    changed: dict[str, Any], causes: list[str]
) -> None:
    seen = watch()
    assert causes_of(seen, Standing(controls=control(gate="HALTED"))) == []
    seen = watch()
    assert causes_of(seen, Standing(controls=control())) == []
    assert causes_of(seen, Standing(controls=control(**changed))) == causes
    assert causes_of(seen, Standing(controls=control(**changed))) == []


SLOT = {"slot_id": 3, "asset": SYMBOL, "side": "LONG", "size": "1", "unprotected": True}
MET = {"asset": "USDT", "limit": "max_daily_loss", "value": "5", "attempt": "7.5"}
FAILED = {"name": "s", "account": "a", "state": "Error", "error": "ValueError: x"}
REMARK = {"code": "OVERFILL", "severity": "CRITICAL", "seq": 9, "slot_id": 1, "limit": ""}


@pytest.mark.parametrize(
    ("standing", "cause"),
    [
        (Standing(slots={"a": [SLOT]}), "unprotected"),
        (Standing(strategies=[FAILED]), "strategy_error"),
        (Standing(followers={"a": {"journal": {"state": "DEAD", "error": "gone"}}}), "follower_dead"),
        (Standing(followers={"a": {"journal": {"state": "REFUSED", "error": "no"}}}), "follower_dead"),
        (Standing(remarks=[("a", REMARK)]), "critical"),
        (Standing(logged=["dead man: could not be taken off"]), "critical"),
        (Standing(disk_free=0.049), "disk_low"),
        (Standing(losses_met={"a": [MET]}), "breaker"),
        (Standing(lost_s={"a": 3.2}), "venue_lost"),
        (
            Standing(remarks=[("a", {**REMARK, "severity": "WARNING", "limit": "max_daily_loss"})]),
            "breaker",
        ),
    ],
)
def test_what_somebody_has_to_know_is_reported(standing: Standing, cause: str) -> None:
    assert causes_of(watch(), standing) == [cause]


@pytest.mark.parametrize(
    ("bad", "good"),
    [
        (Standing(slots={"a": [SLOT]}), Standing(slots={"a": []})),
        (Standing(strategies=[FAILED]), Standing(strategies=[{**FAILED, "state": "Running"}])),
        (
            Standing(followers={"a": {"journal": {"state": "DEAD"}}}),
            Standing(followers={"a": {"journal": {"state": "LIVE"}}}),
        ),
        (Standing(disk_free=0.01), Standing(disk_free=0.5)),
        (Standing(losses_met={"a": [MET]}), Standing(losses_met={"a": []})),
        (Standing(lost_s={"a": 3.2}), Standing(lost_s={"a": None})),
    ],
)
def test_a_state_is_reported_while_it_lasts_and_its_end_once(bad: Standing, good: Standing) -> None:
    seen = watch()
    (first,), (second,) = seen.look(bad, 0), seen.look(bad, 1)
    assert first == second
    (over,) = seen.look(good, 2)
    assert (over.cause, over.account, over.severity) == (first.cause, first.account, "INFO")
    assert over.details["over"]
    assert list(seen.look(good, 3)) == []


@pytest.mark.parametrize(
    "standing",
    [
        Standing(),
        Standing(strategies=[{**FAILED, "state": "Running"}]),
        Standing(followers={"a": {"journal": {"state": "AWAY"}}}),
        Standing(remarks=[("a", {**REMARK, "severity": "WARNING"})]),
        Standing(disk_free=0.05),
        Standing(losses_met={"a": []}),
    ],
)
def test_what_is_well_is_not_reported(standing: Standing) -> None:
    assert causes_of(watch(), standing) == []


# ---------------------------------------------------------------------------------------- on a host


def test_a_host_tells_its_start_a_halt_and_its_stop(tmp_path: Path) -> None:
    with listening() as listener:
        # How full this machine's disk is, is no part of this.
        more = {"alerts.webhooks": f'["{listener.url}"]', "alerts.disk_free_min": "0"}
        with host_in(tmp_path / "desk", **more) as host:
            wait(lambda: "started" in listener.causes())
            host.control(ControlUpdate(kill_switch=True, updated_by="anna"))
            wait(lambda: "gate_changed" in listener.causes())
            logging.getLogger("dita.live").critical("something has to be done")
            wait(lambda: "critical" in listener.causes())
        assert listener.causes() == ["started", "gate_changed", "critical", "stopped"]
        assert {one["host"] for one in listener.bodies} == {"desk"}
        halt = listener.bodies[1]
        assert (halt["account"], halt["details"]["updated_by"]) == ("main", "anna")


def test_a_host_that_starts_after_a_crash_says_so(tmp_path: Path) -> None:
    directory = tmp_path / "desk"
    crashes = f"import os, pathlib, gateways; gateways.host_in(pathlib.Path({str(directory)!r})); os._exit(9)"
    began = {"PYTHONPATH": str(Path(__file__).parents[1]), **os.environ}
    assert subprocess.run([sys.executable, "-c", crashes], env=began, check=False).returncode == 9
    with listening() as listener:
        more = {"alerts.webhooks": f'["{listener.url}"]', "alerts.disk_free_min": "0"}
        for how, causes in (
            ("crash", ["started", "crash_restart", "stopped"]),
            ("clean", ["started", "stopped"]),
        ):
            listener.bodies.clear()
            with host_in(directory, **more) as host:
                assert f'dita_began{{how="{how}"}} 1.0' in exposition(host.figures())
            assert listener.causes() == causes


def test_a_venue_that_is_lost_and_back_is_reported_and_measured(tmp_path: Path) -> None:
    def gauge(host: Host) -> str:
        lines = exposition(host.figures()).splitlines()
        return next(line for line in lines if line.startswith("dita_venue_connected{")).rpartition(" ")[2]

    with listening() as listener:
        more = {"alerts.webhooks": f'["{listener.url}"]', "alerts.disk_free_min": "0"}
        with host_in(tmp_path / "desk", **more) as host:
            kernel = host.kernel(None)
            assert gauge(host) == "1.0"
            kernel.on_venue_event(VenueEvent(kernel.now_ns, kind="DISCONNECTED"))
            wait(lambda: "venue_lost" in listener.causes())
            wait(lambda: gauge(host) == "0.0")
            kernel.on_venue_event(VenueEvent(kernel.now_ns, kind="RESYNCED"))
            wait(lambda: gauge(host) == "1.0")
        # The first word was less than five minutes ago: the last one arrives all the same.
        assert listener.causes() == ["started", "venue_lost", "venue_lost", "stopped"]
        assert listener.bodies[1]["severity"] == "CRITICAL"
        assert listener.bodies[2]["text"].startswith("INFO desk: main: the venue is connected again")


def test_a_busy_host_writes_a_bounded_number_of_lines(tmp_path: Path) -> None:
    written = io.StringIO()
    with host_in(tmp_path / "desk") as host:
        kernel = host.kernel(None)
        assert isinstance(kernel.venue, SimulatedVenue)
        kernel.venue.on_quote(SYMBOL, "60000.0", None, "60000.1", None, 1)
        # One look, whenever this machine comes to it.
        events = EventLog(host.screen, list)
        for number in range(LINES_MAX):
            for side in ("BUY", "SELL"):
                order = {"asset": SYMBOL, "side": side, "size": "0.01", "client_id": f"{side}{number}"}
                assert host.submit_order("main", order)["status"] == "FILLED"
        with program_logs(written):
            events.write()
            events.write()
    lines = written.getvalue().splitlines()
    assert sum("] fill " in line for line in lines) == LINES_MAX
    assert sum("] order filled " in line for line in lines) == LINES_MAX
    assert (
        sum(f"and {LINES_MAX} more fills, {LINES_MAX} more orders that ended" in line for line in lines) == 1
    )


def test_a_host_whose_webhook_hangs_ends_within_seconds(tmp_path: Path) -> None:
    held = threading.Event()
    with listening() as listener:
        listener.answers = lambda _: (held.wait(60), 200)[1]
        host = host_in(tmp_path / "desk", **{"alerts.webhooks": f'["{listener.url}"]'})
        begun = time.monotonic()
        host.close()
        took_s = time.monotonic() - begun
        held.set()
    assert took_s < 20


def test_planted_drift_is_reported_after_its_time(tmp_path: Path) -> None:
    with listening() as listener:
        more = {"alerts.webhooks": f'["{listener.url}"]', "alerts.unexplained_s": "0.5"}
        with host_in(tmp_path / "desk", **more) as host:
            wallet = {"kind": "ACCOUNT_UPDATE", "asset": "USDT", "wallet_balance": "99992.75"}
            host.kernel(None).on_account_event({"timestamp": 2, **wallet})
            wait(lambda: "unexplained" in listener.causes())
        reported = next(one for one in listener.bodies if one["cause"] == "unexplained")
        assert reported["details"]["unexplained"] == "-7.25"


@pytest.mark.parametrize(
    ("limits", "reported"),
    [
        ({"max_daily_loss": "5"}, "max_daily_loss 5 of USDT is met with 10.3010005"),
        ({"max_drawdown": "0.0001"}, "max_drawdown 0.0001 of USDT is met with 0.000103"),
    ],
)
def test_a_loss_limit_that_is_met_is_reported_without_an_entry(
    tmp_path: Path, limits: dict[str, str], reported: str
) -> None:
    with listening() as listener:
        with host_in(tmp_path / "desk", **{"alerts.webhooks": f'["{listener.url}"]'}) as host:
            kernel = host.kernel(None)
            assert isinstance(kernel.venue, SimulatedVenue)
            kernel.venue.on_quote(SYMBOL, "60000.0", None, "60000.1", None, 1)
            kernel.mark_price(SYMBOL, "60000")
            host.control(ControlUpdate(limits=limits, updated_by="anna"))
            host.submit_order("main", {"asset": SYMBOL, "side": "BUY", "size": "0.01", "client_id": "b"})
            assert kernel.health()["losses_met"] == []
            # It loses, and nobody sends anything after that.
            kernel.mark_price(SYMBOL, "59000")
            wait(lambda: "breaker" in listener.causes())
        alert = next(one for one in listener.bodies if one["cause"] == "breaker")
        assert (alert["account"], alert["severity"]) == ("main", "CRITICAL")
        assert reported in alert["text"]
        assert [one["limit"] for one in alert["details"]["met"]] == list(limits)


def test_a_takeover_says_who_has_the_account_now_and_who_had_it() -> None:
    with listening() as listener:
        alerts = Alerts("desk-b", [Webhook(listener.url)])
        alerts.tell(taken_over("main", before="desk-a", seq=41, why="its heartbeat stopped"))
        alerts.close()
    reported = listener.bodies[0]
    assert reported["text"] == (
        "CRITICAL desk-b: main: taken over from desk-a at input 41: its heartbeat stopped"
    )
    assert (reported["cause"], reported["account"]) == ("takeover", "main")
    assert reported["details"] == {"before": "desk-a", "seq": 41, "why": "its heartbeat stopped"}


# ------------------------------------------------------------------------------ how it is configured


def test_a_webhook_of_the_configuration_is_shown_without_its_path(tmp_path: Path) -> None:
    file = tmp_path / "dita.toml"
    file.write_text('[alerts]\nwebhooks = ["https://hooks.example/T0/secret", "env:HOOK"]\n')
    loaded = load(file, environ={})
    values = {key: value for key, value, _ in loaded.values()}
    assert values["alerts.webhooks"] == '["https://hooks.example/…", "env:HOOK"]'
    assert loaded.config.alerts.webhooks[0].resolve() == "https://hooks.example/T0/secret"


@pytest.mark.parametrize("wrong", ['"hooks.example/secret"', '"ftp://secret"', '"https:///secret"', "5"])
def test_a_webhook_that_is_none_is_refused_and_not_shown(tmp_path: Path, wrong: str) -> None:
    file = tmp_path / "dita.toml"
    file.write_text(f"[alerts]\nwebhooks = [{wrong}]\n")
    with pytest.raises(ConfigError) as refused:
        load(file, environ={})
    assert "alerts.webhooks" in str(refused.value)
    assert "secret" not in str(refused.value)


def test_every_cause_can_be_chosen() -> None:
    names = [str(cause) for cause in Cause if cause is not Cause.TEST]
    assert AlertsConfig.model_validate({"causes": names}).causes == tuple(names)


def test_alert_test_says_of_each_webhook_whether_it_was_taken(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with listening() as listener:
        assert main(["alert", "test", "--url", listener.url]) == 0
        assert capsys.readouterr().out == "http://127.0.0.1: taken\n"
        (tmp_path / "dita.toml").write_text(f'[alerts]\nwebhooks = ["{listener.url}"]\n')
        assert main(["alert", "test"]) == 0
    assert listener.causes() == ["test", "test"]


def test_alert_test_without_a_webhook_says_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["alert", "test"]) == 1
    assert "--url URL" in capsys.readouterr().err

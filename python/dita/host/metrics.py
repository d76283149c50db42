"""The figures for Prometheus: one registry and one set of names, for a host's own port and for the gateway.

It needs the extra `web` (prometheus-client): it is imported where figures are asked for. A name is always
there; what a host or a gateway does not have has no samples.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    SummaryMetricFamily,
)
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

#: What Prometheus' text is sent as.
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
#: By name: the account's field, and what it is.
_MONEY = {
    "dita_k_capital": ("k_capital", "What capital must be by the kernel's own ledger"),
    "dita_e_wallet_balance": ("e_wallet_balance", "What the exchange reports"),
    "dita_reconcile_delta": ("reconcile_delta", "E minus K, where both are known"),
    "dita_equity": ("equity", "Capital plus unrealized profit"),
    "dita_unrealized_pnl": ("unrealized_pnl", "Profit of open positions at the mark"),
    "dita_open_notional": ("open_notional", "Value of open positions"),
}
_NO_DOUBT = (None, "", "NONE")


@dataclass(frozen=True, slots=True)
class GatewayFigures:
    """What a gateway counts of itself.

    Attributes:
        lookers: Open streams.
        orders_asked, orders_took_s: Orders that were sent through it, and how long their answers took.
        reads, reads_took_s: Its looks at the host, and how long they took.
    """

    lookers: int = 0
    orders_asked: int = 0
    orders_took_s: float = 0.0
    reads: int = 0
    reads_took_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Figures:
    """What is known at one moment.

    Attributes:
        rows: The newest rows as JSON by their keys, as a host's screen has them.
        up: Whether the host answers.
        outcomes: How often each kernel said what, by account and code.
        host: What a host answers to `figures`; empty where nobody can be asked.
        gateway: What the gateway counts; None where there is none.
    """

    rows: Mapping[str, str]
    up: bool = True
    outcomes: Mapping[tuple[str, str], int] = field(default_factory=dict)
    host: Mapping[str, Any] = field(default_factory=dict)
    gateway: GatewayFigures | None = None


class _Families(Collector):
    """Makes the families out of what is known."""

    def __init__(self, figures: Figures) -> None:
        self._figures = figures

    def collect(self) -> Iterator[Metric]:
        rows = self._figures.rows
        yield GaugeMetricFamily("dita_up", "Whether the host answers", value=1 if self._figures.up else 0)
        accounts = {name: json.loads(text) for name, text in _of("account", rows)}
        for metric, (name, text) in _MONEY.items():
            family = GaugeMetricFamily(metric, text, labels=["account", "asset"])
            for account, one in accounts.items():
                if one.get(name) is not None:
                    # A figure to be watched: Prometheus has floats only.
                    family.add_metric([account, one["asset"]], float(one[name]))
            yield family
        yield _states("dita_reconcile_status", "account", "reconcile_status", rows, label="account")
        yield _states("dita_gate", "control", "gate", rows, label="account")
        yield _states("dita_strategy_state", "strategy", "state", rows, label="strategy")
        yield from self._differences(accounts)
        yield self._doubts(accounts)
        yield self._outcomes()
        yield from self._of_the_gateway()
        yield from self._of_health(rows)
        open_slots = GaugeMetricFamily("dita_open_slots", "Slots that carry a trade", labels=["account"])
        for name in accounts:
            count = sum(key.startswith(f"slot:{name}:") for key in rows)
            open_slots.add_metric([name], count)
        yield open_slots
        yield from self._of_the_process()
        yield from self._of_the_server()

    def _differences(self, accounts: Mapping[str, dict[str, Any]]) -> Iterator[GaugeMetricFamily]:
        unexplained = GaugeMetricFamily(
            "dita_unexplained", "What of E minus K has no cause", labels=["account", "asset"]
        )
        bare = GaugeMetricFamily("dita_unprotected_slots", "Positions without a stop", labels=["account"])
        for name, account in accounts.items():
            parts = account.get("reconcile_causes") or ()
            amount = sum(float(one["amount"]) for one in parts if one["cause"] == "UNEXPLAINED")
            unexplained.add_metric([name, account["asset"]], amount)
            slots = (text for key, text in self._figures.rows.items() if key.startswith(f"slot:{name}:"))
            bare.add_metric([name], sum('"unprotected":true' in text for text in slots))
        yield unexplained
        yield bare

    def _doubts(self, accounts: Mapping[str, dict[str, Any]]) -> GaugeMetricFamily:
        doubts = GaugeMetricFamily(
            "dita_orders_in_doubt", "Orders of which nobody knows what became", labels=["account"]
        )
        for name in accounts:
            orders = (text for key, text in self._figures.rows.items() if key.startswith(f"order:{name}:"))
            doubts.add_metric([name], sum(json.loads(text).get("doubt") not in _NO_DOUBT for text in orders))
        return doubts

    def _outcomes(self) -> CounterMetricFamily:
        outcomes = CounterMetricFamily(
            "dita_outcomes",
            "What kernels had to say, by code: OK counts fills",
            labels=["account", "code"],
        )
        for (account, code), count in self._figures.outcomes.items():
            outcomes.add_metric([account, code], count)
        return outcomes

    def _of_the_gateway(self) -> Iterator[Metric]:
        own = self._figures.gateway
        lookers = GaugeMetricFamily("dita_gateway_lookers", "Open streams", labels=[])
        orders = SummaryMetricFamily("dita_gateway_order_seconds", "From an order to its answer, seconds")
        reads = SummaryMetricFamily("dita_gateway_read_seconds", "What a look at the host takes, seconds")
        if own is not None:
            lookers.add_metric([], own.lookers)
            orders.add_metric([], own.orders_asked, own.orders_took_s)
            reads.add_metric([], own.reads, own.reads_took_s)
        yield lookers
        yield orders
        yield reads

    def _of_health(self, rows: Mapping[str, str]) -> Iterator[GaugeMetricFamily]:
        connected = GaugeMetricFamily(
            "dita_venue_connected", "Whether the account's venue is connected", labels=["account"]
        )
        lag = GaugeMetricFamily(
            "dita_follower_lag_seconds",
            "How long a follower has not been at the log's end",
            labels=["account", "follower"],
        )
        for name, text in _of("health", rows):
            health = json.loads(text)
            connected.add_metric([name], health["clock"]["disconnected_since_ns"] is None)
            followers: dict[str, dict[str, Any]] = health["followers"]
            for follower, status in followers.items():
                lag.add_metric([name, follower], float(status.get("lag_seconds") or 0))
        yield connected
        yield lag

    def _of_the_process(self) -> Iterator[Metric]:
        host = self._figures.host
        role = GaugeMetricFamily("dita_role", "1 for what the host is: primary, or standby", labels=["role"])
        if "role" in host:
            role.add_metric([host["role"]], 1)
        yield role
        began = GaugeMetricFamily(
            "dita_began",
            "1 for how the host began: clean, crash (the process before it did not close), or takeover",
            labels=["how"],
        )
        if "began" in host:
            began.add_metric([host["began"]], 1)
        yield began
        epoch = GaugeMetricFamily(
            "dita_epoch", "How often the account's log was opened: a takeover raises it", labels=["account"]
        )
        unsynced = GaugeMetricFamily(
            "dita_log_unsynced_records", "Records of the log that wait for the disk", labels=["account"]
        )
        for account, log in host.get("logs", {}).items():
            epoch.add_metric([account], log["epoch"])
            unsynced.add_metric([account], log["unsynced"])
        yield epoch
        yield unsynced
        depth = GaugeMetricFamily("dita_inbox_depth", "Inputs that wait for the kernel", labels=["account"])
        for account, waiting in host.get("inboxes", {}).items():
            depth.add_metric([account], waiting)
        yield depth
        behind = GaugeMetricFamily(
            "dita_standby_behind_records",
            "How far a standby has not followed the account's log",
            labels=["pid", "account"],
        )
        for standby in host.get("standbys", ()):
            for account, one in standby["accounts"].items():
                if one["behind"] is not None:
                    behind.add_metric([str(standby["pid"]), account], one["behind"])
        yield GaugeMetricFamily(
            "dita_standbys", "Standbys that are ready", value=len(host.get("standbys", ()))
        )
        yield behind

    def _of_the_server(self) -> Iterator[Metric]:
        server: Mapping[str, Any] = self._figures.host.get("server", {})
        for metric, name, text in (
            ("dita_serve_clients", "clients", "Programs that are connected"),
            ("dita_serve_unread", "unread", "Programs with unread notifications"),
            ("dita_serve_spinning", "spinning", "Programs that call through shared memory"),
        ):
            gauge = GaugeMetricFamily(metric, text, labels=[])
            if server:
                gauge.add_metric([], server[name])
            yield gauge
        for metric, name, text in (
            ("dita_serve_messages", "messages", "Messages of programs that were taken"),
            ("dita_serve_sent_away", "refused", "Programs that were sent away"),
            ("dita_serve_gaps", "gaps", "How often a program lost a part of its stream"),
        ):
            counter = CounterMetricFamily(metric, text, labels=[])
            if server:
                counter.add_metric([], server[name])
            yield counter
        leases = GaugeMetricFamily(
            "dita_serve_leases", "Leases, by whether a program holds them", labels=["account", "held"]
        )
        for (account, held), count in _counted(server.get("leases", ())).items():
            leases.add_metric([account, held], count)
        yield leases
        intents = CounterMetricFamily(
            "dita_serve_intents", "What programs' intents came to, by code", labels=["account", "code"]
        )
        limits = CounterMetricFamily(
            "dita_serve_refused_by_limit", "Intents that a limit refused", labels=["account", "limit"]
        )
        codes: dict[tuple[str, str], int] = {}
        for account, code, limit, count in server.get("intents", ()):
            codes[account, code] = codes.get((account, code), 0) + count
            if limit:
                limits.add_metric([account, limit], count)
        for labels, count in codes.items():
            intents.add_metric(list(labels), count)
        yield intents
        yield limits
        calls = HistogramMetricFamily(
            "dita_serve_call_seconds", "From a program's intents to their answer, in the server, seconds"
        )
        if server:
            classes: list[tuple[float | None, int]] = [(bound, count) for bound, count in server["calls"]]
            sums = accumulate(count for _, count in classes)
            buckets = [
                ("+Inf" if bound is None else repr(bound), float(total))
                for (bound, _), total in zip(classes, sums, strict=True)
            ]
            calls.add_metric([], buckets, server["calls_took_s"])
        yield calls


def _counted(leases: Any) -> dict[tuple[str, str], int]:  # noqa: ANN401 - rows of a socket
    found: dict[tuple[str, str], int] = {}
    for one in leases:
        key = (str(one["account"]), "no" if one["pid"] is None else "yes")
        found[key] = found.get(key, 0) + 1
    return found


def _of(kind: str, rows: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for key, text in rows.items():
        found, _, name = key.partition(":")
        if found == kind:
            yield name, text


def _states(metric: str, kind: str, name: str, rows: Mapping[str, str], *, label: str) -> GaugeMetricFamily:
    family = GaugeMetricFamily(metric, f"1 for the present {name}", labels=[label, name])
    for whose, text in _of(kind, rows):
        family.add_metric([whose, str(json.loads(text)[name])], 1)
    return family


def exposition(figures: Figures) -> str:
    """Return the figures in Prometheus' text format.

    Args:
        figures: What is known.
    """
    registry = CollectorRegistry()
    registry.register(_Families(figures))
    return generate_latest(registry).decode()

"""The gateway's figures for Prometheus."""

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, SummaryMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from dita.gateway.hub import Hub

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


class _Rows(Collector):
    """Reads the newest rows when it is asked."""

    def __init__(self, hub: "Hub") -> None:
        self._hub = hub

    def collect(self) -> Iterator[Metric]:
        rows = self._hub.rows
        yield GaugeMetricFamily("dita_up", "Whether the host answers", value=0 if self._hub.away else 1)
        yield GaugeMetricFamily("dita_gateway_lookers", "Open streams", value=self._hub.lookers)
        accounts = {name: json.loads(text) for name, text in _of("account", rows)}
        for metric, (field, text) in _MONEY.items():
            family = GaugeMetricFamily(metric, text, labels=["account", "asset"])
            for name, account in accounts.items():
                if account.get(field) is not None:
                    # A figure to be watched: Prometheus has floats only.
                    family.add_metric([name, account["asset"]], float(account[field]))
            yield family
        yield _states("dita_reconcile_status", "account", "reconcile_status", rows, label="account")
        yield _states("dita_gate", "control", "gate", rows, label="account")
        yield _states("dita_strategy_state", "strategy", "state", rows, label="strategy")
        yield from self._differences(accounts)
        yield self._doubts(accounts)
        yield self._outcomes()
        yield from self._latencies()
        yield self._followers(rows)
        open_slots = GaugeMetricFamily("dita_open_slots", "Slots that carry a trade", labels=["account"])
        for name in accounts:
            count = sum(key.startswith(f"slot:{name}:") for key in rows)
            open_slots.add_metric([name], count)
        yield open_slots

    def _differences(self, accounts: Mapping[str, dict[str, Any]]) -> Iterator[GaugeMetricFamily]:
        unexplained = GaugeMetricFamily(
            "dita_unexplained", "What of E minus K has no cause", labels=["account", "asset"]
        )
        bare = GaugeMetricFamily("dita_unprotected_slots", "Positions without a stop", labels=["account"])
        for name, account in accounts.items():
            parts = account.get("reconcile_causes") or ()
            amount = sum(float(one["amount"]) for one in parts if one["cause"] == "UNEXPLAINED")
            unexplained.add_metric([name, account["asset"]], amount)
            slots = (text for key, text in self._hub.rows.items() if key.startswith(f"slot:{name}:"))
            bare.add_metric([name], sum('"unprotected":true' in text for text in slots))
        yield unexplained
        yield bare

    def _doubts(self, accounts: Mapping[str, dict[str, Any]]) -> GaugeMetricFamily:
        doubts = GaugeMetricFamily(
            "dita_orders_in_doubt", "Orders of which nobody knows what became", labels=["account"]
        )
        for name in accounts:
            orders = (text for key, text in self._hub.rows.items() if key.startswith(f"order:{name}:"))
            doubts.add_metric([name], sum(json.loads(text).get("doubt") not in _NO_DOUBT for text in orders))
        return doubts

    def _outcomes(self) -> CounterMetricFamily:
        outcomes = CounterMetricFamily(
            "dita_outcomes",
            "What kernels had to say, by code: OK counts fills",
            labels=["account", "code"],
        )
        for (account, code), count in self._hub.outcomes.items():
            outcomes.add_metric([account, code], count)
        return outcomes

    def _latencies(self) -> Iterator[SummaryMetricFamily]:
        orders = SummaryMetricFamily("dita_gateway_order_seconds", "From an order to its answer, seconds")
        orders.add_metric([], self._hub.orders_asked, self._hub.orders_took_s)
        yield orders
        reads = SummaryMetricFamily("dita_gateway_read_seconds", "What a look at the host takes, seconds")
        reads.add_metric([], self._hub.reads, self._hub.reads_took_s)
        yield reads

    def _followers(self, rows: dict[str, str]) -> GaugeMetricFamily:
        lag = GaugeMetricFamily(
            "dita_follower_lag_seconds",
            "How long a follower has not been at the log's end",
            labels=["account", "follower"],
        )
        for name, text in _of("health", rows):
            followers: dict[str, dict[str, Any]] = json.loads(text)["followers"]
            for follower, status in followers.items():
                lag.add_metric([name, follower], float(status.get("lag_seconds") or 0))
        return lag


def _of(kind: str, rows: dict[str, str]) -> Iterator[tuple[str, str]]:
    for key, text in rows.items():
        found, _, name = key.partition(":")
        if found == kind:
            yield name, text


def _states(metric: str, kind: str, field: str, rows: dict[str, str], *, label: str) -> GaugeMetricFamily:
    family = GaugeMetricFamily(metric, f"1 for the present {field}", labels=[label, field])
    for name, text in _of(kind, rows):
        family.add_metric([name, str(json.loads(text)[field])], 1)
    return family


def exposition(hub: "Hub") -> str:
    """Return the figures in Prometheus' text format."""
    registry = CollectorRegistry()
    registry.register(_Rows(hub))
    return generate_latest(registry).decode()

"""The vendor's own SDK trades on `dita exchange --tls` with nothing changed but its base addresses."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

CLIENT = Path(__file__).parent.parent / "sdk_client.py"


def test_the_vendors_sdk_places_amends_cancels_streams_and_reads_balances_over_tls() -> None:
    pytest.importorskip("binance_sdk_derivatives_trading_usds_futures", reason="the SDK is not installed")
    with subprocess.Popen(
        [sys.executable, "-m", "dita.cli", "exchange", "--port", "0", "--tls"], stdout=subprocess.PIPE,
        stdin=subprocess.DEVNULL, text=True,
    ) as exchange:  # fmt: skip
        try:
            assert exchange.stdout is not None
            reported = [exchange.stdout.readline() for _ in range(3)]
            rest, stream = (
                reported[0].split()[1].removesuffix("/fapi"),
                reported[0].split()[3].removesuffix("/private"),
            )
            assert (rest[:8], stream[:6]) == ("https://", "wss://")
            certificate = reported[2].split()[1].rstrip(":")
            trusted = {"SSL_CERT_FILE": certificate, "REQUESTS_CA_BUNDLE": certificate}
            done = subprocess.run(
                [sys.executable, str(CLIENT), rest, stream], env=os.environ | trusted, capture_output=True,
                text=True, timeout=60, check=False,
            )  # fmt: skip
        finally:
            exchange.send_signal(signal.SIGINT)
            exchange.wait(10)
    assert done.returncode == 0, done.stderr[-2_000:]
    seen = json.loads(done.stdout.splitlines()[-1])
    assert seen["balance"] == [["USDT", "10000.00000000"]]
    assert (seen["placed"], seen["changed"], seen["canceled"]) == ("NEW", ["0.02", "50010"], "CANCELED")
    assert seen["open"] == [True]
    assert (seen["stop"], seen["stop canceled"]) == ("NEW", "200")
    assert {"OrderTradeUpdate", "AccountUpdate"} <= set(seen["heard"])
    assert (seen["quote"], seen["mark"]) == ("BTCUSDT", "BTCUSDT")
    assert float(seen["commission"]) > 0
    assert seen["position"] == ["0.05"]
    # The certificate was made for that run.
    assert not Path(certificate).exists()


def test_a_client_that_does_not_trust_the_certificate_is_not_served() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "dita.cli", "exchange", "--port", "0", "--tls"], stdout=subprocess.PIPE,
        stdin=subprocess.DEVNULL, text=True,
    ) as exchange:  # fmt: skip
        try:
            assert exchange.stdout is not None
            rest = exchange.stdout.readline().split()[1]
            ask = "import sys, urllib.request; urllib.request.urlopen(sys.argv[1] + '/v1/time')"
            done = subprocess.run(
                [sys.executable, "-c", ask, rest], capture_output=True, text=True, timeout=30, check=False
            )
        finally:
            exchange.send_signal(signal.SIGINT)
            exchange.wait(10)
    assert "CERTIFICATE_VERIFY_FAILED" in done.stderr

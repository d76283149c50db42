"""What every test may ask for."""

from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
BTCUSDT_CAPTURE = "binance_usdm_btcusdt_l2_trades_20240808.jsonl.gz"
BTC_PERP_BARS = "btc_perp_1m_20211231_20220201.csv.gz"


def recorded(name: str) -> Path:
    path = REPOSITORY.parent / "shared" / "data" / name
    if not path.is_file():
        pytest.skip(f"the recorded market {name} is not beside the repository (../shared/data)")
    return path


@pytest.fixture
def btcusdt_capture() -> Path:
    """Five minutes of BTCUSDT: best quotes, depth, trades, one snapshot."""
    return recorded(BTCUSDT_CAPTURE)


@pytest.fixture
def btc_perp_bars() -> Path:
    """A month of one-minute bars."""
    return recorded(BTC_PERP_BARS)

"""Market readers: recorded and generated markets as a stream of exact, ordered events."""

from dita._kernel import OrderBook
from dita.market.bars import BarFile
from dita.market.binance_archive import ArchiveFile
from dita.market.binance_l2 import BinanceL2File
from dita.market.detect import open_market
from dita.market.events import Bar, Depth, Event, Market, MarketKind, Print, Quote
from dita.market.l2_columns import L2File, convert
from dita.market.parquet import ParquetFile
from dita.market.source import MarketFileError
from dita.market.synthetic import SyntheticMarket
from dita.market.ticks import TickFile

__all__ = [
    "ArchiveFile",
    "Bar",
    "BarFile",
    "BinanceL2File",
    "Depth",
    "Event",
    "L2File",
    "Market",
    "MarketFileError",
    "MarketKind",
    "OrderBook",
    "ParquetFile",
    "Print",
    "Quote",
    "SyntheticMarket",
    "TickFile",
    "convert",
    "open_market",
]

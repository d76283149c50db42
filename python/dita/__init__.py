"""DITA, a trade execution kernel: every trade from intent to closed, and an exact account of the money.

Every public name is here, and loaded at first use: `import dita` costs next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from dita.version import __version__ as __version__

if TYPE_CHECKING:
    from dita.clock import ManualClock as ManualClock
    from dita.clock import SystemClock as SystemClock
    from dita.cluster import ClusterAddress as ClusterAddress
    from dita.cluster import ClusterError as ClusterError
    from dita.cluster import ClusterUnreachable as ClusterUnreachable
    from dita.cluster import open_client as open_client
    from dita.contracts import AccountEventKind as AccountEventKind
    from dita.contracts import ControlGate as ControlGate
    from dita.contracts import ExitKind as ExitKind
    from dita.contracts import ExitSpec as ExitSpec
    from dita.contracts import FreezeScope as FreezeScope
    from dita.contracts import KernelCommandType as KernelCommandType
    from dita.contracts import KernelDiagnosticCode as KernelDiagnosticCode
    from dita.contracts import KernelEventKind as KernelEventKind
    from dita.contracts import KernelIntent as KernelIntent
    from dita.contracts import KernelMode as KernelMode
    from dita.contracts import KernelOutcome as KernelOutcome
    from dita.contracts import KernelSeverity as KernelSeverity
    from dita.contracts import KernelTransition as KernelTransition
    from dita.contracts import KernelVerbosity as KernelVerbosity
    from dita.contracts import Liquidity as Liquidity
    from dita.contracts import MarginConvention as MarginConvention
    from dita.contracts import MarginMode as MarginMode
    from dita.contracts import MarginStatus as MarginStatus
    from dita.contracts import MarketLimits as MarketLimits
    from dita.contracts import OppositeSlots as OppositeSlots
    from dita.contracts import OrderDoubt as OrderDoubt
    from dita.contracts import OrderSide as OrderSide
    from dita.contracts import OrderType as OrderType
    from dita.contracts import PairOff as PairOff
    from dita.contracts import PositionSide as PositionSide
    from dita.contracts import Product as Product
    from dita.contracts import ReconcileStatus as ReconcileStatus
    from dita.contracts import Regime as Regime
    from dita.contracts import RoundedOrder as RoundedOrder
    from dita.contracts import TimeInForce as TimeInForce
    from dita.contracts import TradeSide as TradeSide
    from dita.contracts import TradeSlot as TradeSlot
    from dita.contracts import TradeStage as TradeStage
    from dita.contracts import TriggerBy as TriggerBy
    from dita.contracts import VenueEvent as VenueEvent
    from dita.contracts import VenueOrder as VenueOrder
    from dita.contracts import VenueOrderStatus as VenueOrderStatus
    from dita.contracts import transition_table as transition_table
    from dita.control import ControlConflict as ControlConflict
    from dita.control import ControlPlane as ControlPlane
    from dita.control import ControlPlaneError as ControlPlaneError
    from dita.control import ControlUpdate as ControlUpdate
    from dita.control import FileControlPlane as FileControlPlane
    from dita.control import HazelcastControlPlane as HazelcastControlPlane
    from dita.control import InMemoryControlPlane as InMemoryControlPlane
    from dita.control import KernelControlSnapshot as KernelControlSnapshot
    from dita.control import build_control_plane as build_control_plane
    from dita.errors import InboxFull as InboxFull
    from dita.errors import InvalidInput as InvalidInput
    from dita.errors import InvalidType as InvalidType
    from dita.errors import InvariantViolation as InvariantViolation
    from dita.errors import KernelClosed as KernelClosed
    from dita.errors import KernelError as KernelError
    from dita.errors import KernelPoisoned as KernelPoisoned
    from dita.errors import LeaseHeld as LeaseHeld
    from dita.errors import LinkError as LinkError
    from dita.errors import LogCorrupt as LogCorrupt
    from dita.errors import LogDisk as LogDisk
    from dita.errors import LogError as LogError
    from dita.errors import LogFailed as LogFailed
    from dita.errors import LogLocked as LogLocked
    from dita.errors import LogMismatch as LogMismatch
    from dita.errors import LogVersion as LogVersion
    from dita.errors import ModeMismatch as ModeMismatch
    from dita.errors import NotSent as NotSent
    from dita.errors import NotYetSupported as NotYetSupported
    from dita.errors import ServerAway as ServerAway
    from dita.errors import ServerRefused as ServerRefused
    from dita.errors import VenueAdapterError as VenueAdapterError
    from dita.errors import ZincError as ZincError
    from dita.journal import JournalRecord as JournalRecord
    from dita.journal import KernelJournal as KernelJournal
    from dita.journal import MemoryKernelJournal as MemoryKernelJournal
    from dita.kernel import ExecutionKernel as ExecutionKernel
    from dita.logs import KernelLogs as KernelLogs
    from dita.logs import set_up_logs as set_up_logs
    from dita.projection import FollowedProjection as FollowedProjection
    from dita.projection import HazelcastProjection as HazelcastProjection
    from dita.projection import KernelMoment as KernelMoment
    from dita.projection import KernelProjection as KernelProjection
    from dita.projection import MemoryProjection as MemoryProjection
    from dita.projection import build_projection as build_projection
    from dita.second_names import AccountSnapshot as AccountSnapshot
    from dita.second_names import InvalidSlot as InvalidSlot
    from dita.second_names import VenueEventStatus as VenueEventStatus
    from dita.server import connect as connect
    from dita.server import connect_async as connect_async
    from dita.slots import AccountProjection as AccountProjection
    from dita.slots import KernelSlotView as KernelSlotView
    from dita.slots import KernelStateView as KernelStateView
    from dita.venues import BaseExecutionAdapter as BaseExecutionAdapter
    from dita.venues import BreakerSettings as BreakerSettings
    from dita.venues import BreakerState as BreakerState
    from dita.venues import CircuitBreaker as CircuitBreaker
    from dita.venues import KernelSink as KernelSink
    from dita.venues import MockVenueAdapter as MockVenueAdapter
    from dita.venues import OrderManager as OrderManager
    from dita.venues import OrderRequest as OrderRequest
    from dita.venues import OrderResponse as OrderResponse
    from dita.venues import PolledAdapter as PolledAdapter
    from dita.venues import SimulatedVenue as SimulatedVenue
    from dita.venues import SmallAdapter as SmallAdapter
    from dita.venues import VenueAdapter as VenueAdapter
    from dita.venues.binance.adapter import BinanceAdapter as BinanceAdapter
    from dita.venues.ccxt import CCXTAdapter as CCXTAdapter
    from dita.venues.ibkr import IBKRAdapter as IBKRAdapter
    from dita.zinc import InMemoryZincPlane as InMemoryZincPlane
    from dita.zinc import SharedHalt as SharedHalt
    from dita.zinc import SharedMemoryZincPlane as SharedMemoryZincPlane
    from dita.zinc import ZincPlane as ZincPlane
    from dita.zinc import ZincReader as ZincReader

_HOME = {
    "AccountEventKind": "dita.contracts",
    "AccountProjection": "dita.slots",
    "BaseExecutionAdapter": "dita.venues",
    "ControlGate": "dita.contracts",
    "ExitKind": "dita.contracts",
    "ExitSpec": "dita.contracts",
    "FreezeScope": "dita.contracts",
    "ControlPlane": "dita.control",
    "ControlUpdate": "dita.control",
    "ExecutionKernel": "dita.kernel",
    "InMemoryControlPlane": "dita.control",
    "InMemoryZincPlane": "dita.zinc",
    "InboxFull": "dita.errors",
    "InvalidInput": "dita.errors",
    "InvalidType": "dita.errors",
    "InvariantViolation": "dita.errors",
    "JournalRecord": "dita.journal",
    "KernelClosed": "dita.errors",
    "KernelCommandType": "dita.contracts",
    "KernelControlSnapshot": "dita.control",
    "KernelDiagnosticCode": "dita.contracts",
    "KernelError": "dita.errors",
    "KernelEventKind": "dita.contracts",
    "KernelIntent": "dita.contracts",
    "KernelJournal": "dita.journal",
    "KernelMode": "dita.contracts",
    "KernelOutcome": "dita.contracts",
    "KernelPoisoned": "dita.errors",
    "KernelProjection": "dita.projection",
    "KernelSink": "dita.venues",
    "KernelSlotView": "dita.slots",
    "KernelStateView": "dita.slots",
    "KernelTransition": "dita.contracts",
    "KernelVerbosity": "dita.contracts",
    "Liquidity": "dita.contracts",
    "LogCorrupt": "dita.errors",
    "LogDisk": "dita.errors",
    "LogError": "dita.errors",
    "LogFailed": "dita.errors",
    "LogLocked": "dita.errors",
    "LogMismatch": "dita.errors",
    "LogVersion": "dita.errors",
    "MarginConvention": "dita.contracts",
    "MarginMode": "dita.contracts",
    "MarginStatus": "dita.contracts",
    "ModeMismatch": "dita.errors",
    "MarketLimits": "dita.contracts",
    "ManualClock": "dita.clock",
    "MemoryKernelJournal": "dita.journal",
    "MemoryProjection": "dita.projection",
    "MockVenueAdapter": "dita.venues",
    "NotSent": "dita.errors",
    "NotYetSupported": "dita.errors",
    "OppositeSlots": "dita.contracts",
    "OrderDoubt": "dita.contracts",
    "OrderSide": "dita.contracts",
    "OrderType": "dita.contracts",
    "PairOff": "dita.contracts",
    "PositionSide": "dita.contracts",
    "Product": "dita.contracts",
    "ReconcileStatus": "dita.contracts",
    "Regime": "dita.contracts",
    "RoundedOrder": "dita.contracts",
    "AccountSnapshot": "dita.second_names",
    "InvalidSlot": "dita.second_names",
    "VenueEventStatus": "dita.second_names",
    "KernelSeverity": "dita.contracts",
    "SimulatedVenue": "dita.venues",
    "SystemClock": "dita.clock",
    "TimeInForce": "dita.contracts",
    "TradeSide": "dita.contracts",
    "TradeSlot": "dita.contracts",
    "TradeStage": "dita.contracts",
    "VenueAdapter": "dita.venues",
    "VenueAdapterError": "dita.errors",
    "TriggerBy": "dita.contracts",
    "VenueEvent": "dita.contracts",
    "VenueOrder": "dita.contracts",
    "VenueOrderStatus": "dita.contracts",
    "SharedHalt": "dita.zinc",
    "SharedMemoryZincPlane": "dita.zinc",
    "ZincError": "dita.errors",
    "ZincPlane": "dita.zinc",
    "ZincReader": "dita.zinc",
    "KernelLogs": "dita.logs",
    "set_up_logs": "dita.logs",
    "connect": "dita.server",
    "connect_async": "dita.server",
    "LeaseHeld": "dita.errors",
    "LinkError": "dita.errors",
    "ServerAway": "dita.errors",
    "ServerRefused": "dita.errors",
    "build_control_plane": "dita.control",
    "ClusterAddress": "dita.cluster",
    "ClusterError": "dita.cluster",
    "ClusterUnreachable": "dita.cluster",
    "open_client": "dita.cluster",
    "ControlConflict": "dita.control",
    "ControlPlaneError": "dita.control",
    "FileControlPlane": "dita.control",
    "HazelcastControlPlane": "dita.control",
    "FollowedProjection": "dita.projection",
    "HazelcastProjection": "dita.projection",
    "KernelMoment": "dita.projection",
    "build_projection": "dita.projection",
    "transition_table": "dita.contracts",
    "IBKRAdapter": "dita.venues.ibkr",
    "CCXTAdapter": "dita.venues.ccxt",
    "BinanceAdapter": "dita.venues.binance.adapter",
    "OrderManager": "dita.venues",
    "OrderRequest": "dita.venues",
    "OrderResponse": "dita.venues",
    "CircuitBreaker": "dita.venues",
    "BreakerSettings": "dita.venues",
    "BreakerState": "dita.venues",
    "PolledAdapter": "dita.venues",
    "SmallAdapter": "dita.venues",
}

__all__ = [
    "AccountEventKind",
    "AccountProjection",
    "AccountSnapshot",
    "BaseExecutionAdapter",
    "BreakerSettings",
    "BreakerState",
    "CCXTAdapter",
    "CircuitBreaker",
    "ClusterAddress",
    "ClusterError",
    "ClusterUnreachable",
    "ControlConflict",
    "ControlGate",
    "ControlPlane",
    "ControlPlaneError",
    "ControlUpdate",
    "ExecutionKernel",
    "ExitKind",
    "ExitSpec",
    "FileControlPlane",
    "FollowedProjection",
    "FreezeScope",
    "HazelcastControlPlane",
    "HazelcastProjection",
    "IBKRAdapter",
    "InMemoryControlPlane",
    "InMemoryZincPlane",
    "InboxFull",
    "InvalidInput",
    "InvalidSlot",
    "InvalidType",
    "InvariantViolation",
    "JournalRecord",
    "KernelClosed",
    "KernelCommandType",
    "KernelControlSnapshot",
    "KernelDiagnosticCode",
    "KernelError",
    "KernelEventKind",
    "KernelIntent",
    "KernelJournal",
    "KernelLogs",
    "KernelMode",
    "KernelMoment",
    "KernelOutcome",
    "KernelPoisoned",
    "KernelProjection",
    "KernelSeverity",
    "KernelSink",
    "KernelSlotView",
    "KernelStateView",
    "KernelTransition",
    "KernelVerbosity",
    "LeaseHeld",
    "LinkError",
    "Liquidity",
    "LogCorrupt",
    "LogDisk",
    "LogError",
    "LogFailed",
    "LogLocked",
    "LogMismatch",
    "LogVersion",
    "ManualClock",
    "MarginConvention",
    "MarginMode",
    "MarginStatus",
    "MarketLimits",
    "MemoryKernelJournal",
    "MemoryProjection",
    "MockVenueAdapter",
    "ModeMismatch",
    "NotSent",
    "NotYetSupported",
    "OppositeSlots",
    "OrderDoubt",
    "OrderManager",
    "OrderRequest",
    "OrderResponse",
    "OrderSide",
    "OrderType",
    "PairOff",
    "PolledAdapter",
    "PositionSide",
    "Product",
    "ReconcileStatus",
    "Regime",
    "RoundedOrder",
    "ServerAway",
    "ServerRefused",
    "SharedHalt",
    "SharedMemoryZincPlane",
    "SimulatedVenue",
    "SmallAdapter",
    "SystemClock",
    "TimeInForce",
    "TradeSide",
    "TradeSlot",
    "TradeStage",
    "TriggerBy",
    "VenueAdapter",
    "VenueAdapterError",
    "VenueEvent",
    "VenueOrder",
    "VenueOrderStatus",
    "ZincError",
    "ZincPlane",
    "ZincReader",
    "__version__",
    "build_control_plane",
    "build_projection",
    "connect",
    "connect_async",
    "open_client",
    "set_up_logs",
    "transition_table",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - each name has its own type, which type checkers see above
    """Load a public name at its first use."""
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Name what is public."""
    return sorted({*__all__, *globals()})

"""The engine protocol: commands as lines, events as NDJSON, on a host of its own. See `dita engine`."""

from dita.engine.notify import Notifier
from dita.engine.server import FREEZE, EngineServer, configured, started_at

__all__ = ["FREEZE", "EngineServer", "Notifier", "configured", "started_at"]

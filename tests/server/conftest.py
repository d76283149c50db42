"""Servers that a test starts, each with planes of its own; they end with the test."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from serving import Served


@pytest.fixture
def serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Served]]:
    """Start servers; they are ended with the test."""
    monkeypatch.setenv("DITA_ZINC_DIR", str(tmp_path / "planes"))
    started: list[Served] = []

    def begin(**options: Any) -> Served:
        served = Served(tmp_path, **options)
        started.append(served)
        return served.start()

    yield begin
    for served in started:
        served.close()


@pytest.fixture
def served(serve: Callable[..., Served]) -> Served:
    """One server, with a market."""
    one = serve()
    one.quote()
    return one

"""Each test has planes of its own, in a directory of its own."""

from pathlib import Path

import pytest


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "planes"
    monkeypatch.setenv("DITA_ZINC_DIR", str(place))
    return place

"""What the tests of the projection in a cluster share."""

from collections.abc import Iterator
from typing import Any

import pytest

from dita.cluster import ClusterAddress, connected


@pytest.fixture
def client(hazelcast: ClusterAddress) -> Iterator[Any]:
    """A client of the cluster, for looking at it."""
    with connected(hazelcast) as client:
        yield client

"""A cluster's projection in the gateway: every kernel of it, and nothing is done there."""

import asyncio
import json

import pytest

from clusters import eventually
from dita import SimulatedVenue
from dita.cluster import ClusterAddress
from dita.gateway import SourceAway
from dita.gateway.watched import cluster_source
from dita.projection import HazelcastProjection
from kernels import ENTER, SYMBOL, intent, opened


def test_every_kernel_of_a_cluster_has_its_rows(hazelcast: ClusterAddress) -> None:
    source = cluster_source(str(hazelcast))
    for name in ("desk-a", "desk-b"):
        venue = SimulatedVenue(balances={"USDT": "10000"})
        projection = HazelcastProjection.open(hazelcast, name, refresh_s=0.02)
        with opened(venue, projection=projection) as kernel:
            venue.on_quote(SYMBOL, "60000.0", None, "60000.1", None, 1)
            kernel.process_intent(intent(ENTER, "i1"))
            assert projection.flush()

    async def rows() -> dict[str, str]:
        return dict((await source.read()).rows)

    async def scene() -> dict[str, str]:
        found = await rows()
        with pytest.raises(SourceAway, match="read-only"):
            await source.ask("order")
        await source.close()
        return found

    found = eventually(lambda: asyncio.run(scene()))
    for name in ("desk-a", "desk-b"):
        assert json.loads(found[f"account:{name}"])["asset"] == "USDT"
        assert json.loads(found[f"slot:{name}:0"])["asset"] == SYMBOL
        assert json.loads(found[f"control:{name}"])["gate"] == "NORMAL"

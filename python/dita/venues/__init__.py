"""Venues: the contract that adapters keep, the simulated venue, and a scripted one for tests."""

from dita.venues.base import BaseExecutionAdapter, KernelSink, VenueAdapter
from dita.venues.mock import MockVenueAdapter
from dita.venues.sim import SimulatedVenue

__all__ = ["BaseExecutionAdapter", "KernelSink", "MockVenueAdapter", "SimulatedVenue", "VenueAdapter"]

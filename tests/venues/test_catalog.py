"""The one list of venues: what it names is there, and is what it says."""

import importlib
from typing import Any

import pytest

from dita.certify.rig import Rig
from dita.venues.base import is_real_money
from dita.venues.catalog import NATIVE, Native


def named(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(importlib.import_module(module), name)


@pytest.mark.parametrize("venue", NATIVE, ids=lambda one: one.name)
def test_a_venues_adapter_its_practice_and_its_rig_are_where_the_list_says(venue: Native) -> None:
    adapter = named(venue.adapter)
    if venue.practice:
        practice = named(venue.practice)
        assert issubclass(practice, adapter)
        assert (is_real_money(adapter), is_real_money(practice)) == (True, False)
        assert adapter.unproven is not venue.is_proven
    if venue.rig:
        assert issubclass(named(venue.rig), Rig)
        assert not getattr(named(venue.rig), "__abstractmethods__", None)

"""`KernelIntent.owner`: whose trade it is, and where it shows."""

import pytest

from dita import InvalidType, KernelDiagnosticCode, KernelIntent, TradeSlot
from dita.projection.memory import MemoryProjection
from kernels import ENTER, EXIT, intent, opened, paper


def test_slot_orders_and_snapshot_show_the_entrys_owner() -> None:
    kernel, _ = paper()
    entered = kernel.process_intent(intent(ENTER, "i1", owner="scalper"))
    assert entered.accepted
    stop = kernel.process_intent(intent(EXIT, "s1", order_type="STOP_MARKET", trigger_price="59000"))
    assert stop.accepted
    assert kernel.slot(0).owner == "scalper"
    assert kernel.snapshot()["slots"][0]["owner"] == "scalper"
    assert [order.owner for order in kernel.orders()] == ["scalper", "scalper"]
    slot = kernel.slot(0).snapshot()
    assert TradeSlot.from_dict(slot.to_dict()) == slot
    assert slot.to_dict()["owner"] == "scalper"
    kernel.close()


def test_another_owner_is_refused_by_field_and_value_and_nothing_changes() -> None:
    kernel, _ = paper()
    kernel.process_intent(intent(ENTER, "i1", owner="scalper"))
    before = kernel.state_hash()
    refused = kernel.process_intent(intent(EXIT, "x1", owner="hedger"))
    assert refused.diagnostic_code == KernelDiagnosticCode.INVALID_INTENT
    assert (refused.details["field"], refused.details["value"]) == ("owner", "hedger")
    assert kernel.state_hash() == before
    assert kernel.process_intent(intent(EXIT, "x2", owner="scalper")).accepted
    kernel.close()


def test_an_owner_of_32_bytes_is_refused_and_one_of_31_is_taken() -> None:
    kernel, _ = paper()
    refused = kernel.process_intent(intent(ENTER, "i1", owner="o" * 32))
    assert refused.diagnostic_code == KernelDiagnosticCode.INVALID_INTENT
    assert refused.details["field"] == "owner"
    assert kernel.process_intent(intent(ENTER, "i2", owner="o" * 31)).accepted
    with pytest.raises(InvalidType, match="owner"):
        intent(ENTER, "i3", owner=7)
    kernel.close()


def test_an_intent_keeps_its_owner_through_a_dict() -> None:
    given = intent(ENTER, "i1", owner="scalper")
    assert given.owner == "scalper"
    assert KernelIntent(**given.to_dict()) == given
    assert given.replace(owner="").owner == ""
    assert "owner='scalper'" in repr(given)


def test_the_projection_has_the_owner() -> None:
    projection = MemoryProjection()
    kernel = opened(projection=projection)
    kernel.process_intent(intent(ENTER, "i1", owner="scalper"))
    assert projection.slots[0].owner == "scalper"
    kernel.close()

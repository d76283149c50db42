"""An answer by REST that comes after the stream has told the same: no reason to call the stream deaf."""

import pytest

from practising import practising


@pytest.mark.parametrize("venue", ["binance", "bybit"])
def test_a_stream_that_reported_before_the_answer_came_is_not_taken_for_deaf(venue: str) -> None:
    with practising(venue=venue, deaf_s=4.0) as account:
        account.server.command("fault slow_ms 250")
        account.act("ENTER", target_size="0.05")
        account.wait(lambda: account.stage() == "POSITION_OPEN", 25)
        account.wait(lambda: account.adapter.is_quiet, 25)
        account.act("EXIT", order_type="LIMIT", limit_price="70000")
        account.wait(lambda: account.stage() == "EXIT_WORKING" and account.adapter.is_quiet, 25)
        account.act("CANCEL")
        account.wait(lambda: not account.kernel.orders()[-1].is_live() and account.adapter.is_quiet, 25)
        # A stream that is called deaf is opened anew before the adapter is quiet again.
        assert account.adapter.reconnects == 0

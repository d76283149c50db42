"""Adapters that nobody could hold against a venue's wire: real money needs a word of its own."""

from dita.errors import InvalidInput


def need_consent(venue: str, *, is_real: bool, unproven: bool) -> None:
    """Refuse real money at a venue that was not proven over a wire.

    Args:
        venue: Its name.
        is_real: Whether real money is at stake.
        unproven: Whether whoever opens it says that this is known.

    Raises:
        InvalidInput: Real money is at stake, and it does not say so.
    """
    if is_real and not unproven:
        raise InvalidInput(
            f"unproven: {venue} is not proven over a wire: nothing here speaks it, so it was certified with "
            "scripted bytes alone; real money is refused without --unproven (unproven=True in a program, "
            "unproven = true in an account's options)"
        )

"""Real money: which modes a venue may be opened in, and what says that a program means it."""

import os
from typing import Final

from dita._kernel import KernelMode
from dita.errors import ModeMismatch
from dita.venues.base import is_live, is_real_money

# The machine's own word, beside the program's: a program that is copied elsewhere trades nothing there.
LIVE_VARIABLE: Final = "DITA_LIVE"
LIVE_VALUE: Final = "yes"


def is_set_live() -> bool:
    """Whether the environment says that real money may be traded here: `DITA_LIVE=yes`."""
    return os.environ.get(LIVE_VARIABLE) == LIVE_VALUE


def check_mode(venue: object, mode: KernelMode | str) -> None:
    """Hold a mode against the venue.

    Args:
        venue: The kernel's; None fits every mode.
        mode: LIVE, PAPER or SHADOW.

    Raises:
        ModeMismatch: Real money in another mode than LIVE, or LIVE where the venue is simulated.
    """
    if venue is None:
        return
    name = type(venue).__name__
    if is_real_money(venue):
        if mode != KernelMode.LIVE:
            raise ModeMismatch(
                f"mode: {mode} does not fit {name}, which trades real money: only LIVE does. Open the kernel "
                "with live=True, or on a control plane that stands at LIVE (`dita limits --control PLACE "
                "--create --mode LIVE`); an adapter of a test network says real_money = False"
            )
    elif mode == KernelMode.LIVE and not is_live(venue):
        raise ModeMismatch(
            f"mode: LIVE does not fit {name}, which is simulated: use PAPER or SHADOW; an adapter of a venue "
            "that runs on real time says live = True"
        )

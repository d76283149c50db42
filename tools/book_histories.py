"""Write golden histories of a book: `book_histories.py REFERENCE.py COUNT > FILE`.

REFERENCE is the executable specification of the book as a fold. Each history is what a venue reports,
and what a book is worth once all of it was received. `rust_kernel/tests/book` reads its own 120, or the
FILE that `DITA_BOOK_HISTORIES` names, and receives them in orders of its own.
"""

import importlib.util
import random
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, TextIO

PRODUCTS = ("linear", "inverse", "spot")


def load(path: Path) -> ModuleType:
    """Return the specification as a module."""
    spec = importlib.util.spec_from_file_location("book_reference", path)
    if spec is None or spec.loader is None:
        raise SystemExit(f"{path} is no Python file: name the specification of the book")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def owner_text(owner: tuple[int, int, int] | None) -> str:
    """Return `slot.trade.side`, or `-` for the unassigned position."""
    return "-" if owner is None else ".".join(str(part) for part in owner)


def entry_text(entry: Any, orders: dict[str, int]) -> str:  # noqa: ANN401 - a class of the module's
    """Return one line: id, kind, place, order, owner, quantity, price, what it revises, to whom it moves."""
    if not entry.key:
        place = "- -"
    elif entry.kind == "FUNDING":
        place = f"{entry.key[0]} max"
    else:
        place = f"{entry.key[0]} {int(2 * entry.key[1])}"  # a total stands between two executions
    order = orders.setdefault(entry.order, len(orders))
    owner, to = owner_text(entry.owner), owner_text(entry.to)
    return f"{entry.id} {entry.kind} {place} {order} {owner} {entry.qty} {entry.price} {entry.of or '-'} {to}"


def write_history(reference: ModuleType, product: str, seed: int, out: TextIO) -> None:
    """Write what is reported of one position side, and what the book is worth at the end."""
    rules = reference.Rules(product)
    generator = random.Random(seed)  # noqa: S311 - histories, no secrets
    side = -1 if product != "spot" and seed % 2 else 1
    received, venue = reference.history(generator, rules, side, late=seed % 3 != 0, name="h")
    state = reference.hear_all(received, rules, seed).fold()
    if state.book[0] != venue.net:
        raise SystemExit(f"the specification disagrees with its venue: {product}, seed {seed}")
    orders: dict[str, int] = {}
    print(f"history {product} {seed}", file=out)
    for what, key, fact in received:
        if what == "entry":
            print("entry", entry_text(fact, orders), file=out)
        elif what == "told":
            print("profit", key, fact, file=out)
        elif what == "fee":
            print("fee", key, *fact, file=out)
        else:
            print("owner", key, owner_text(fact), file=out)
    for asset, amount in sorted(venue.wallet.items()):
        print("wallet", asset, amount, file=out)
    print("book", *state.book, file=out)
    for owner, row in state.own.items():
        print("row", owner_text(owner), *row[0], *row[1:], file=out)
    print("inter_slot", state.inter_slot, file=out)


def main() -> None:
    """Write the histories to standard output."""
    path, count = Path(sys.argv[1]), int(sys.argv[2])
    reference = load(path)
    for seed in range(count):
        write_history(reference, PRODUCTS[seed % len(PRODUCTS)], seed, sys.stdout)


if __name__ == "__main__":
    main()

"""A dict of bounded size, for what a process has to remember for a while only."""

from collections import OrderedDict
from typing import Final, TypeVar

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")
SIZE_MAX: Final = 100_000


class Recent(OrderedDict[_Key, _Value]):
    """A dict that forgets what was set first, once it has `SIZE_MAX` keys."""

    def __setitem__(self, key: _Key, value: _Value) -> None:
        """Set a key, and forget the oldest where there are too many."""
        super().__setitem__(key, value)
        while len(self) > SIZE_MAX:
            self.popitem(last=False)

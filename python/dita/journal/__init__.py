"""The journal: everything that happened, for those who ask later.

In memory (`MemoryKernelJournal`), or in ClickHouse (`ClickHouseKernelJournal`), where a follower writes it.
"""

from dita.journal.kernel_journal import ClickHouseKernelJournal
from dita.journal.memory import JournalRecord, KernelJournal, MemoryKernelJournal
from dita.journal.place import JournalAway, JournalRefused
from dita.journal.query import Result, ask_journal

__all__ = [
    "ClickHouseKernelJournal",
    "JournalAway",
    "JournalRecord",
    "JournalRefused",
    "KernelJournal",
    "MemoryKernelJournal",
    "Result",
    "ask_journal",
]

"""The journal: every transition, for those who ask later."""

from dita.journal.memory import JournalRecord, KernelJournal, MemoryKernelJournal

__all__ = ["JournalRecord", "KernelJournal", "MemoryKernelJournal"]

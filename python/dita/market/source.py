"""Text files, plain or gzipped, read line by line, with errors that name file, line, field and value."""

import gzip
import io
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeVar, cast

from dita._kernel import MarketReader
from dita.errors import KernelError, shown

Read = TypeVar("Read")

GZIP_MAGIC: Final = b"\x1f\x8b"
LINE_LENGTH_MAX: Final = 16 * 1024 * 1024
DECIMAL_LENGTH_MAX: Final = 64
DECIMAL_EXPONENT_MAX: Final = 64
_ROWS_AT_ONCE: Final = 256
_PLAIN_DECIMAL: Final = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_ZERO: Final = re.compile(r"0+(?:\.0+)?")


class MarketFileError(KernelError, ValueError):
    """A market file cannot be read, or says something that cannot be so.

    Attributes:
        path: The file.
        line: Line number from 1, or None where the whole file is meant.
    """

    def __init__(self, path: Path, message: str, *, line: int | None = None) -> None:
        """Compose the message `file, line N: what is wrong`."""
        place = str(path) if line is None else f"{path}, line {line}"
        super().__init__(f"{place}: {message}")
        self.path = path
        self.line = line


def opened(path: Path, read: Callable[[], Read]) -> Read:
    """Return what a reader of the kernel's returns; what it finds wrong names the file.

    Args:
        path: The file.
        read: Calls the reader.

    Raises:
        MarketFileError: The file cannot be read, or has something that cannot be.
    """
    try:
        return read()
    except ValueError as error:
        message, line = error.args
        raise MarketFileError(path, message, line=line) from None


def rows_of(path: Path, reader: MarketReader) -> Iterator[tuple[Any, ...]]:
    """Yield a file's rows, as plain tuples.

    Args:
        path: The file.
        reader: Reads it.

    Raises:
        MarketFileError: It has something that cannot be: after what came before it.
    """
    while rows := opened(path, lambda: reader.read(_ROWS_AT_ONCE)):
        yield from rows


def line_of(reader: "MarketReader", at_ns: int, value: str) -> int | None:
    """Return the line of a row, from 1; None where there is no such row.

    Args:
        reader: Of the file, at its beginning.
        at_ns: The row's time: of a bar its opening.
        value: A number in it.
    """
    while rows := reader.read(1):
        (row,) = rows
        if row[-1] == at_ns and has_number(row, value):
            return reader.line
    return None


def has_number(row: Sequence[object], value: str) -> bool:
    """Return whether a row has a number, however it is written.

    Args:
        row: An event of a market: the instrument, numbers as text, and more.
        value: The number.
    """
    wanted = Decimal(value)
    return any(isinstance(one, str) and Decimal(one) == wanted for one in row[1:])


class TextSource:
    """The lines of one file. Gzip is recognised by content, never by the file's name."""

    def __init__(self, path: Path) -> None:
        """Remember the file; nothing is opened before `lines`.

        Args:
            path: A plain or gzipped UTF-8 text file.
        """
        self.path = path
        self._raw: BinaryIO | None = None
        self._size_bytes = 0
        self._fraction = 0.0

    def lines(self) -> Iterator[tuple[int, str]]:
        """Yield (line number from 1, line without its end) with one line in memory.

        Raises:
            MarketFileError: The file is missing, unreadable, damaged, not UTF-8, or a line is too long.
        """
        number = 0
        try:
            with self.path.open("rb") as raw:
                self._raw, self._size_bytes = raw, self.path.stat().st_size
                for number, line in enumerate(self._text(raw), start=1):
                    if len(line) >= LINE_LENGTH_MAX:
                        message = (
                            f"a line has more than {LINE_LENGTH_MAX} characters: this is not a market file"
                        )
                        raise MarketFileError(self.path, message, line=number)
                    yield number, line.rstrip("\r\n")
            self._fraction = 1.0
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            message = f"the gzip data is damaged or cut off ({error}); fetch or copy the file again"
            raise MarketFileError(self.path, message, line=number + 1) from error
        except UnicodeDecodeError as error:
            raise MarketFileError(self.path, "this is not UTF-8 text", line=number + 1) from error
        except OSError as error:
            raise MarketFileError(self.path, f"cannot be read: {error.strerror or error}") from error
        finally:
            self._raw = None

    def _text(self, raw: BinaryIO) -> Iterator[str]:
        magic = raw.read(len(GZIP_MAGIC))
        raw.seek(0)
        binary = cast("BinaryIO", gzip.GzipFile(fileobj=raw)) if magic == GZIP_MAGIC else raw
        with io.TextIOWrapper(binary, encoding="utf-8", newline="\n") as text:
            while line := text.readline(LINE_LENGTH_MAX):
                yield line

    def fraction_read(self) -> float:
        """How much of the file's bytes has been read, from 0 to 1."""
        if self._raw is not None and not self._raw.closed and self._size_bytes:
            self._fraction = min(1.0, self._raw.tell() / self._size_bytes)
        return self._fraction


def decimal_text(value: object, field: str) -> str:
    """Return `value`, a non-negative decimal as text, in plain notation and unrounded.

    Args:
        value: What the file has in the field.
        field: The field's name, for the message.

    Raises:
        ValueError: Not text, not a finite decimal, or negative. The message names field and value.
    """
    if not isinstance(value, str):
        raise ValueError(f"{field}: expected a decimal in text, got {shown(value)}")  # noqa: TRY004 - the file is wrong
    if len(value) > DECIMAL_LENGTH_MAX:
        raise ValueError(f"{field}: more than {DECIMAL_LENGTH_MAX} characters for a number: {shown(value)}")
    if _PLAIN_DECIMAL.fullmatch(value):
        return value
    # Decimal alone would take underscores, spaces and other scripts' digits, which no venue writes.
    if not value.isascii() or set(value) & {"_", " ", "\t"}:
        raise ValueError(f"{field}: expected a decimal number, got {shown(value)}")
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise ValueError(f"{field}: expected a decimal number, got {shown(value)}") from None
    if not number.is_finite():
        raise ValueError(f"{field}: expected a finite number, got {shown(value)}")
    if number.is_signed():
        raise ValueError(f"{field}: must not be negative, got {shown(value)}")
    if number and abs(number.adjusted()) > DECIMAL_EXPONENT_MAX:
        raise ValueError(f"{field}: out of any market's range, got {shown(value)}")
    return format(number, "f")


def price_text(value: object, field: str) -> str:
    """Return `value`, a positive decimal as text, in plain notation and unrounded.

    Args:
        value: What the file has in the field.
        field: The field's name, for the message.

    Raises:
        ValueError: As `decimal_text`, and for zero.
    """
    text = decimal_text(value, field)
    if text[0] == "0" and _ZERO.fullmatch(text):
        raise ValueError(f"{field}: must be above zero, got {shown(value)}")
    return text

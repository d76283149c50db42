"""Files are read line by line, and what is wrong with one is said with its place."""

import gzip
from pathlib import Path

import pytest

from dita.market.source import MarketFileError, TextSource, decimal_text, price_text


@pytest.mark.parametrize("zipped", [False, True])
def test_lines_are_numbered_from_one_and_gzip_is_detected_by_content(tmp_path: Path, *, zipped: bool) -> None:
    path = tmp_path / "market.txt"
    content = b"first\r\n\nthird"
    path.write_bytes(gzip.compress(content) if zipped else content)

    source = TextSource(path)

    assert list(source.lines()) == [(1, "first"), (2, ""), (3, "third")]
    assert source.fraction_read() == 1.0


def test_half_a_file_is_half_read(tmp_path: Path) -> None:
    path = tmp_path / "market.txt"
    path.write_text("x" * 99 + "\n", encoding="utf-8")
    path.write_text(path.read_text(encoding="utf-8") * 10_000, encoding="utf-8")
    source = TextSource(path)
    lines = source.lines()
    for _ in range(5_000):
        next(lines)
    assert 0.45 < source.fraction_read() < 0.55
    lines.close()


def test_a_gzip_file_that_was_cut_off_is_named(tmp_path: Path) -> None:
    path = tmp_path / "cut.gz"
    path.write_bytes(gzip.compress(b"line\n" * 10_000)[:60])
    with pytest.raises(MarketFileError, match=r"cut\.gz.*damaged or cut off"):
        list(TextSource(path).lines())


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(MarketFileError, match=r"absent\.csv: cannot be read: No such file"):
        list(TextSource(tmp_path / "absent.csv").lines())


def test_bytes_that_are_no_text_are_named(tmp_path: Path) -> None:
    path = tmp_path / "binary"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(MarketFileError, match="not UTF-8"):
        list(TextSource(path).lines())


@pytest.mark.parametrize(
    ("text", "expected"),
    [("58710.20", "58710.20"), ("0", "0"), ("0.000", "0.000"), ("1E-5", "0.00001"), ("1.5e3", "1500")],
)
def test_a_decimal_stays_as_it_was_written_or_loses_its_exponent(text: str, expected: str) -> None:
    assert decimal_text(text, "size") == expected


@pytest.mark.parametrize(
    "value",
    [
        "",
        "abc",
        "NaN",
        "Infinity",
        "-1",
        "-0",
        "1_0_",
        " 1",
        "\u0661",
        "1e999999999",
        "9" * 65,
        1.5,
        None,
        ["1"],
    ],
)
def test_what_is_no_decimal_is_refused_with_field_and_value(value: object) -> None:
    with pytest.raises(ValueError, match="size: ") as caught:
        decimal_text(value, "size")
    assert repr(value) in str(caught.value)


@pytest.mark.parametrize("value", ["0", "0.00", "000", "0e5"])
def test_a_price_of_zero_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="price: must be above zero"):
        price_text(value, "price")

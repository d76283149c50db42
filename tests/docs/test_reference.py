"""Whatever is public is documented: in its docstring, and in the reference made from the docstrings."""

import dataclasses
import enum
import inspect
import re
import types
from pathlib import Path

import pytest

import dita

PAGES = Path(__file__).resolve().parents[2] / "docs" / "reference" / "api"
# From a class's heading to the next one of its rank.
SECTION = re.compile(r"^## (?P<name>\S+)\n(?P<text>.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
PUBLIC = [name for name in dita.__all__ if name != "__version__"]
CLASSES = [name for name in PUBLIC if isinstance(getattr(dita, name), type)]
LISTS = [name for name in CLASSES if issubclass(getattr(dita, name), enum.Enum)]


def sections() -> dict[str, str]:
    """The reference by public name."""
    return {
        found["name"]: found["text"]
        for page in sorted(PAGES.glob("*.md"))
        for found in SECTION.finditer(page.read_text(encoding="utf-8"))
    }


def members_of(name: str) -> dict[str, object]:
    """A class's public attributes, without those that another public class brings."""
    cls: type = getattr(dita, name)
    public_bases = [
        base for base in cls.__mro__[1:] if base.__name__ in PUBLIC or base.__module__ == "builtins"
    ]
    inherited = {member for base in public_bases for member in vars(base)}
    own = (
        {**{field.name: field for field in dataclasses.fields(cls)}} if dataclasses.is_dataclass(cls) else {}
    )
    for member in dir(cls):
        redefined = member in vars(cls)
        if not member.startswith("_") and (redefined or member not in inherited):
            own.setdefault(member, inspect.getattr_static(cls, member))
    return own


def needs_docstring(member: object) -> bool:
    """Methods and properties explain themselves; fields are explained by their class."""
    return callable(member) or isinstance(
        member, (property, classmethod, staticmethod, types.GetSetDescriptorType)
    )


def test_there_is_something_to_check() -> None:
    assert len(CLASSES) > 40
    assert sum(len(members_of(name)) for name in CLASSES) > 400
    assert "process_intent" in members_of("ExecutionKernel")
    assert "get_income" not in members_of("MockVenueAdapter"), "its base class's, documented there"


def test_every_public_name_is_in_the_reference_once() -> None:
    headings = [
        found["name"]
        for page in sorted(PAGES.glob("*.md"))
        for found in SECTION.finditer(page.read_text(encoding="utf-8"))
    ]
    assert [name for name in dita.__all__ if headings.count(name) != 1] == []


def test_every_public_name_has_a_docstring() -> None:
    def own(name: str) -> str | None:
        value = getattr(dita, name)
        return vars(value).get("__doc__") if isinstance(value, type) else value.__doc__

    assert [name for name in PUBLIC if not (own(name) or "").strip()] == []


# What the members of a list mean, the reference says, and a test below asks.
@pytest.mark.parametrize("name", [name for name in CLASSES if name not in LISTS])
def test_every_public_member_has_a_docstring(name: str) -> None:
    bare = [
        member
        for member, value in members_of(name).items()
        if needs_docstring(value)
        and not (inspect.getdoc(getattr(getattr(dita, name), member, value)) or "").strip()
    ]
    assert bare == []


@pytest.mark.parametrize("name", CLASSES)
def test_every_public_member_is_in_the_reference(name: str) -> None:
    cls, text = getattr(dita, name), sections()[name]
    if name in LISTS:
        wanted = {f"| `{member}` | " for member in cls.__members__}
    else:
        wanted = {f"`{member}`" for member, value in members_of(name).items() if not is_method(value)}
        wanted |= {f"### {name}.{member}\n" for member, value in members_of(name).items() if is_method(value)}
    assert sorted(mark for mark in wanted if mark not in text) == []


def is_method(member: object) -> bool:
    """Whether it is called."""
    return callable(member) or isinstance(member, (classmethod, staticmethod))


def test_every_name_of_a_list_says_what_it_means() -> None:
    text = (PAGES / "names.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", text, re.MULTILINE)
    assert len(rows) > 120
    assert [name for name, meaning in rows if not meaning.strip()] == []

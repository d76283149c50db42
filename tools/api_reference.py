"""Prints one page of the Python reference in Markdown: `python tools/api_reference.py PAGE`.

Signatures come from the sources and the native module's stub, texts from the docstrings, and the members of
the core's lists from the comments in the core. Nothing is said here that is not said there.
"""

import ast
import enum
import inspect
import re
import sys
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

import dita

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef

ROOT: Final = Path(__file__).resolve().parents[1]
STUB: Final = ROOT / "python" / "dita" / "_kernel.pyi"
CORE: Final = ROOT / "rust_kernel" / "src"
LINE_MAX: Final = 96

# Each page: its title, and what it says first.
PAGES: Final = {
    "kernel": ("The kernel", "What a program opens, asks and reads."),
    "values": ("Values", "What goes in and what comes out: frozen, comparable, made to be written down."),
    "names": ("Names", "Every list of names that the kernel speaks in, and what each of them means."),
    "errors": (
        "Errors",
        (
            "What is raised. Every one of them is a `KernelError`. A text shows at most 80 characters of "
            "a value, and of a key that names a field (`dita.errors.SHOWN_CHARS_MAX`); `…` says that "
            "something was cut. "
            "`value` is the whole one."
        ),
    ),
    "venues": ("Venues", "The paper venue, and what an adapter to another one has to do."),
    "planes": ("Planes", "Control, journal, projection and Zinc: who steers the kernel, and who follows it."),
}
# What a reader looks for before all else.
FIRST: Final = "ExecutionKernel"
_PLANES: Final = ("dita.cluster", "dita.control", "dita.journal", "dita.logs", "dita.projection", "dita.zinc")
# Lists of the core that Python meets as text, in dicts and in transitions.
_TEXT_LISTS: Final = ("Origin", "DriftCause", "Proof", "Account", "Cause", "Symbol", "OrderReject")
_SECTION: Final = re.compile(r"^(Args|Attributes|Returns|Yields|Raises):$")
_ITEM: Final = re.compile(r"^(\*{0,2}\w[\w.]*): +(.*)$")
_LIST: Final = re.compile(
    r"named! \{\n(?P<doc>(?:\s*///[^\n]*\n)+)\s*(?P<name>\w+) \{\n(?P<members>.*?)\n    \}", re.DOTALL
)
_MEMBER: Final = re.compile(r"(?P<doc>(?:\s*///[^\n]*\n)+)\s*\w+ = \"(?P<text>\w+)\",")


class NameList(NamedTuple):
    """One of the core's lists of names: what it is, and what each member means."""

    doc: str
    members: dict[str, str]


def page_of(name: str) -> str:
    """Return the page that a public name stands on.

    Args:
        name: One of `dita.__all__`.
    """
    value = getattr(dita, name)
    home = dita._HOME.get(name, "dita")  # noqa: SLF001 - the one list of where names live
    if isinstance(value, type) and issubclass(value, enum.Enum) and name in name_lists():
        return "names"
    if isinstance(value, type) and issubclass(value, BaseException):
        return "errors"
    if home == "dita.contracts":
        return "values"
    if home.split(".")[:2] == ["dita", "venues"]:
        return "venues"
    return "planes" if home in _PLANES else "kernel"


def page(which: str) -> str:
    """Return a page's text.

    Args:
        which: One of `PAGES`.
    """
    title, lead = PAGES[which]
    # A second name of a class stands on its own page, docs/reference/second-names.md.
    own = (name for name in dita.__all__ if getattr(getattr(dita, name), "__name__", name) == name)
    names = sorted((name for name in own if page_of(name) == which), key=lambda name: name != FIRST)
    parts = [f"# {title}", "Generated from the docstrings by `make docs`; do not edit.", lead]
    if which == "names":
        parts.extend(text for name in names for text in _name_list(name, f"dita.{name}"))
        parts.append("## Met as text")
        parts.append("The lists from here on Python meets as text, in dicts and in transitions.")
        parts.extend(text for name in _TEXT_LISTS for text in _name_list(name, None))
    else:
        parts.extend(text for name in names for text in _entry(name))
    return "\n\n".join(parts) + "\n"


# ------------------------------------------------------------------------------------------- lists of names


@cache
def name_lists() -> dict[str, NameList]:
    """Return the core's lists by name."""
    found: dict[str, NameList] = {}
    for path in sorted(CORE.rglob("*.rs")):
        for block in _LIST.finditer(path.read_text(encoding="utf-8")):
            members = {m["text"]: _comment(m["doc"]) for m in _MEMBER.finditer(block["members"] + "\n")}
            found[block["name"]] = NameList(_comment(block["doc"]), members)
    return found


def _comment(text: str) -> str:
    lines = (line.strip().removeprefix("///").strip() for line in text.strip().splitlines())
    return re.sub(r"\[(`[^`]+`)\](?:\([^)]*\))?", r"\1", " ".join(lines))


def _name_list(name: str, where: str | None) -> Iterator[str]:
    listed = name_lists()[name]
    yield f"## {name}"
    yield listed.doc if where is None else f"{listed.doc} `{where}`, a `StrEnum`."
    rows = "\n".join(f"| `{text}` | {doc} |" for text, doc in listed.members.items())
    yield f"| name | meaning |\n|---|---|\n{rows}"


# --------------------------------------------------------------------------------------- classes, functions


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def definition(name: str) -> ast.ClassDef | Function | None:
    """Return where a public name is defined: in the sources, or in the native module's stub.

    Args:
        name: One of `dita.__all__`; None is returned for a plain value.
    """
    value = getattr(dita, name)
    module = getattr(value, "__module__", None)
    if module is None:
        return None
    native = module == "dita._kernel"
    path = STUB if native else Path(inspect.getsourcefile(value) or "")
    for node in _tree(path).body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and node.name == name:
            return node
    raise LookupError(f"{name} is not defined in {path.name}: the reference cannot be written")


def _entry(name: str) -> Iterator[str]:
    node = definition(name)
    yield f"## {name}"
    if node is None:
        yield f"The version, as text: `{getattr(dita, name)}`."
    elif isinstance(node, ast.ClassDef):
        yield from _class(node)
    else:
        yield _signature(node, node.name)
        yield from _text(ast.get_docstring(node))


def _members(node: ast.ClassDef) -> Iterator[str]:
    """Yield what an enumeration of Python's own has: each value, with the text that stands under it."""
    rows = [
        f"| `{ast.literal_eval(one.value)}` | {ast.literal_eval(said.value)} |"
        for one, said in pairwise(node.body)
        if isinstance(one, ast.Assign) and isinstance(one.value, ast.Constant)
        if isinstance(said, ast.Expr) and isinstance(said.value, ast.Constant)
    ]
    if rows:
        yield "\n".join(["| name | meaning |", "|---|---|", *rows])


def _class(node: ast.ClassDef) -> Iterator[str]:
    functions = [child for child in node.body if isinstance(child, ast.FunctionDef)]
    making = next((child for child in functions if child.name in {"__init__", "__new__"}), None)
    bases = [ast.unparse(base) for base in node.bases if ast.unparse(base) not in {"Protocol", "ABC"}]
    if making is not None:
        yield _signature(making, f"class {node.name}", returns=False)
    if bases:
        yield "A " + " and a ".join(f"`{base}`" for base in bases) + "."
    yield from _text(ast.get_docstring(node))
    if making is not None:
        yield from _text(ast.get_docstring(making))
    fields = [child for child in node.body if isinstance(child, ast.AnnAssign)]
    yield from _members(node)
    yield from _fields(fields)
    public = [child for child in functions if not child.name.startswith("_")]
    yield from _properties([child for child in public if _is_property(child)])
    for child in public:
        if not _is_property(child) and not _is_overload(child):
            yield f"### {node.name}.{child.name}"
            yield _signature(child, child.name)
            yield from _text(ast.get_docstring(child))


def _fields(fields: list[ast.AnnAssign]) -> Iterator[str]:
    public = [field for field in fields if not ast.unparse(field.target).startswith("_")]
    if not public:
        return
    rows = (
        f"| `{ast.unparse(field.target)}` | {_type(field.annotation)} | "
        f"{'' if field.value is None else f'`{ast.unparse(field.value)}`'} |"
        for field in public
    )
    yield "| field | type | default |\n|---|---|---|\n" + "\n".join(rows)


def _properties(properties: list[ast.FunctionDef]) -> Iterator[str]:
    if not properties:
        return
    rows = (
        f"| `{child.name}` | {_type(child.returns)} | {' '.join((ast.get_docstring(child) or '').split())} |"
        for child in properties
    )
    yield "| property | type | what |\n|---|---|---|\n" + "\n".join(rows)


def _is_property(node: ast.FunctionDef) -> bool:
    return any(ast.unparse(decorator) == "property" for decorator in node.decorator_list)


def _is_overload(node: ast.FunctionDef) -> bool:
    return any(ast.unparse(decorator) == "overload" for decorator in node.decorator_list)


def _type(annotation: ast.expr | None) -> str:
    # A table's cells are told apart by the bar that also stands between types.
    return "" if annotation is None else f"`{ast.unparse(annotation).replace(' | ', ' or ')}`"


def _signature(node: Function, name: str, *, returns: bool = True) -> str:
    arguments = _without_self(node.args)
    result = f" -> {ast.unparse(node.returns)}" if returns and node.returns is not None else ""
    line = f"{name}({', '.join(arguments)}){result}"
    if len(line) > LINE_MAX:
        line = "\n".join([f"{name}(", *(f"    {argument}," for argument in arguments), f"){result}"])
    # Not "python": those blocks are examples, and a test runs them.
    return f"```py\n{line}\n```"


def _without_self(given: ast.arguments) -> list[str]:
    positional = [*given.posonlyargs, *given.args]
    defaults: list[ast.expr | None] = [None] * (len(positional) - len(given.defaults))
    defaults += given.defaults
    texts = [_argument(*pair) for pair in zip(positional, defaults, strict=True)]
    if positional and positional[0].arg in {"self", "cls"}:
        texts = texts[1:]
    if given.vararg is not None:
        texts.append(f"*{_argument(given.vararg, None)}")
    elif given.kwonlyargs:
        texts.append("*")
    texts.extend(_argument(*pair) for pair in zip(given.kwonlyargs, given.kw_defaults, strict=True))
    if given.kwarg is not None:
        texts.append(f"**{_argument(given.kwarg, None)}")
    return texts


def _argument(argument: ast.arg, default: ast.expr | None) -> str:
    text = argument.arg
    if argument.annotation is not None:
        text += f": {ast.unparse(argument.annotation)}"
    if default is not None:
        text += (
            f" = {ast.unparse(default)}" if argument.annotation is not None else f"={ast.unparse(default)}"
        )
    return text


# ------------------------------------------------------------------------------------------------ docstrings


def _text(docstring: str | None) -> Iterator[str]:
    """Yield a docstring's paragraphs; its sections become lists."""
    section: str | None = None
    block: list[str] = []
    for line in (docstring or "").splitlines():
        heading = _SECTION.match(line)
        if heading is not None or (section is not None and line and not line.startswith(" ")):
            yield from _block(section, block)
            section, block = (heading[1] if heading else None), ([] if heading else [line])
        else:
            block.append(line)
    yield from _block(section, block)


def _block(section: str | None, lines: list[str]) -> Iterator[str]:
    text = inspect.cleandoc("\n".join(lines)).strip() if section else "\n".join(lines).strip()
    if not text:
        return
    if section is None:
        yield text
        return
    items: list[str] = []
    for line in text.splitlines():
        item = _ITEM.match(line)
        if item is not None and section not in {"Returns", "Yields"}:
            items.append(f"- `{item[1]}`: {item[2]}")
        elif items:
            items[-1] += f" {line.strip()}"
        else:
            items.append(line)
    joined = "\n".join(items)
    yield f"**{section}**" + (f"\n\n{joined}" if joined.startswith("- ") else f": {joined}")


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in PAGES:
        sys.exit(f"usage: python tools/api_reference.py {{{','.join(PAGES)}}}")
    sys.stdout.write(page(sys.argv[1]))

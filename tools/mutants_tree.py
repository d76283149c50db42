"""A copy of the core that holds all its mutants at once, each behind a switch.

What is changed into what is cargo-mutants' list. Here each change is written into a copy of the sources,
beside the code that it changes, so that one build serves thousands of test runs: `DITA_MUTANT=12` switches
one on.
"""

import hashlib
import json
import re
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import tree_sitter_rust
from tree_sitter import Language, Node, Parser

ROOT: Final = Path(__file__).resolve().parents[1]
CORE: Final = Path("rust_kernel/src")
# The crates whose tests are run, and what they are built with.
COPIED: Final = (
    CORE,
    Path("rust_kernel/tests"),
    Path("rust_kernel/sim/src"),
    Path("rust_kernel/sim/tests"),
    Path("rust_kernel/log/src"),
    Path("rust_kernel/engine/src"),
    Path("rust_kernel/engine/tests"),
    Path("tests/golden"),
)
# The package of each crate, by its folder.
CRATES: Final = {
    "rust_kernel": "dita-kernel",
    "rust_kernel/sim": "dita-sim",
    "rust_kernel/log": "dita-log",
    "rust_kernel/engine": "dita-engine",
}
_PARSER: Final = Parser(Language(tree_sitter_rust.language()))
_REGION: Final = re.compile(rb"/\*([<>()])(\d+)\*/")
# Evaluated while compiling, where no switch can be read.
_CONSTANT: Final = frozenset({"const_item", "static_item", "const_block", "array_type", "enum_variant"})
_OPERATIONS: Final = frozenset({"binary_expression", "compound_assignment_expr", "unary_expression"})

_HEAD: Final = "#![feature(const_eval_select, core_intrinsics)] #![allow(internal_features)]"
_SWITCH: Final = """
extern crate std;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::io::Write as _;

const UNREAD: u32 = u32::MAX;
const RECORDING: u32 = u32::MAX - 1;
static ACTIVE: AtomicU32 = AtomicU32::new(UNREAD);
static SEEN: [AtomicBool; COUNT] = [const { AtomicBool::new(false) }; COUNT];

pub(crate) const fn at(first: u32, last: u32) -> u32 {
    core::intrinsics::const_eval_select((first, last), while_compiling, while_running)
}

const fn while_compiling(_: u32, _: u32) -> u32 {
    0
}

#[inline]
fn while_running(first: u32, last: u32) -> u32 {
    match ACTIVE.load(Relaxed) {
        UNREAD => { read(); while_running(first, last) }
        RECORDING => { record(first); 0 }
        active if first <= active && active <= last => active,
        _ => 0,
    }
}

#[cold]
fn read() {
    let active = match std::env::var("DITA_MUTANT") {
        Ok(number) => {
            // The first assertion that fails has said enough.
            std::panic::set_hook(std::boxed::Box::new(|_| std::process::exit(101)));
            number.parse().expect("a mutant's number")
        }
        Err(_) if std::env::var_os("DITA_REACHED").is_some() => RECORDING,
        Err(_) => 0,
    };
    ACTIVE.store(active, Relaxed);
}

#[cold]
fn record(site: u32) {
    if !SEEN[site as usize].swap(true, Relaxed) {
        let path = std::env::var_os("DITA_REACHED").expect("a path");
        let file = std::fs::File::options().create(true).append(true).open(path);
        let mut file = file.expect("a file to record in");
        std::writeln!(file, "{site}").expect("a line");
    }
}
"""


@dataclass(frozen=True)
class Mutant:
    """One change, as cargo-mutants lists it.

    Attributes:
        file: The path of the source file.
        name: What cargo-mutants calls it: path, line, column and what is changed.
        line: The line of the change, from 1.
        column: The column, from 1.
        function: The function that it is in; empty where there is none.
        what: The change in words.
        genre: Its kind.
        replacement: The text that stands in for what is changed.
        start: Where the changed text starts, in bytes.
        end: Where it ends.
        code: The source line, for whoever reads the record.
    """

    file: str
    name: str
    line: int
    column: int
    function: str
    what: str
    genre: str
    replacement: str
    start: int
    end: int
    code: str


@dataclass
class Site:
    """A piece of source that mutants change: an expression, a function's body or a match arm's pattern."""

    start: int
    end: int
    kind: str
    mutants: list[tuple[Mutant, str]] = field(default_factory=list)
    first: int = 0


@dataclass
class Fate:
    """Where the mutants of the whole core stand before any test runs."""

    numbers: dict[str, int] = field(default_factory=dict)
    sites: dict[str, int] = field(default_factory=dict)
    left_over: set[str] = field(default_factory=set)
    unviable: set[str] = field(default_factory=set)


def listed() -> list[Mutant]:
    """All mutants of the core."""
    command = ["cargo", "mutants", "--list", "--json", "--package", "dita-kernel"]
    text = subprocess.run(command, cwd=ROOT, check=True, text=True, stdout=subprocess.PIPE).stdout
    sources: dict[str, list[str]] = {}
    return [_mutant(one, sources) for one in json.loads(text)]


def _mutant(one: dict[str, Any], sources: dict[str, list[str]]) -> Mutant:
    path, span = one["file"], one["span"]
    if path not in sources:
        sources[path] = (ROOT / path).read_text(encoding="utf-8").splitlines(keepends=True)
    lines = sources[path]

    def offset(place: dict[str, int]) -> int:
        before = "".join(lines[: place["line"] - 1]) + lines[place["line"] - 1][: place["column"] - 1]
        return len(before.encode())

    function = (one["function"] or {}).get("function_name", "")
    what = re.sub(r"^[^:]+:\d+:\d+: ", "", one["name"]).removesuffix(f" in {function}")
    line = span["start"]["line"]
    return Mutant(
        file=path,
        name=one["name"],
        line=line,
        column=span["start"]["column"],
        function=function,
        what=" ".join(what.split()),
        genre=one["genre"],
        replacement=one["replacement"],
        start=offset(span["start"]),
        end=offset(span["end"]),
        code=" ".join(lines[line - 1].split()),
    )


def _is_constant(node: Node | None) -> bool:
    while node is not None and node.type != "function_item":
        if node.type in _CONSTANT:
            return True
        node = node.parent
    return False


def _is_in_let_chain(mutant: Mutant, root: Node) -> bool:
    node = root.descendant_for_byte_range(mutant.start, mutant.end)
    return node is not None and node.parent is not None and node.parent.type == "let_chain"


def _expression(mutant: Mutant, source: bytes, root: Node) -> tuple[Node, str] | None:
    """The expression that a mutant changes, and what becomes of it."""
    node = root.descendant_for_byte_range(mutant.start, mutant.end)
    if node is None:
        return None
    if mutant.genre == "MatchArmGuard":
        exact = (node.start_byte, node.end_byte) == (mutant.start, mutant.end)
        return (node, mutant.replacement) if exact else None
    if mutant.genre == "StructField":
        while node is not None and node.type != "struct_expression":
            node = node.parent
    elif (node.start_byte, node.end_byte) == (mutant.start, mutant.end):
        node = node.parent if node.parent and node.parent.type in _OPERATIONS else None
    else:
        node = None
    if node is None:
        return None
    before, after = source[node.start_byte : mutant.start], source[mutant.end : node.end_byte]
    return node, (before + mutant.replacement.encode() + after).decode()


def _site(mutant: Mutant, source: bytes, root: Node) -> tuple[int, int, str, str] | None:
    """Where a mutant is written: start, end, kind of site, text; None where no switch can stand."""
    node = root.descendant_for_byte_range(mutant.start, mutant.end)
    if _is_constant(node):
        return None
    if mutant.genre == "FnValue":
        return mutant.start, mutant.end, "body", mutant.replacement
    if mutant.genre == "MatchArm":
        while node is not None and node.type != "match_arm":
            node = node.parent
        pattern = node.child_by_field_name("pattern") if node is not None else None
        if pattern is None or pattern.child_by_field_name("condition") is not None:
            return None
        return pattern.end_byte, pattern.end_byte, "arm", ""
    found = _expression(mutant, source, root)
    return (found[0].start_byte, found[0].end_byte, "expression", found[1]) if found else None


def _sites(mutants: Iterable[Mutant], source: bytes, fate: Fate) -> list[Site]:
    """The sites of one file, outer ones before inner ones; what has none is left over."""
    root = _PARSER.parse(source).root_node
    sites: dict[tuple[int, int, str], Site] = {}
    for mutant in mutants:
        found = _site(mutant, source, root)
        if found is None:
            # `||` between conditions with `let` is no Rust.
            no_rust = mutant.replacement == "||" and _is_in_let_chain(mutant, root)
            (fate.unviable if no_rust else fate.left_over).add(mutant.name)
            continue
        start, end, kind, text = found
        # A guard and the expression that it is are two sites, one around the other.
        key = (start, end, "guard" if mutant.genre == "MatchArmGuard" else kind)
        sites.setdefault(key, Site(start, end, kind)).mutants.append((mutant, text))
    order = {"body": 0, "guard": 1, "expression": 2, "arm": 3}
    return [sites[key] for key in sorted(sites, key=lambda key: (key[0], -key[1], order[key[2]]))]


def _render(source: bytes, start: int, end: int, sites: list[Site], fate: Fate) -> str:
    """The source between two offsets with its sites written out; takes them off the list."""
    parts, at = [], start
    while sites and sites[0].start < end and sites[0].end <= end:
        site = sites.pop(0)
        inner = _render(source, site.start, site.end, sites, fate)
        parts += [source[at : site.start].decode(), _switch(site, inner, fate)]
        at = site.end
    return "".join([*parts, source[at:end].decode()])


def _switch(site: Site, inner: str, fate: Fate) -> str:
    alive = [
        (site.first + place, text)
        for place, (mutant, text) in enumerate(site.mutants)
        if mutant.name not in fate.unviable and mutant.name not in fate.left_over
    ]
    if not alive:
        return inner
    asked = f"crate::mutated::at({site.first}, {site.first + len(site.mutants) - 1})"
    if site.kind == "arm":
        return f"{inner} /*<{site.first}*/if {asked} == 0/*>{site.first}*/"
    jump = "return " if site.kind == "body" else ""
    arms = " ".join(f"{number} => {{ /*<{number}*/{jump}{text}/*>{number}*/ }}" for number, text in alive)
    choice = "_ => ::core::unreachable!()"
    if site.kind == "body":
        return f"match {asked} {{ 0 => {{}} {arms} {choice} }} {inner}"
    return f"/*({site.first}*/(match {asked} {{ 0 => {{ {inner} }} {arms} {choice} }})/*){site.first}*/"


class Tree:
    """The copy."""

    def __init__(self, folder: Path, mutants: list[Mutant]) -> None:
        """Copies what is built, and finds each mutant's place."""
        self.folder = folder
        self.fate = Fate()
        self.sources: dict[str, bytes] = {}
        self.sites: dict[str, list[Site]] = {}
        self.by_number: dict[int, Mutant] = {}
        self._copy()
        by_file: dict[str, list[Mutant]] = defaultdict(list)
        for mutant in mutants:
            by_file[mutant.file].append(mutant)
        number = 1
        for file, some in sorted(by_file.items()):
            self.sources[file] = (ROOT / file).read_bytes()
            self.sites[file] = _sites(some, self.sources[file], self.fate)
            for site in self.sites[file]:
                site.first = number
                for mutant, _ in site.mutants:
                    self.by_number[number] = mutant
                    self.fate.numbers[mutant.name], self.fate.sites[mutant.name] = number, site.first
                    number += 1

    def _copy(self) -> None:
        for part in COPIED:
            shutil.rmtree(self.folder / part, ignore_errors=True)
            shutil.copytree(ROOT / part, self.folder / part)
        for name in ("Cargo.lock", *(f"{crate}/Cargo.toml" for crate in CRATES)):
            shutil.copyfile(ROOT / name, self.folder / name)
        manifest = (ROOT / "Cargo.toml").read_text(encoding="utf-8")
        members = ", ".join(f'"{crate}"' for crate in CRATES)
        written = re.sub(r"^members = .*", f"members = [{members}]", manifest, flags=re.MULTILINE)
        (self.folder / "Cargo.toml").write_text(written, encoding="utf-8")

    def digest(self) -> str:
        """What tells this core and this list of mutants from others."""
        names = "\n".join(self.fate.numbers).encode()
        return hashlib.sha256(
            b"".join([names, *(self.sources[file] for file in sorted(self.sources))])
        ).hexdigest()

    def write(self) -> None:
        """Writes the sources with all mutants that are neither unviable nor left over."""
        for file, sites in self.sites.items():
            source = self.sources[file]
            text = _render(source, 0, len(source), list(sites), self.fate)
            if file == f"{CORE}/lib.rs":
                text = f"{_HEAD}\n{text}\npub(crate) mod mutated;\n"
            self._put(file, text)
        lib = f"{CORE}/lib.rs"
        if lib not in self.sites:
            self._put(lib, f"{_HEAD}\n{(ROOT / lib).read_text(encoding='utf-8')}\npub(crate) mod mutated;\n")
        self._put(f"{CORE}/mutated.rs", f"const COUNT: usize = {len(self.by_number) + 1};\n{_SWITCH}")

    def _put(self, file: str, text: str) -> None:
        path = self.folder / file
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")

    def drop_what_fails(self, diagnostics: Iterable[dict[str, Any]]) -> int:
        """Takes out the mutants that a build's errors are about: how many."""
        before = len(self.fate.unviable) + len(self.fate.left_over)
        for diagnostic in diagnostics:
            spans = [span for one in (diagnostic, *diagnostic["children"]) for span in one["spans"]]
            spans.sort(key=lambda span: not span["is_primary"])
            number = next((n for span in spans if (n := self._number_at(span, b"<>")) is not None), None)
            if number is not None:
                self.fate.unviable.add(self.by_number[number].name)
                continue
            # Guards cover no case: without the arm that was switchable, the match is not complete.
            if (diagnostic["code"] or {}).get("code") == "E0004" and (arm := self._arm_after(spans[0])):
                self.fate.unviable.add(arm)
                continue
            # No mutant is to blame by itself: the switch around it is.
            first = next((n for span in spans if (n := self._number_at(span, b"()")) is not None), None)
            if first is not None:
                for name, site in self.fate.sites.items():
                    if site == first and name not in self.fate.unviable:
                        self.fate.left_over.add(name)
        return len(self.fate.unviable) + len(self.fate.left_over) - before

    def _arm_after(self, span: dict[str, Any]) -> str | None:
        """The first match arm after a place that can be switched off."""
        path = self.folder / span["file_name"]
        for mark in _REGION.finditer(path.read_bytes(), span["byte_start"]):
            mutant = self.by_number[int(mark[2])]
            if mark[1] == b"<" and mutant.genre == "MatchArm":
                return mutant.name
        return None

    def _number_at(self, span: dict[str, Any], marks: bytes) -> int | None:
        """The innermost region that a span lies in."""
        path = self.folder / span["file_name"]
        if not path.exists():
            return None
        inside: list[int] = []
        for mark in _REGION.finditer(path.read_bytes()):
            if mark.start() > span["byte_start"]:
                break
            if mark[1] == marks[:1]:
                inside.append(int(mark[2]))
            elif mark[1] == marks[1:]:
                inside.remove(int(mark[2]))
        return inside[-1] if inside else None


def errors_of(output: str) -> Iterator[dict[str, Any]]:
    """The compiler's errors in what cargo prints as JSON."""
    for line in output.splitlines():
        message = json.loads(line)
        if message["reason"] == "compiler-message" and message["message"]["level"] == "error":
            yield message["message"]

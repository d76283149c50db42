"""What a strategy's code is: its own file, and what that imports from its own folder or package."""

import ast
import hashlib
import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.machinery import SOURCE_SUFFIXES, FileFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Final, TypeAlias

from dita.runtime.code import code_of
from dita.strategy import Strategy

# Time of change, ns, and size.
FileState: TypeAlias = tuple[int, int]
_INSTALLED: Final = frozenset({"site-packages", "dist-packages"})


@dataclass(frozen=True, slots=True)
class Sources:
    """The code of a strategy as it was loaded.

    Attributes:
        own: The source of its own module; its name where there is none.
        imported: Names and SHA-256 of the modules that it imports from its own folder or package, in order.
        files: Where all of that is from.
    """

    own: bytes
    imported: tuple[tuple[str, bytes], ...]
    files: tuple[Path, ...]


class SourceLoader(SourceFileLoader):
    """Loads what the source says.

    Python keeps compiled code by the second of a file's change and its size: a file that was changed twice
    within a second would run as it was, under an id of what it is.
    """

    def get_code(self, fullname: str) -> CodeType:
        """Compile the source."""
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


_KNOWN: Final[dict[str, Sources]] = {}
# What strategies' files have imported from beside themselves, and how those files were.
_BESIDE: Final[dict[str, Path]] = {}
_STATES: Final[dict[Path, FileState]] = {}
_ADDED: Final[set[str]] = set()


def sources_of(strategy: type[Strategy]) -> Sources:
    """Return a strategy's code, for a run's id.

    Modules that come with DITA, with Python or from a package index have no part in it.

    Args:
        strategy: Its class.
    """
    known = _KNOWN.get(strategy.__module__)
    module = sys.modules.get(strategy.__module__)
    if known is None and module is not None and _file_of(module) is not None:
        known = remember(module)
    if known is None:
        # A notebook's cell, or the prompt.
        return Sources(code_of(strategy), (), ())
    if _stands_in(module, strategy):
        return known
    # It was made by a function: the file does not say of what.
    return replace(known, own=known.own + code_of(strategy))


def _stands_in(module: ModuleType | None, strategy: type[Strategy]) -> bool:
    """Whether a module has the class under its name: it, or what it is since the module was loaded anew."""
    named = getattr(module, strategy.__name__, None)
    if named is strategy:
        return True
    is_class = isinstance(named, type) and named.__qualname__ == strategy.__qualname__
    return is_class and named not in strategy.__mro__


def remember(module: ModuleType) -> Sources:
    """Read the code of a strategy's module now: what runs is what was there when it was loaded.

    Args:
        module: It; it has a file.
    """
    path = _file_of(module)
    assert path is not None  # noqa: S101 - whoever calls has looked
    own = path.read_bytes()
    found: dict[str, Path] = {}
    _follow(own, module.__package__ or "", _root_of(module, path), found)
    imported = [(name, file.read_bytes()) for name, file in sorted(found.items()) if file != path]
    sources = Sources(
        own,
        tuple((name, hashlib.sha256(text).digest()) for name, text in imported),
        (path, *(file for _, file in sorted(found.items()) if file != path)),
    )
    _KNOWN[module.__name__] = sources
    return sources


@contextmanager
def own_folder(folder: Path) -> Iterator[None]:
    """Let a strategy's file import what lies beside it, while it is loaded and after.

    What an earlier strategy has imported from beside itself is imported anew where a file has changed, or
    where that was another folder: two folders may have modules of one name.

    Args:
        folder: Where the strategy's file is.
    """
    if any(place.parent != folder and folder not in place.parents for place in _BESIDE.values()) or any(
        _state_of(place) != state for place, state in _STATES.items()
    ):
        for name in _BESIDE:
            sys.modules.pop(name, None)
        _BESIDE.clear()
        _STATES.clear()
    sys.path[:] = [place for place in sys.path if place not in _ADDED]
    _ADDED.clear()
    if str(folder) not in sys.path:
        # At the end: a name that is installed means what is installed.
        sys.path.append(str(folder))
        _ADDED.add(str(folder))
    importlib.invalidate_caches()
    before = set(sys.modules)
    finder = FileFinder(str(folder), (SourceLoader, SOURCE_SUFFIXES))
    sys.path_importer_cache[str(folder)] = finder
    try:
        yield
    finally:
        if sys.path_importer_cache.get(str(folder)) is finder:
            del sys.path_importer_cache[str(folder)]
        for name in set(sys.modules) - before:
            file = _file_of(sys.modules[name])
            if file is not None and _is_under(file, folder):
                _BESIDE[name], _STATES[file] = file, _state_of(file)


def state_of(strategy: type[Strategy]) -> tuple[FileState, ...]:
    """Return how the files of a strategy's code are now: once it differs, the code has to be loaded anew.

    Args:
        strategy: Its class.
    """
    return tuple(_state_of(file) for file in sources_of(strategy).files)


def is_changed(strategy: type[Strategy]) -> bool:
    """Return whether the files of a strategy's code differ from what was loaded.

    Args:
        strategy: Its class.
    """
    known = _KNOWN.get(strategy.__module__)
    # A graph's class has no module of its own, and says itself what it was read from.
    read: tuple[Path, bytes] | None = getattr(strategy, "file_read", None)
    try:
        if read is not None:
            return read[0].read_bytes() != read[1]
        if known is None or not known.files:
            return False
        own, *imported = known.files
        digests = dict(zip(imported, (digest for _, digest in known.imported), strict=True))
        return own.read_bytes() != known.own or any(
            hashlib.sha256(file.read_bytes()).digest() != digest for file, digest in digests.items()
        )
    except OSError:
        return True


def _state_of(file: Path) -> FileState:
    try:
        state = file.stat()
    except OSError:
        return 0, 0
    return state.st_mtime_ns, state.st_size


def _file_of(module: ModuleType) -> Path | None:
    file = getattr(module, "__file__", None)
    return Path(file).resolve() if isinstance(file, str) and Path(file).is_file() else None


def _root_of(module: ModuleType, path: Path) -> Path:
    """The folder of the whole package; of a module without one its own folder."""
    package, folder = module.__package__ or "", path.parent
    for _ in range(package.count(".")):
        folder = folder.parent
    return folder


def _follow(source: bytes, package: str, root: Path, found: dict[str, Path]) -> None:
    """Add the modules under the root that a source imports, and what those import."""
    for name in _imported(source, package):
        file = _own_file(name, root)
        if name in found or file is None:
            continue
        found[name] = file
        if file.suffix == ".py":
            inner = name if file.name == "__init__.py" else name.rpartition(".")[0]
            _follow(file.read_bytes(), inner, root, found)


def _imported(source: bytes, package: str) -> Iterator[str]:
    """The names of modules that a source may import, with the packages above them."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return  # importing it raises
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            # What is imported from a package may be a module of it.
            names = [base, *(f"{base}.{alias.name}" if base else alias.name for alias in node.names)]
        else:
            continue
        for name in names:
            parts = name.split(".")
            yield from (".".join(parts[: at + 1]) for at in range(len(parts)) if parts[0])


def _own_file(name: str, root: Path) -> Path | None:
    """The file of a module where it lies under the root, and came with no installation."""
    if name.partition(".")[0] == "dita":
        return None
    module = sys.modules.get(name)
    if module is not None:
        file = _file_of(module)
        candidates = [] if file is None else [file]
    else:
        # Imported later, or never: as an import would find it.
        place = root.joinpath(*name.split("."))
        beside = root.parent.joinpath(*name.split("."))
        candidates = [
            one.resolve()
            for base in (place, beside)
            for one in (base / "__init__.py", base.with_name(f"{base.name}.py"))
            if one.is_file()
        ]
    return next((file for file in candidates if _is_under(file, root)), None)


def _is_under(file: Path, root: Path) -> bool:
    """Whether a file lies in a folder, and in none of installed packages below it."""
    if root.name in _INSTALLED or not file.is_relative_to(root):
        return False
    return not _INSTALLED.intersection(file.relative_to(root).parts)

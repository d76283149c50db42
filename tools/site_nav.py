"""The site's navigation: its sections in order, and in each the pages that its folder holds.

A page that is added stands in the site without a list to keep; one whose folder no section names is an error
of the strict build. mkdocs calls `on_files`.
"""

from pathlib import Path, PurePosixPath
from typing import Any, Final

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

# Fetched by `make web`, never in the repository. Without it a site that is opened as a file finds nothing.
SHIM: Final = Path(__file__).resolve().parents[1] / "web/node_modules/iframe-worker/shim/index.js"
SHIM_URI: Final = "assets/iframe-worker.js"

# Title and folder of each section, or title and page.
SECTIONS: Final = (
    ("Home", "index.md"),
    ("Concepts", "concepts"),
    ("How-to", "how-to"),
    ("Reference", "reference"),
    ("Operating", "operating"),
    ("Architecture", "ARCHITECTURE.md"),
    ("Decisions", "decisions"),
)
# Pages outside their section's folder.
ELSEWHERE: Final = {
    "Architecture": ("ARCHITECTURE.md", "STYLE.md"),
    "Concepts": ("fsm.md",),
    "How-to": ("build_and_run.md",),
    "Reference": ("api/engine_protocol.md",),
}
# What a folder within a section is called.
FOLDERS: Final = {"api": "Python"}
# Those that come first, in this order; the others follow by name.
FIRST: Final = (
    "index.md",
    "slots.md",
    "slot.md",
    "intents-and-outcomes.md",
    "intent-and-outcome.md",
    "orders.md",
    "order-life.md",
    "first-trade.md",
    "cli.md",
    "kernel.md",
    "values.md",
    "names.md",
)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Set the navigation, and add what the search needs where there is no server.

    Args:
        files: Every file of the site.
        config: The site's configuration.

    Returns:
        The files, with one more.
    """
    pages = sorted(file.src_uri for file in files.documentation_pages())
    config.nav = navigation(pages)
    shim = SHIM.read_text(encoding="utf-8") if SHIM.exists() else "// run `make web` first\n"
    files.append(File.generated(config, SHIM_URI, content=shim))
    return files


def navigation(pages: list[str]) -> list[Any]:
    """Return the navigation as mkdocs takes it; titles of pages come from their headings.

    Args:
        pages: The pages' paths under the documents' folder.
    """
    found: list[Any] = []
    for title, place in SECTIONS:
        own = ELSEWHERE.get(title, ())
        if place.endswith(".md") and not own:
            found.append({title: place})
            continue
        inside = [page for page in pages if page in own or PurePosixPath(page).is_relative_to(place)]
        if inside:
            found.append({title: _section(inside, place, own)})
    return found


def _section(pages: list[str], folder: str, own: tuple[str, ...]) -> list[Any]:
    """Return a section's pages, and after them those of each folder within it."""
    items: list[Any] = []
    within: dict[str, list[str]] = {}
    for page in sorted(pages, key=_rank):
        parent = PurePosixPath(page).parent
        if page in own or parent == PurePosixPath(folder):
            items.append(page)
        else:
            within.setdefault(FOLDERS.get(parent.name, parent.name), []).append(page)
    return [*items, *({title: inside} for title, inside in within.items())]


def _rank(page: str) -> tuple[int, str]:
    name = PurePosixPath(page).name
    return (FIRST.index(name) if name in FIRST else len(FIRST), page)

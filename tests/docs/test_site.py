"""The documentation's site: it builds without a warning, and its pages fetch nothing from elsewhere."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# What a page loads, as opposed to what it links to.
LOADED = re.compile(r"<(?:script|img|iframe|source)\b[^>]*\bsrc=\"([^\"]+)\"|<link\b([^>]*)>")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as `make site` does."""
    built = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(built)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return built


def test_every_document_is_a_page(site: Path) -> None:
    left_out = {"decisions/template.md"}
    documents = {str(page.relative_to(ROOT / "docs")) for page in (ROOT / "docs").rglob("*.md")} - left_out
    pages = {str(page.relative_to(site).with_suffix(".md")) for page in site.rglob("*.html")} - {"404.md"}
    assert pages == documents


def test_no_page_loads_anything_from_elsewhere(site: Path) -> None:
    foreign = [
        (page.name, found.group(0))
        for page in site.rglob("*.html")
        for found in LOADED.finditer(page.read_text(encoding="utf-8"))
        if re.search(r"(?:src|href)=\"(?:https?:)?//", found.group(0))
        and 'rel="canonical"' not in found.group(0)
    ]
    assert foreign == []


BROWSER = next(
    (found for found in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if found), None
)


@pytest.mark.xdist_group("browser")
@pytest.mark.skipif(BROWSER is None, reason="no Chromium was found on the path")
@pytest.mark.skipif(not (ROOT / "web/node_modules/iframe-worker").exists(), reason="run `make web` first")
def test_the_search_of_a_site_that_is_opened_as_a_file_finds_a_page(site: Path, tmp_path: Path) -> None:
    shown = subprocess.run(
        [
            str(BROWSER),
            *("--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=8000", "--dump-dom"),
            *(f"--user-data-dir={tmp_path}", f"file://{site}/index.html?q=glossary"),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    found = shown.stdout.split('class="md-search-result__list"')[1].split("</ol>")[0]
    assert "concepts/glossary.html" in found

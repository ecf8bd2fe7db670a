"""The site is built offline and strictly, and brings along all that its pages show."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EXTRA = "needs the extra: pip install -c constraints.txt -e '.[docs]'"
for package in ("sphinx", "myst_parser", "furo"):
    pytest.importorskip(package, reason=EXTRA)


def build(source: Path, site: Path) -> subprocess.CompletedProcess[str]:
    """As `make docs` does."""
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-c", source / "docs"]
    command += ["-d", site.with_name("doctrees"), source, site]
    return subprocess.run(command, capture_output=True, text=True, timeout=600)


@pytest.mark.slow
def test_every_page_is_built_and_asks_nothing_of_the_network(tmp_path: Path) -> None:
    site = tmp_path / "site"
    done = build(ROOT, site)
    assert done.returncode == 0, done.stderr
    written = {*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("examples/*.md")}
    pages = [site / path.relative_to(ROOT).with_suffix(".html") for path in written]
    assert all(page.exists() for page in [*pages, site / "index.html"])
    loaded = re.compile(
        r"""<(?:script|img|link|iframe)\b[^>]*?(?:src|href)=["'](?:https?:)?//[^>]*"""
    )
    for page in pages:
        assert not loaded.findall(page.read_text()), f"{page.name} loads what isn't in the site"
    for sheet in site.rglob("*.css"):
        assert not re.search(r"url\(\W*(?:https?:)?//|@import\s*\W*https?:", sheet.read_text())
    evaluation = (site / "docs" / "evaluation.html").read_text()
    assert evaluation.count("<table") == evaluation.count('"table-wrapper'), "wide tables scroll"


@pytest.mark.slow
def test_a_broken_link_and_a_page_without_a_place_fail(tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(ROOT / "docs", source / "docs")
    for path in ROOT.glob("*.md"):
        shutil.copy(path, source)
    (source / "docs" / "lost.md").write_text("# Lost\n\n[gone](nowhere.md)\n")
    done = build(source, tmp_path / "site")
    assert done.returncode != 0
    assert "nowhere.md" in done.stderr and "lost.md: WARNING: document isn't" in done.stderr

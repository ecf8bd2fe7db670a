"""README.md and docs/ as a site: `make docs` builds it, offline, and fails at a broken link."""

import shutil
from pathlib import Path

from sphinx.application import Sphinx

project = "Winnow"
extensions = ["myst_parser"]
myst_heading_anchors = 3  # links lead to headings as they do on GitHub

root_doc = "README"
include_patterns = ["*.md", "docs/*.md", "examples/*.md"]
exclude_patterns = [".*", "build", "runs", "site", "**/.*"]

html_theme = "furo"
html_title = "Winnow"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = html_use_index = False
html_show_copyright = False

# By what a reader wants. A page that isn't here is a warning, and `make docs` takes none.
NAVIGATION = {
    "To use it": (
        "examples/README docs/configuration docs/methods docs/scorers docs/pretrained docs/scaling"
        " docs/store docs/night docs/judgement docs/export"
    ),
    "To understand it": (
        "docs/glossary docs/evaluation docs/results Ablation<docs/ablation_strengths> docs/tried"
    ),
    "To change it": "docs/extending docs/architecture CONTRIBUTING CHANGELOG SECURITY",
}


def add_navigation(app: Sphinx, page: str, text: list[str]) -> None:
    """Give the front page a table of contents, which GitHub wouldn't hide."""
    if page == root_doc:
        for caption, pages in NAVIGATION.items():
            listed = pages.replace(" ", "\n")
            text[0] += f"\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n{listed}\n```\n"


def name_front_page(app: Sphinx, error: Exception | None) -> None:
    """Let the site begin where browsers look first."""
    if error is None:
        site = Path(app.outdir)
        shutil.copy(site / f"{root_doc}.html", site / "index.html")


def setup(app: Sphinx) -> None:
    """Register both."""
    app.connect("source-read", add_navigation)
    app.connect("build-finished", name_front_page)

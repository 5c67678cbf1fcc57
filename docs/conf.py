# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""How the pages are built; ``sphinx-build -n -W --keep-going docs out`` does it, offline."""

import sys
import tomllib
from pathlib import Path

DOCS = Path(__file__).parent.resolve()
sys.path[:0] = [str(DOCS / "_ext"), str(DOCS.parent)]

_project = tomllib.loads((DOCS.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]

project = _project["name"]
release = version = _project["version"]
author = "The xdpspec authors"
project_copyright = "the xdpspec authors, GPL-2.0-only OR BSD-2-Clause"

extensions = [
    "myst_parser",
    "sphinx.ext.extlinks",
    "sphinx_copybutton",
    "sphinx_design",
    "executed_pages",
]
exclude_patterns = ["_build", "_ext", "_static", "_templates", "evidence", "**/README.md"]
templates_path = ["_templates"]
nitpicky = True
nitpick_ignore_regex = [("c:identifier", r"_*[us](8|16|32|64)|_*be(16|32|64)|size_t|bool")]
highlight_language = "none"

myst_enable_extensions = ["colon_fence", "deflist", "fieldlist"]
myst_heading_anchors = 3

extlinks = {"commit": ("https://git.kernel.org/linus/%s", "%s")}
extlinks_detect_hardcoded_links = False

copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
copybutton_copy_empty_lines = False

html_theme = "furo"
html_title = "Linux XDP redirection"
html_short_title = "XDP redirection"
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_favicon = "_static/mark.svg"
html_copy_source = True
html_show_sourcelink = True
html_show_sphinx = False
html_last_updated_fmt = None
html_permalinks_icon = "¶"
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "github-dark"
html_sidebars = {
    "**": [
        "sidebar/brand.html",
        "sidebar/search.html",
        "sidebar/scroll-start.html",
        "sidebar/navigation.html",
        "sidebar/scroll-end.html",
    ]
}
html_theme_options = {
    "light_css_variables": {
        "color-brand-primary": "#1d4f91",
        "color-brand-content": "#1d4f91",
        "color-brand-visited": "#5b4a91",
    },
    "dark_css_variables": {
        "color-brand-primary": "#8ab4f0",
        "color-brand-content": "#8ab4f0",
        "color-brand-visited": "#b7a6ea",
    },
}

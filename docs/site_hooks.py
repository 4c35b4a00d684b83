"""Hooks of mkdocs.yml: pages outside docs/ become pages of the site too, and links follow them."""

import posixpath
import re
from pathlib import Path

from mkdocs.structure.files import File

ROOT = Path(__file__).resolve().parents[1]
OUTSIDE = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "models/README.md", "recordings/README.md")
LINK = re.compile(r"\[([^\]]*)\]\((?![a-z]+:|#)([^)\s#]+)(#[^)]*)?\)")


def on_files(files, *, config):
    for path in OUTSIDE:
        files.append(File.generated(config, f"repository/{path}", content=(ROOT / path).read_text()))
    return files


def on_page_markdown(markdown, *, page, config, files):
    """Links as they hold in the repository -> links as they hold in the site; code of the repository is only named."""
    here = page.file.src_uri
    source = here.removeprefix("repository/") if here.startswith("repository/") else f"docs/{here}"

    def follow(match):
        target = posixpath.normpath(posixpath.join(posixpath.dirname(source), match[2]))
        if not (ROOT / target).exists():
            return match[0]  # dead in the repository too: the build says so
        page_of = f"repository/{target}" if target in OUTSIDE else target.removeprefix("docs/")
        if not target.startswith("docs/") and target not in OUTSIDE:
            return match[1]
        return f"[{match[1]}]({posixpath.relpath(page_of, posixpath.dirname(here) or '.')}{match[3] or ''})"

    return LINK.sub(follow, markdown)

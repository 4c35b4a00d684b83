"""What a page is made of: its style, tables, figures. Nothing is fetched; it prints, and fits a telephone."""

import io
import re
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 56rem; margin: 1.5rem auto; padding: 0 1rem; color: #222 }
h1 { line-height: 1.2; margin-bottom: .3rem } h2 { margin-top: 2.2rem } .verdict { font-size: 1.2rem; font-weight: 600 }
small, figcaption, .about { color: #555 } .about { margin-top: 0 } figure { margin: 1rem 0 }
.wide { overflow-x: auto } table { border-collapse: collapse } caption { text-align: left; color: #555 }
td, th { padding: .2rem .9rem .2rem 0; text-align: right; border-bottom: 1px solid #ddd; vertical-align: top }
td:first-child, th:first-child { text-align: left } th { font-weight: 600 }
figcaption, p { overflow-wrap: anywhere }
.text td, .text th { text-align: left } .hash { font-size: .75rem; overflow-wrap: anywhere }
.bad { font-weight: 700 } .bad::before { content: "\\2717\\00a0" } .good::before { content: "\\2713\\00a0" }
.open::before { content: "?\\00a0" } svg { width: 100%; max-width: 34rem; height: auto; display: block }
.small { display: flex; flex-wrap: wrap; gap: .5rem } .small svg { width: calc(50% - .5rem); max-width: 13rem }
.matrix td, .matrix th { padding: .15rem .2rem; text-align: center; min-width: 1.1rem }
.matrix th:first-child { text-align: left } .matrix thead th { writing-mode: vertical-rl; vertical-align: bottom }
.matrix .right { font-weight: 700; outline: 1px solid #222; outline-offset: -1px }
audio { height: 2rem; max-width: 100% }
nav a { margin-right: .8rem; white-space: nowrap }
@media (max-width: 640px) { table { font-size: 13px } td, th { padding-right: .45rem } .matrix { font-size: 9.5px }
.matrix td, .matrix th { padding: .15rem .05rem } .dense { font-size: 11px } .denser { font-size: 9.5px }
.dense td, .dense th, .denser td, .denser th { padding-right: .25rem }
td:last-child, th:last-child { padding-right: 0 } }
@media print { body { font-size: 11pt; margin: 0; max-width: none } h2, h3, figcaption { break-after: avoid }
table, svg, figure { break-inside: avoid } audio, nav { display: none }
svg { max-width: 12cm } .small svg { width: 4.2cm } }
"""
NEEDLESS = re.compile(r"\s*<metadata>.*?</metadata>| xmlns(:xlink)?=\"[^\"]*\"", re.DOTALL)  # inside of HTML
INK, GREY, PALE = "#1b4f8a", "#777777", "#9db8d6"


def document(title: str, parts: Sequence[str]) -> str:
    """The whole page."""
    return ('<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>\n" + "\n".join(parts)
            + "\n</body></html>\n")


def table(head: Sequence[str], rows: Sequence[Sequence[str]], *, kind: str = "", caption: str = "") -> str:
    """Cells as HTML. kind : a class of the style, as "text" for words instead of numbers."""
    told = f"<caption>{escape(caption)}</caption>" if caption else ""
    top = "<tr>" + "".join(f"<th>{escape(cell)}</th>" for cell in head) + "</tr>" if any(head) else ""
    lines = ["<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows]
    return (f'<div class="wide"><table class="{kind}">{told}<thead>{top}</thead><tbody>{"".join(lines)}</tbody></table>'
            "</div>")


def figure(picture: str, caption: str) -> str:
    """A drawing with the sentence below it; nothing if it could not be drawn."""
    return picture and f"<figure>{picture}<figcaption>{escape(caption)}</figcaption></figure>"


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def span(low: float, high: float) -> str:
    """An interval of shares in percent."""
    return f"{100 * low:.1f} to {100 * high:.1f}"


def empty_figure(width: float, height: float, *, rows: Sequence[float] = (1.0,),
                 size: float = 10) -> 'tuple[Figure, list[Axes]]':
    """A figure of matplotlib in the page's manner and its axes, one for each of `rows` (their heights) over each other.

    width, height : inches; at 4.9 inches the text is as large on a telephone as it is given in points
    """
    import matplotlib
    from matplotlib.figure import Figure

    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "kws", "font.size": size,
                                "font.family": "sans-serif"})
    drawn = Figure(figsize=(width, height), layout="constrained")
    axes = list(drawn.subplots(len(rows), 1, sharex=len(rows) > 1, height_ratios=list(rows), squeeze=False)[:, 0])
    for one in axes:
        one.grid(color="#dddddd")
        for side in ("top", "right"):
            one.spines[side].set_visible(False)
    return drawn, axes


def svg(drawn: "Figure") -> str:
    """A figure of matplotlib as inline SVG; the same figure gives the same text."""
    out = io.StringIO()
    drawn.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    text = out.getvalue()
    return NEEDLESS.sub("", text[text.index("<svg"):])

"""Two small charts as SVG."""

from collections.abc import Sequence

import numpy as np

WIDTH, HEIGHT, MARGIN = 300, 110, 4


def bars(values: Sequence[int]) -> str:
    """One bar for each value, from 0; the largest is written on it."""
    top, step = max(max(values), 1), (WIDTH - 2 * MARGIN) / len(values)
    shapes = [f'<rect x="{MARGIN + i * step:.1f}" y="{y(value, top):.1f}" width="{max(step - 1, 0.5):.1f}" '
              f'height="{HEIGHT - MARGIN - y(value, top):.1f}" fill="#4a7fb5"><title>{value:,}</title></rect>'
              for i, value in enumerate(values)]
    return svg([*shapes, f'<text x="{MARGIN}" y="12" font-size="11" fill="#666">up to {max(values):,}</text>'])


def steps(counts: np.ndarray, reference: np.ndarray | None) -> str:
    """Two histograms as shares, over each other. counts, reference : int [bins]."""
    shown = [(reference, "#999", "#ddd")] if reference is not None else []
    shown.append((counts, "#1f5fa8", "none"))
    shares = [(values / max(values.sum(), 1), line, fill) for values, line, fill in shown]
    top = max(max(float(share.max()) for share, _, _ in shares), 1e-9)
    shapes = []
    for share, line, fill in shares:
        step = (WIDTH - 2 * MARGIN) / len(share)
        places = [f"{MARGIN + (i + side) * step:.1f},{y(float(value), top):.1f}"
                  for i, value in enumerate(share) for side in (0, 1)]
        shapes.append(f'<polyline points="{MARGIN},{HEIGHT - MARGIN} {" ".join(places)} '
                      f'{WIDTH - MARGIN},{HEIGHT - MARGIN}" fill="{fill}" stroke="{line}" stroke-width="1.5"/>')
    return svg([*shapes, f'<text x="{MARGIN}" y="12" font-size="11" fill="#666">up to {100 * top:.0f} %</text>'])


def y(value: float, top: float) -> float:
    return HEIGHT - MARGIN - value / top * (HEIGHT - 2 * MARGIN - 12)


def svg(shapes: Sequence[str]) -> str:
    floor = HEIGHT - MARGIN
    return (f'<svg width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">{"".join(shapes)}'
            f'<line x1="{MARGIN}" x2="{WIDTH - MARGIN}" y1="{floor}" y2="{floor}" stroke="#888"/></svg>')

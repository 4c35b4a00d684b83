"""Write the report.html of runs anew from what the runs hold, as kws validate does; nothing is measured.

    scripts/bench rebuild_page RUN...

For released runs after a change to the page.
"""

from collections.abc import Sequence
from pathlib import Path

from kws.bench.common import parser
from kws.validate.record import renew


def main(arguments: Sequence[str]) -> None:
    options = parser(__doc__)
    options.add_argument("runs", type=Path, nargs="+", metavar="RUN")
    for run in options.parse_args(arguments).runs:
        renew(run)
        print(f"{run}: {(run / 'report.html').stat().st_size:,} bytes of page")

"""Print detections against the truth.

    scripts/bench demo_table TRUTH.csv DETECTIONS.jsonl [SHARE]

Exit status 1 where less than SHARE (0.9) of the keywords were detected, or anything was detected that was not said.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from kws.bench.common import parser
from kws.data.truth import read_truth
from kws.detect.detector import Detection
from kws.validate.events import Match, match, tally


def read_detections(path: Path) -> list[Detection]:
    """What `kws detect --json` printed."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [Detection(line["keyword"], line["time_s"], line["score"]) for line in lines]


def row(item: Match) -> str:
    said = f"{item.said.start_s:7.2f} s  {item.said.keyword:8}" if item.said else " " * 19
    heard = f"{item.heard.time_s:7.2f} s  {item.heard.keyword:8} {item.heard.score:5.2f}" if item.heard else " " * 25
    return f"{said}   {heard}   {item.kind}"


def main(arguments: Sequence[str]) -> int:
    options = parser(__doc__)
    options.add_argument("truth", type=Path, metavar="TRUTH.csv")
    options.add_argument("detections", type=Path, metavar="DETECTIONS.jsonl")
    options.add_argument("share", nargs="?", type=float, default=0.9, metavar="SHARE")
    given = options.parse_args(arguments)
    matches = match(read_truth(given.truth), read_detections(given.detections))
    counts = tally(matches)
    hits, said, false_alarms = counts.hits, counts.events, counts.detections - counts.hits
    print("     said  keyword        heard  keyword  score   result")
    print("\n".join(map(row, matches)))
    print(f"{hits} of {said} keywords detected, {false_alarms} false alarms")
    return 0 if hits >= given.share * said and false_alarms == 0 else 1


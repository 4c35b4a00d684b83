"""What `kws data check` prints."""

from collections import Counter

from kws.data.check import CheckReport
from kws.data.choices import Fault

EXAMPLES, FOLDERS, LINES = 3, 12, 10


def to_text(report: CheckReport, *, judge: str) -> str:
    """The report for a person: kinds with examples, the folders with most findings, imbalance.

    judge : what judged the labels, in words
    """
    clips, affected = len(report.table.clips), len({finding.clip for finding in report.findings})
    lines = [f"{clips:,} clips checked, {affected:,} with findings; labels judged by {judge}, which recognised "
             f"{report.recognised:.0%}"]
    for kind, count in report.counts.items():
        found = [finding for finding in report.findings if finding.kind == kind]
        done = Counter(finding.action.value for finding in found)
        actions = ", ".join(f"{action} {number:,}" if len(done) > 1 else action for action, number in done.items())
        lines.append(f"{kind:<15}{count:>7,}   --fix: {actions}")
        shown = LINES if kind is Fault.LABEL else EXAMPLES
        lines += [f"    {finding.name}: {finding.detail}" for finding in found[:shown]]
    lines += folders(report)
    lines += [f"imbalance: {line}" for line in report.imbalance]
    return "\n".join(lines)


def folders(report: CheckReport) -> list[str]:
    """The folders with the largest share of findings."""
    sizes = Counter((clip.source, clip.word) for clip in report.table.clips)
    affected = Counter((clip.source, clip.word) for clip in {finding.clip for finding in report.findings})
    worst = sorted(affected, key=lambda folder: -affected[folder] / sizes[folder])[:FOLDERS]
    lines = ["folder, clips with findings:"] if worst else []
    for folder in worst:
        kinds = Counter(finding.kind for finding in report.findings
                        if (finding.clip.source, finding.clip.word) == folder)
        listed = ", ".join(f"{kind} {count}" for kind, count in kinds.most_common(4))
        lines.append(f"    {'/'.join(folder)}: {affected[folder]} of {sizes[folder]} ({listed})")
    return lines

"""kws export from the command line: the table of requirements stands with the package."""

import json
import shutil

from typer.testing import CliRunner

from kws.cli import app
from kws.requirements import KINDS
from kws.workspace import read_manifest, write_manifest


def rows_of(stdout):
    return {line.split()[0]: line for line in stdout.splitlines() if line.split()[:1] and line.split()[0] in KINDS}


def test_every_requirement_stands_there_measured_or_with_what_would_measure_it(tone_run, tmp_path):
    done = CliRunner().invoke(app, ["export", "c", "--run", str(tone_run), "--out", str(tmp_path / "c")])
    assert done.exit_code == 0, done.stderr
    rows = rows_of(done.stdout)
    assert list(rows) == list(KINDS)
    assert "holds" in rows["flash_bytes"] and "holds: when it was trained" in rows["accuracy_percent"]


def test_a_requirement_that_a_validation_found_broken_is_told_and_exported_all_the_same(tone_run, tmp_path):
    run = tmp_path / "models" / "tones"
    shutil.copytree(tone_run, run)
    measured = {"false_alarms_per_hour": {"measured": 7.5, "note": "30 in 4.0 h", "date": "2026-11-28"}}
    (run / "validation.json").write_text(json.dumps({"measured": measured}))
    kept = {key: value for key, value in read_manifest(run).content.items() if key not in ("files", "created_utc")}
    write_manifest(run, kept)
    done = CliRunner().invoke(app, ["export", "c", "--run", str(run), "--out", str(tmp_path / "c")])
    assert done.exit_code == 0 and (tmp_path / "c" / "README.md").is_file()
    row = rows_of(done.stdout)["false_alarms_per_hour"]
    assert "7.50" in row and row.endswith("NOT MET: 30 in 4.0 h, validated 2026-11-28")
    assert "does not meet" in done.stderr and "false_alarms_per_hour" in done.stderr

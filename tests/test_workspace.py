"""Finding workspaces and runs; manifests that notice damage."""

import json
from datetime import UTC, datetime

import pytest

from kws.errors import KwsError, ModelError, SpecError
from kws.workspace import (
    find_run,
    list_runs,
    open_workspace,
    read_artefact,
    read_manifest,
    spec_of_run,
    write_manifest,
)

TOML = 'keywords = ["yes", "no"]\n'


def make_run(models, name, *, day=1):
    run = models / name
    run.mkdir(parents=True)
    (run / "model.kws").write_bytes(b"plan of " + name.encode())
    write_manifest(run, {"seed": 1}, now=datetime(2024, 1, day, tzinfo=UTC))
    return run


def test_a_workspace_is_found_upward(tmp_path, monkeypatch):
    (tmp_path / "kws.toml").write_text(TOML)
    (tmp_path / "recordings" / "deep").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "recordings" / "deep")
    workspace = open_workspace()
    assert workspace.root == tmp_path
    assert workspace.spec.keywords == ("yes", "no")
    assert workspace.recordings == tmp_path / "recordings"
    assert workspace.models == tmp_path / "models"
    assert workspace.cache == tmp_path / ".cache" / "kws"


def test_no_workspace_says_how_to_make_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(KwsError, match=r"no kws.toml in .* or above it; make a workspace with: kws new DIR"):
        open_workspace()
    with pytest.raises(KwsError, match=r"elsewhere holds no kws.toml; .*kws new DIR"):
        open_workspace(tmp_path / "elsewhere")


def test_a_named_folder_is_taken_as_it_is(tmp_path):
    (tmp_path / "kws.toml").write_text(TOML)
    (tmp_path / "inner").mkdir()
    with pytest.raises(KwsError, match=r"inner holds no kws.toml"):
        open_workspace(tmp_path / "inner")
    assert open_workspace(tmp_path).root == tmp_path


def test_a_wrong_workspace_names_its_file(tmp_path):
    (tmp_path / "kws.toml").write_text(TOML + "[model]\nwidth = 0\n")
    with pytest.raises(SpecError, match=r"kws.toml, line 3: \[model\] width = 0.0: must be 0.1 to 8"):
        open_workspace(tmp_path)


def test_runs_by_name_by_path_and_newest(tmp_path, monkeypatch):
    models = tmp_path / "models"
    first, second = make_run(models, "b", day=2), make_run(models, "a", day=1)  # the clock does not count
    assert list_runs(models) == [first, second]
    assert find_run(None, models) == second
    assert find_run("b", models) == first
    assert find_run(str(first), models) == first
    assert find_run(first, None) == first
    monkeypatch.chdir(tmp_path)
    assert find_run("models/b", models).resolve() == first


def test_what_is_not_a_run(tmp_path):
    models = tmp_path / "models"
    with pytest.raises(ModelError, match=r"no trained model in .*models; train one: kws train, or name"):
        find_run(None, models)
    with pytest.raises(ModelError, match="there are: none"):
        find_run("x", models)
    make_run(models, "a")
    make_run(models, "b", day=2)
    (models / ".half.tmp").mkdir()
    (models / ".half.tmp" / "manifest.json").write_text("{}")
    (models / "unfinished").mkdir()
    with pytest.raises(ModelError, match=r"no run 'x' in .*models; there are: a, b$"):
        find_run("x", models)
    with pytest.raises(ModelError, match=r"unfinished holds no manifest.json: .* training was not finished"):
        find_run(models / "unfinished", models)


def test_a_damaged_run_is_never_the_newest(tmp_path):
    good = make_run(tmp_path, "good")
    make_run(tmp_path, "zzz", day=9)
    (tmp_path / "zzz" / "manifest.json").write_text("{")
    assert find_run(None, tmp_path) == good


def test_a_manifest_lists_every_file(tmp_path):
    run = make_run(tmp_path, "a")
    (run / "more").mkdir()
    (run / "more" / "abc").write_bytes(b"abc")
    written = write_manifest(run, {"seed": 7})
    assert read_manifest(run) == written
    assert written.seed == 7
    assert sorted(written.files) == ["model.kws", "more/abc"]
    assert written.files["more/abc"] == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.mark.parametrize(("content", "message"), [
    (None, r"holds no manifest.json: it is not a run"),
    ("", r"manifest.json is damaged"),
    ("\x00\xff", r"manifest.json is damaged"),
    ("[]", r"is damaged \(it = \[\]: must be an object\); train again with: kws train"),
    ('{"files": {}}', r"is damaged \('created_utc' is missing\)"),
    ('{"files": [], "created_utc": ""}', r"files = \[\]: must be an object"),
], ids=str)
def test_a_missing_or_damaged_manifest_is_named(tmp_path, content, message):
    if content is not None:
        (tmp_path / "manifest.json").write_text(content, encoding="latin-1")
    with pytest.raises(ModelError, match=message):
        read_manifest(tmp_path)


def test_artefacts_are_checked(tmp_path):
    run = make_run(tmp_path, "a")
    assert read_artefact(run, "model.kws") == b"plan of a"
    with pytest.raises(ModelError, match=r"holds no model.tflite; train again"):
        read_artefact(run, "model.tflite")
    (run / "model.kws").write_bytes(b"plan of b")
    with pytest.raises(ModelError, match=r"model.kws is damaged: its SHA-256 differs from manifest.json"):
        read_artefact(run, "model.kws")
    (run / "model.kws").unlink()
    with pytest.raises(ModelError, match=r"holds no model.kws"):
        read_artefact(run, "model.kws")


def test_settings_of_another_version_are_named(tmp_path):
    with pytest.raises(ModelError, match=r"its settings are of another version of kws .*train again"):
        spec_of_run(make_run(tmp_path, "a"))


def test_a_manifest_cannot_point_outside(tmp_path):
    run = make_run(tmp_path, "a")
    (tmp_path / "secret").write_bytes(b"abc")
    manifest = json.loads((run / "manifest.json").read_text())
    assert "../secret" not in manifest["files"]
    with pytest.raises(ModelError, match=r"holds no ../secret"):
        read_artefact(run, "../secret")

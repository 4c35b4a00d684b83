"""kws.toml: what is written reads back, and whatever is wrong is named."""

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kws.errors import SpecError
from kws.spec import DetectorSpec, FrontendSpec, ModelSpec, Requirements, Spec, TrainingSpec, allowed
from kws.specfile import parse_spec, read_spec, write_spec
from tests.helpers.paths import ROOT


def values(kind, **pinned):
    """Strategy of a section in which every setting may take any allowed value, those in `pinned` excepted."""
    choices = {}
    for field in fields(kind):
        rule = field.metadata
        if field.name in pinned:
            choices[field.name] = st.just(pinned[field.name])
        elif rule["choices"]:
            choices[field.name] = st.sampled_from(list(rule["choices"]))
        elif field.type is int:
            choices[field.name] = st.integers(rule["low"], rule["high"])
        else:
            choices[field.name] = st.floats(rule["low"], rule["high"])
    return st.builds(kind, **choices)


SPECS = st.builds(
    Spec,
    keywords=st.lists(st.from_regex(r"[a-z0-9][a-z0-9_'-]{0,39}", fullmatch=True), min_size=1, max_size=40,
                      unique=True).map(tuple),
    requirements=values(Requirements),
    frontend=values(FrontendSpec, window_ms=16, hop_ms=10, clip_ms=500, coefficients=8),
    model=values(ModelSpec),
    training=values(TrainingSpec, snr_low_db=-20.0),
    detector=values(DetectorSpec),
)


@given(SPECS)
def test_what_is_written_reads_back_equal(spec):
    assert parse_spec(write_spec(spec)) == spec


def test_the_written_file_teaches():
    """Each setting stands below a comment with its meaning and its range, in the order of the life cycle."""
    spec = Spec(keywords=("yes",))
    flat = " ".join(write_spec(spec).replace("\n# ", " ").split())
    position = 0
    for section in (Requirements, FrontendSpec, ModelSpec, TrainingSpec, DetectorSpec):
        position = flat.index(f"[{section.section}]", position)
        for field in fields(section):
            teaching = f"{field.metadata['doc']} ({allowed(field)}) {field.name} = "
            position = flat.index(teaching, position)
    assert all(len(line) <= 120 for line in write_spec(spec).splitlines())


def test_left_out_settings_keep_their_defaults():
    assert parse_spec('keywords = ["yes"]') == Spec(keywords=("yes",))


WRONG = [
    ('keywords = ["a"]\n[modl]\n', ", line 2: [modl] is not a section; did you mean model?"),
    ('keywords = ["a"]\n\n[model]\nwidht = 3\n',
     ", line 4: [model] widht = 3: there is no such setting; did you mean width?"),
    ('keywords = ["a"]\n[model]\nzzz = 3\n',
     ", line 3: [model] zzz = 3: there is no such setting; known are name, width, dropout"),
    ('keywords = ["a"]\n[model]\nwidth = "x"\n', ", line 3: [model] width = 'x': must be a number, 0.1 to 8"),
    ('keywords = ["a"]\n[model]\nwidth = 9\n', ", line 3: [model] width = 9.0: must be 0.1 to 8"),
    ('keywords = ["a"]\n[model]\nwidth = nan\n', ", line 3: [model] width = nan: must be 0.1 to 8"),
    ('keywords = ["a"]\n[model]\nname = "big"\n', ", line 3: [model] name = 'big': must be one of linear, cnn, "
                                                   "ds_cnn, tc_resnet, bc_resnet"),
    ('keywords = ["a"]\n[training]\nepochs = 2.5\n',
     ", line 3: [training] epochs = 2.5: must be a whole number, 1 to 2000"),
    ('keywords = ["a"]\n[frontend]\nhop_ms = 20\nwindow_ms = 60\n',
     ", line 4: [frontend] window_ms = 60: must be at most 32 for fft_points = 512"),
    ('keywords = ["a"]\nmodel.width = 90\n', ": [model] width = 90.0: must be 0.1 to 8"),
    ('keywords = ["a"]\nmodel = 3\n', ", line 2: model = 3: must be a section; write [model] on a line of its own"),
    ('epochs = 3\nkeywords = ["a"]\n', ", line 1: epochs is above the first section; move it below [training]"),
    ('keywrds = ["a"]\n', ", line 1: keywrds is not a setting; did you mean keywords?"),
    ('keywords = ["a", "b",\n  "A"]\n', ", line 1: keywords: 'a' is listed twice; name each word once"),
    ('keywords = ["a", "b!"]\n', ", line 1: keywords: 'b!': must be a word of letters and digits of any language, "
     "' - and _, at most 40 of them, in lower case"),
    ("keywords = 3\n", ", line 1: keywords = 3: must be a list of words: keywords = [\"yes\", \"no\"]"),
    ("keywords = []\n", ", line 1: keywords: 0 of them; must be 1 to 40 words"),
    ("", ": keywords is missing; name the words above the first section: keywords = [\"yes\", \"no\"]"),
    ('keywords = ["a"]\nepochs 3\n', ", line 2: not valid TOML: "),
    ('keywords = ["a"]\nkeywords = ["b"]\n', ", line 2: not valid TOML: Cannot overwrite a value"),
    ("keywords = [", ": not valid TOML: "),
]


@pytest.mark.parametrize(("text", "message"), WRONG, ids=[message[:40] for _, message in WRONG])
def test_what_is_wrong_is_named(text, message, tmp_path):
    path = tmp_path / "kws.toml"
    path.write_text(text)
    with pytest.raises(SpecError) as caught:
        read_spec(path)
    assert str(caught.value).startswith(f"{path}{message}")


def test_other_encodings(tmp_path):
    path = tmp_path / "kws.toml"
    path.write_bytes('keywords = ["a"] # für\n'.encode("latin-1"))
    with pytest.raises(SpecError, match=r"byte 20 is not UTF-8 text"):
        read_spec(path)
    path.write_bytes(b"\xef\xbb\xbf" + b'keywords = ["a"]\r\n')  # as some Windows editors save it
    assert read_spec(path).keywords == ("a",)


def test_the_repository_is_a_workspace_for_the_ten_command_words():
    spec = read_spec(ROOT / "kws.toml")
    assert spec.keywords == ("yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go")
    assert spec.model.name == "ds_cnn"

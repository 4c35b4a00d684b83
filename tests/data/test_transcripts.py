"""What is said in recordings of talk: tables in the forms that are found, keywords and words that sound the same."""

from pathlib import Path

import pytest

from kws.data.transcripts import Stretch, holds, read_transcripts, sounds_like, words_of
from kws.errors import DataError

SOUNDS = sounds_like(("no", "right", "hey jarvis"))


@pytest.mark.parametrize(("text", "said"), [
    ("I say NO!", True), ("I know that", True), ("to write, or not", True), ("note the knowing rightly", False),
    ("hey, Jarvis", True), ("hey you, jarvis", False), ("", False), ("the word’s 'no'", True),
])
def test_a_keyword_or_its_homophone_is_found_as_a_word(text, said):
    assert holds(text, SOUNDS) is said


def test_words_without_punctuation():
    assert words_of("I don't, 'he' said: it’s two_words") == ["i", "don't", "he", "said", "it's", "two", "words"]


def touch(folder: Path, *names: str) -> list[Path]:
    paths = [folder / name for name in names]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return paths


def test_tables_beside_above_and_in_the_parent(tmp_path):
    folder = tmp_path / "talk"
    one, two, three = touch(folder, "a/one.wav", "b/one.wav", "b/three.wav")
    (folder / "all.csv").write_text("file,speaker,text\na/one,x,yes and no\nb/one.wav,y,nothing\n")
    (tmp_path / "more.csv").write_text("path,sentence\ntalk/b/three.wav,the third\n")
    found = read_transcripts(folder, [one, two, three])
    assert [found.text_of(path) for path in (one, two, three)] == ["yes and no", "nothing", "the third"]


def test_a_text_beside_its_recording_and_none_at_all(tmp_path):
    one, two = touch(tmp_path, "one.wav", "two.wav")
    (tmp_path / "one.txt").write_text("go on")
    found = read_transcripts(tmp_path, [one, two])
    assert found.text_of(one) == "go on" and found.text_of(two) is None and found.times_of(one) is None


def test_word_times_cover_their_folder(tmp_path):
    one, two = touch(tmp_path, "one.wav", "two.wav")
    (tmp_path / "keywords.csv").write_text("utterance,word,start_s,end_s\none,No,1.25,1.5\n")
    found = read_transcripts(tmp_path, [one, two])
    assert found.times_of(one) == [Stretch(1.25, 1.5, "no")]
    assert found.times_of(two) == []  # the table has no word of it


def test_tables_of_something_else_are_passed_over(tmp_path):
    one, = touch(tmp_path, "one.wav")
    (tmp_path / "clips.csv").write_text("category,file,licence\nrain,one.wav,CC0\n")
    assert read_transcripts(tmp_path, [one]).text_of(one) is None


def test_words_of_any_script_are_found():
    assert holds("请开灯吧", sounds_like(["开灯"])) and not holds("请开门", sounds_like(["开灯"]))
    assert holds("Mach's gru\u0308n!", sounds_like(["grün"])) and not holds("grünlich", sounds_like(["grün"]))
    assert holds("रोशनी चालू करो", sounds_like(["चालू"])) and not holds("चाल है", sounds_like(["चालू"]))


@pytest.mark.parametrize(("name", "text", "encoding"), [
    ("a.csv", "file;text\none.wav;go on\n", "utf-8"), ("a.tsv", 'path\tsentence\none.wav\tgo on "now\n', "utf-8"),
    ("a.csv", "File,Text\none.wav,go on\n", "utf-16"), ("a.csv", "file,text\r\n\r\none.wav,go on\r\n", "utf-8-sig")])
def test_tables_of_other_programs_are_read(tmp_path, name, text, encoding):
    one, = touch(tmp_path, "one.wav")
    (tmp_path / name).write_bytes(text.encode(encoding))
    assert holds(read_transcripts(tmp_path, [one]).text_of(one), sounds_like(["go"]))


@pytest.mark.parametrize(("row", "rule"), [
    ("one,no,abc,1", "with seconds as start_s and end_s"), ("one,no", "must be file,word,start_s,end_s"),
    ("one,no,nan,1", "0 <= start_s <= end_s"), ("one,no,2,1", "0 <= start_s <= end_s"),
    ("other,no,1,2", "names no recording in"), ("one,n\xff,1,2", "save it as UTF-8")])
def test_a_table_that_would_leave_nothing_out_is_refused(tmp_path, row, rule):
    one, = touch(tmp_path, "one.wav")
    (tmp_path / "times.csv").write_bytes(f"file,word,start_s,end_s\n{row}\n".encode("latin-1"))
    with pytest.raises(DataError, match=rule):
        read_transcripts(tmp_path, [one])


def test_a_table_about_the_files_beside_a_single_one_is_passed_over(tmp_path):
    one, _ = touch(tmp_path, "one.wav", "other.wav")
    (tmp_path / "said.csv").write_text("file,text\nother.wav,no\n")
    assert read_transcripts(tmp_path, [one], all_of_it=False).text_of(one) is None


def test_an_unreadable_table_beside_the_folder_is_none_of_ours(tmp_path):
    one, = touch(tmp_path / "talk", "one.wav")
    (tmp_path / "bank.csv").write_bytes(b"file,text\none,\xff\n")
    assert read_transcripts(tmp_path / "talk", [one]).text_of(one) is None

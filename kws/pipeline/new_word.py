"""A word of one's own: everything that training it needs but the takes, in one go."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from kws.data.talk import TALK, find_talk
from kws.data.talk_sources import SHA256, URL, download_talk, link_talk, talk_files
from kws.engine.plan import Plan
from kws.errors import DataError, DownloadError, KwsError, ModelError
from kws.files import fresh_folder, write_atomic
from kws.pipeline.splice import splice
from kws.spec import DetectorSpec, Spec
from kws.specfile import NAME, write_spec
from kws.speech.engines.registry import choose_engines, missing
from kws.speech.languages import LANGUAGES
from kws.speech.synthesis import make_corpus, unspoken
from kws.speech.talk import speak_languages, speak_talk
from kws.workspace import Workspace, find_run, open_workspace, read_artefact

Note = Callable[[str], None]
RELEASED = Path(__file__).parents[2] / "models"  # in a clone
SPOKEN, NEAR_MISSES, OTHERS = 300, 10, 3  # clips of the word, of each that sounds like it, and of each that does not
TALK_MINUTES = 60.0  # if it must be synthesized
LANGUAGE_MINUTES = 120.0  # of words in other languages, synthesized
SYNTH, TALK_SYNTH = "synth", "spoken"  # sources


@dataclass(frozen=True)
class Prepared:
    """What kws new --word has made. recordings : of talk; people : whether they are by people"""

    root: Path
    word: str
    base: str
    recordings: int
    people: bool


def prepare_word(root: Path, word: str, *, base: str, talk: Sequence[Path], url: str = URL,
                 note: Note) -> Prepared:
    """Make a workspace for one word, or go on where an interrupted call stopped.

    base : a run that was taught many words, by path or by the name of a released one; it is copied into models/
    talk : folders with people who do not say the word; without any, LibriSpeech is downloaded, and if that fails talk
           is synthesized
    """
    start = find_base(base)
    spec = spec_for(word, start)
    for folder in talk:
        talk_files(folder)  # a wrong one is said before anything is made
    place = opened(root, spec)
    copy_run(start, place.models)
    people = get_talk(place, talk, url=url, note=note)
    speak_other_languages(place, note)
    speak(place, note)
    by_people = [one.source != TALK_SYNTH for one in find_talk(place.recordings)]
    return Prepared(place.root, word, start.name, sum(by_people) if people else len(by_people), people)


def find_base(base: str) -> Path:
    """A run's folder: a path, or the name of a released run. Raises ModelError if there is none."""
    try:
        return find_run(base, RELEASED if RELEASED.is_dir() else None)
    except ModelError as error:
        raise ModelError(f"no base {base!r}; name the folder of one: --from PATH (a clone of this project has "
                         "models/base)") from error


def spec_for(word: str, base: Path) -> Spec:
    """Settings for one word on a base: its front end and network; heard after a pause, as wake words are said."""
    plan = Plan.from_bytes(read_artefact(base, "model.kws"))
    if word in plan.spec.keywords:
        raise KwsError(f"{word!r} is one of the words that {base.name} was taught, so it would not be a new one; train "
                       f"on real clips of it: kws new DIR --keywords {word}")
    return Spec(keywords=(word,), frontend=plan.spec.frontend, model=plan.spec.model,
                detector=DetectorSpec(after_pause=True))


def opened(root: Path, spec: Spec) -> Workspace:
    """The workspace, made if it is not there. Raises KwsError if there is another one."""
    if (root / NAME).exists():
        place = open_workspace(root)
        if place.spec.keywords != spec.keywords:
            raise KwsError(f"{root / NAME} already exists, for {', '.join(place.spec.keywords)}; name another folder")
        return place
    for folder in ("recordings", "models"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    write_atomic(root / NAME, write_spec(spec))
    return open_workspace(root)


def copy_run(run: Path, models: Path) -> None:
    """The base beside the runs that come of it, so that the workspace needs nothing else."""
    if not (models / run.name).exists():
        with fresh_folder(models / run.name) as making:
            for path in run.iterdir():
                if path.is_file():
                    shutil.copyfile(path, making / path.name)  # a run that nobody may write is ours here


def get_talk(place: Workspace, folders: Sequence[Path], *, url: str, note: Note) -> bool:
    """Talk by people if it can be had: whether it is."""
    for folder in folders:
        note(f"talk: {link_talk(place.recordings, folder)} holds links to {folder}")
    if folders:
        return True
    try:
        note(f"talk: LibriSpeech's dev-clean, 337 MB, CC BY 4.0, from {url} (--talk DIR names your own instead)")
        download_talk(place.recordings, place.cache / "downloads", url=url, sha256=SHA256 if url == URL else None)
        return True
    except DownloadError as error:
        note(f"note: no talk by people ({error}); synthesizing {TALK_MINUTES:.0f} minutes instead, which keeps fewer "
             "false alarms away: name hours of your own with --talk DIR, or come back with a network")
    made = speak_talk(place.recordings / TALK_SYNTH / TALK, place.spec.keywords, minutes=TALK_MINUTES,
                      engines=choose_engines(()))
    note(f"{made.written} written, {made.kept} there already")
    return False


def speak_other_languages(place: Workspace, note: Note) -> None:
    """Words of many languages, so that talk in them is known for what it is: people's talk is in one or two."""
    try:
        made = speak_languages(place.recordings / TALK_SYNTH / TALK, place.spec.keywords, minutes=LANGUAGE_MINUTES)
    except DataError as error:
        note(f"note: no talk in other languages ({error})")
        return
    note(f"talk in {len(LANGUAGES)} languages: {made.written} written, {made.kept} there already")


def speak(place: Workspace, note: Note) -> None:
    """The word and what sounds like it, by every synthesizer there is; other words, and noise if there is none."""
    engines = choose_engines(())
    for one in engines:
        note(f"{one.name}: {len(one.voices())} voices; licence: {one.licence}")
    for one in missing():
        note(f"{one.name}: not installed; for more voices: {one.install}")
    samples = max(place.spec.frontend.clip_samples, place.spec.frontend.sample_rate_hz)
    make = partial(make_corpus, place.recordings / SYNTH, place.spec.keywords, keywords=place.spec.keywords,
                   samples=samples, seed=1, engines=engines)
    if what := unspoken(place.spec.keywords[0], engines):
        note(f"note: nobody says it here: {what}")
    else:
        make(count=SPOKEN, split="training", near_misses=NEAR_MISSES, unknown=0, noise=False)  # people judge, if any do
        say_with_pieces(place, samples, note)
    make(count=0, unknown=OTHERS, noise=None)


def say_with_pieces(place: Workspace, samples: int, note: Note) -> None:
    """The word and what sounds like it, out of the talk's own sounds: hundreds of voices instead of a handful."""
    keywords = place.spec.keywords
    try:
        made = splice(place.recordings, place.recordings / SYNTH, keywords, keywords=keywords, samples=samples, seed=1,
                      cache=place.cache)
    except DataError as error:
        note(f"note: the word by synthesizers' voices alone, not by the people of the talk ({error}); "
             "LibriSpeech, which is downloaded where no --talk is named, has transcripts")
        return
    for what, count in made.items():
        note(f"out of pieces of the talk, {what}: {count.written} written, {count.kept} there already")

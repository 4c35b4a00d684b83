"""One HTML file with everything in it: the plots, what draws them, and the sounds. Nothing is fetched."""

import html
from collections.abc import Iterable
from importlib import resources
from pathlib import Path

from kws.audio.files import read_samples
from kws.audio.resampling import SAMPLE_RATE_HZ
from kws.errors import DataError
from kws.explore import figures
from kws.explore.gist import gist_lines, missing
from kws.explore.sounds import playable
from kws.explore.statistics import after_transform, covariance, neighbours, others, shape_of
from kws.explore.survey import Survey, rare
from kws.files import write_atomic

CONFIG = {"displaylogo": False, "responsive": True, "modeBarButtonsToRemove": ["select2d", "lasso2d"]}


class Page:
    """Parts of a page, in order; to_html puts them together."""

    def __init__(self, title: str):
        self.title = title
        self.parts: list[str] = []
        self.sections: list[tuple[str, str]] = []
        self.sounds: dict[int, str] = {}

    def section(self, name: str, text: str = "") -> None:
        anchor = f"part-{len(self.sections) + 1}"
        self.sections.append((anchor, name))
        self.parts.append(f'<h2 id="{anchor}">{html.escape(name)}</h2>')
        if text:
            self.parts.append(f"<p>{html.escape(text)}</p>")

    def figure(self, plot: figures.Figure, caption: str) -> None:
        drawn = plot.to_html(full_html=False, include_plotlyjs=False, config=CONFIG)
        self.parts.append(f"<figure>{drawn}<figcaption>{html.escape(caption)}</figcaption></figure>")

    def buttons(self, clips: Iterable[tuple[int, str, str]]) -> None:
        """(number of the sound, full name, what stands on the button)."""
        self.parts.append("<p>" + "\n".join(
            f'<button class="play" data-clip="{number}" title="{html.escape(name)}">&#9654; '
            f"{html.escape(label)}</button>"
            for number, name, label in clips if number in self.sounds) + "</p>")

    def lines(self, lines: Iterable[str], *, kind: str = "") -> None:
        self.parts.append("<ul>" + "".join(f'<li class="{kind}">{html.escape(line)}</li>' for line in lines) + "</ul>")

    def to_html(self) -> str:
        from plotly.offline import get_plotlyjs

        def own(name: str) -> str:
            return resources.files("kws.explore").joinpath("templates", name).read_text()

        links = " ".join(f'<a href="#{anchor}">{html.escape(name)}</a>' for anchor, name in self.sections)
        sounds = ",\n".join(f'"{number}": "{sound}"' for number, sound in self.sounds.items())
        return "\n".join((
            "<!DOCTYPE html>", '<html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{html.escape(self.title)}</title>",
            f"<style>{own('page.css')}</style>", f"<script>{get_plotlyjs()}</script></head><body>",
            f"<h1>{html.escape(self.title)}</h1><nav>{links}</nav>", *self.parts,
            '<p id="now-playing" role="status">click a button or a point of the map to hear it</p>',
            f"<script>const SOUNDS = {{{sounds}}};\n{own('page.js')}</script></body></html>"))


def require_plotly() -> None:
    """Raise DataError if the plotting library is missing."""
    try:
        import plotly  # noqa: F401
    except ImportError as error:
        raise DataError("kws explore needs Plotly, which is not installed; next: pip install 'kws[explore]', "
                        "in a clone: pip install '.[explore]'") from error


def write_page(found: Survey, path: Path, *, title: str) -> int:
    """Write the page of a survey; returns its size in bytes."""
    page = Page(title)
    wanted = {point.place for point in found.map_points} | {place for place, _ in found.outliers}
    wanted |= {place for places in found.examples.values() for place in places}
    page.sounds = {place: playable(read_samples(found.table.clips[place].path)) for place in sorted(wanted)}
    overview(page, found)
    levels(page, found)
    pictures(page, found)
    what_tells_words_apart(page, found)
    on_the_grid(page, found)
    the_map(page, found)
    the_transform(page, found)
    text = page.to_html()
    write_atomic(path, text)
    return len(text.encode())


def name_of(found: Survey, place: int) -> str:
    return "/".join(found.table.clips[place].path.parts[-3:])


def overview(page: Page, found: Survey) -> None:
    page.section("In short")
    page.lines(gist_lines(found))
    lacking = missing(found)
    page.section("What the requirements still miss", "" if lacking else
                 "Nothing: every keyword has the clips and speakers that kws.toml asks for.")
    if lacking:
        page.lines(lacking, kind="missing")
    page.section("How much there is")
    page.figure(figures.word_counts(found), "Clips of each word by split. The speaker decides the split, so no voice "
                                            "is in two of them.")
    page.figure(figures.source_counts(found), "Clips of each source, a folder under recordings/.")
    page.figure(figures.clips_per_speaker(found), "How many clips speakers have given. A tall bar far to the right is "
                                                  "one voice that the network may learn instead of the word.")


def levels(page: Page, found: Survey) -> None:
    page.section("Length, level and noise")
    table = found.table
    snr = table.column("level_db") - table.column("noise_db")
    page.figure(figures.distribution(found, table.column("samples") / SAMPLE_RATE_HZ, x="length in s"),
                "Length of the files.")
    page.figure(figures.distribution(found, table.column("level_db"), x="dB of full scale"),
                "Level of each clip's loudest 100 ms.")
    page.figure(figures.distribution(found, snr, x="dB"),
                "How far the word is above the quietest tenth of its clip. Below 10 dB a clip teaches noise.")
    page.figure(figures.by_word(found, table.column("level_db"), y="dB of full scale"),
                "Level by word: the middle half as a box, 2 to 98 % as lines. A word that is louder than others can be "
                "told by its level alone, which will fail in use.")
    page.figure(figures.by_word(found, snr, y="dB"), "Signal to noise by word.")
    page.parts.append("<p>What stands out, to listen to:</p>")
    page.buttons((place, name_of(found, place), f"{reason} ({name_of(found, place)})")
                 for place, reason in found.outliers)


def pictures(page: Page, found: Survey) -> None:
    page.section("What each word looks like", "Means over all clips of a word, and some clips to hear.")
    page.buttons((place, name_of(found, place), f"{word} {i}") for word, places in found.examples.items()
                 for i, place in enumerate(places, 1))
    page.figure(figures.mean_pictures(found.mel, found.words, y="band", centred=False),
                "Mean log mel spectrogram, natural logarithms. A frame is one hop of the front end.")
    page.figure(figures.mean_pictures(found.mfcc, found.words, y="coefficient", centred=True),
                "Mean cepstral coefficients, as difference to the mean of all words in standard deviations.")


def what_tells_words_apart(page: Page, found: Survey) -> None:
    page.section("Where the information is",
                 "ANOVA's F: variance between words divided by variance within. Numbers with a small F tell words "
                 "apart badly on their own.")
    page.figure(figures.information(found.mel, y="band"), "F of each band in each frame.")
    page.figure(figures.information_by_feature(found.mel, x="band"), "The same, mean over the frames.")
    page.figure(figures.information(found.mfcc, y="coefficient"), "F of each cepstral coefficient in each frame.")
    page.figure(figures.information_by_feature(found.mfcc, x="coefficient"), "The same, mean over the frames.")
    if found.confused:
        page.lines(f"{one} and {other}: {count} clips of one taken for the other by a small classifier that had not "
                   "heard the speaker" for one, other, count in found.confused)
    plot = figures.pairs(found, y="coefficient" if found.spec.frontend.coefficients else "band")
    if plot is not None:
        page.figure(plot, "F between the two words of each pair that is confused most: where they differ at all.")
    if rare(found.table):
        page.parts.append(f"<p>Too rare to be judged: {html.escape(', '.join(rare(found.table)))}.</p>")


def on_the_grid(page: Page, found: Survey) -> None:
    sums, spec = found.own, found.spec.frontend
    name = "coefficient" if spec.coefficients else "band"
    shape, features = shape_of(sums), sorted({0, 1, spec.features // 4, spec.features // 2, spec.features - 1})
    page.section("Before and after normalisation",
                 "The network is given numbers on an int8 grid: each feature is moved and scaled so that all but 0.04 "
                 "% of the training data fit.")
    page.figure(figures.before_normalisation(sums, features, name=name), "Some features as they are measured.")
    page.figure(figures.after_normalisation(sums, features, name=name), "The same on the grid.")
    page.figure(figures.normality(shape.distance, x=name),
                "Greatest difference between the cumulated shares and those of a normal distribution (0: normal). "
                f"Skew is {shape.skew.min():+.1f} to {shape.skew.max():+.1f}, excess kurtosis "
                f"{shape.kurtosis.min():+.1f} to {shape.kurtosis.max():+.1f}. Two humps, silence and speech, are "
                "usual.")
    page.figure(figures.saturation(sums, x=name), "Numbers at the ends of the grid, where clips differ no more.")


def the_map(page: Page, found: Survey) -> None:
    page.section("A map of the clips",
                 f"{found.map_name}; {len(found.map_points)} clips, about as many of each word. Click a point to hear "
                 "it. A point amid another word's points is worth a listen; so is one far from all.")
    page.figure(figures.clip_map(found, page.sounds), "Each word has its colour and its mark; click a word to hide it.")


def the_transform(page: Page, found: Survey) -> None:
    bands = covariance(found.mel)
    changed = after_transform(bands)
    page.section("What the cosine transform does",
                 "Neighbouring mel bands overlap and rise and fall together: their correlation is "
                 f"{neighbours(bands):.2f} in the mean. The discrete cosine transform (DCT-II) turns them into "
                 f"cepstral coefficients, with {neighbours(changed):.2f} between neighbours; over all pairs it is "
                 f"{others(bands):.2f} before and {others(changed):.2f} after. No information is lost while all "
                 "coefficients are kept; leaving out the high ones smooths the spectrum.")
    page.figure(figures.band_correlation(found.mel), "Size of the correlation over all clips and frames.")

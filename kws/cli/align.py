"""kws data align: word times for talk with transcripts."""

from kws.cli.common import DirectoryOption, JsonOption, note, print_json, workspace


def align(as_json: JsonOption = False, directory: DirectoryOption = None) -> None:
    """Find when each word of the talk in recordings/*/_talk_/ is said, by its transcripts; English.

    Writes recordings/SOURCE/words.csv: file, word, start_s, end_s. Needs the extra words (pocketsphinx). Recordings
    with a word that its dictionary lacks, or that do not say their text, are left out and counted.

    Example: kws data align
    """
    from kws.pipeline.align import align_talk

    done = align_talk(workspace(directory).recordings)
    if as_json:
        print_json([{"table": str(one.table), "recordings": one.recordings, "words": one.words,
                     "left_out": one.left_out} for one in done])
        return
    for one in done:
        print(f"{one.table}: {one.words:,} words in {one.recordings:,} recordings; {one.left_out:,} left out")
    if not done:
        note("no talk with transcripts in recordings/*/_talk_/; docs/training.md says what they look like")

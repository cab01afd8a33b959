"""Files beside recordings that were not read: what each is by its name or content, and what can be done with it."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Final

from auricle.audio.sound_files import unread_files
from auricle.datasets.annotations.matching import Recordings
from auricle.datasets.annotations.reader import format_of

__all__ = ["UNREAD", "describe_neighbours", "reason_unread"]

_AS_TEXTGRID = "export them as Praat TextGrids"
_AS_TRACK = "export them as label tracks (start, end and label on each line)"

UNREAD: Final[dict[str, str]] = {
    ".eaf": f"ELAN annotations, which are not read: {_AS_TEXTGRID}",
    ".antx": f"annotations of EXMARaLDA, which are not read: {_AS_TEXTGRID}",
    ".exb": f"annotations of EXMARaLDA, which are not read: {_AS_TEXTGRID}",
    ".trs": f"Transcriber's annotations, which are not read: {_AS_TEXTGRID}",
    ".cha": f"CLAN transcripts, which are not read: {_AS_TEXTGRID}",
    ".textgrid": "TextGrids, but not in Praat's text forms: save them as text files",
    ".collection": "Praat collections, which are not read: save each TextGrid as a text file",
    ".aup": "Audacity projects, which are not read: export their labels",
    ".aup3": "Audacity projects, which are not read: export their labels",
    ".svl": f"layers of Sonic Visualiser, which are not read: {_AS_TRACK}",
    ".sv": f"sessions of Sonic Visualiser, which are not read: {_AS_TRACK}",
    ".lab": f"HTK or WaveSurfer labels, which are not read: {_AS_TRACK}",
    ".phn": f"TIMIT annotations, which are not read: {_AS_TRACK}",
    ".wrd": f"TIMIT annotations, which are not read: {_AS_TRACK}",
    ".rttm": f"RTTM annotations, which are not read: {_AS_TRACK}",
    ".ctm": f"CTM transcripts, which are not read: {_AS_TRACK}",
    ".stm": f"STM transcripts, which are not read: {_AS_TRACK}",
    ".srt": f"subtitles, which are not read: {_AS_TRACK}",
    ".vtt": f"subtitles, which are not read: {_AS_TRACK}",
    ".jams": f"JAMS annotations, which are not read: {_AS_TRACK}",
    ".mat": f"MATLAB files, perhaps annotations, which are not read: {_AS_TRACK}",
    ".xlsx": "Excel tables, which are not read: save them as CSV",
    ".xls": "Excel tables, which are not read: save them as CSV",
}
"""What files with these suffixes are, and what makes them readable."""


def reason_unread(folder: Path) -> Callable[[str], str]:
    """Return a function from the path of a file in a folder, which was not read and is not sound, to the reason."""

    @cache
    def recordings() -> Recordings:
        return Recordings(folder)

    def reason(path: str) -> str:
        file = Path(path)
        if (name := format_of(file)) is not None:
            if recordings().beside(file) is None:
                return f"annotations of {name} that are named after no recording: name each after its recording"
            return f"annotations of {name}, because labels come from a table or the names of folders"
        return UNREAD.get(file.suffix.lower(), "not sound")

    return reason


def describe_neighbours(folder: Path) -> str:
    """Return a sentence for each kind of annotations in a folder that cannot be read; empty if there is none."""
    unread = unread_files(str(folder), frozenset(), reason_unread(folder))
    marked = [one for one in unread if one.what == "files" and one.reason != "not sound"]
    return "".join(
        f" {one.count} file{'s lie' if one.count > 1 else ' lies'} beside the recordings: {one.reason}."
        for one in marked
    )

"""One self-contained page of HTML: what every report is made of, whoever writes it."""

import base64
import io
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias

import jinja2
from markupsafe import Markup, escape

from auricle.runtime import files

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Block", "Gallery", "Listing", "Notice", "Numbers", "Page", "Picture", "Section", "Table", "Text", "picture"]

Tone: TypeAlias = Literal["serious", "warning", "note", "good"]


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph of plain text."""

    text: str
    shape: ClassVar[str] = "text"


@dataclass(frozen=True, slots=True)
class Numbers:
    """A row of large figures, each with the words under it: ``("0.93", "accuracy")``."""

    items: tuple[tuple[str, str], ...]
    shape: ClassVar[str] = "numbers"


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to know: a boxed sentence, and details behind a fold.

    Parameters
    ----------
    tone : how bad it is
    title : two or three words
    text : the sentence
    details : lines shown on demand, such as files; they are printed only where unfolded
    """

    tone: Tone
    title: str
    text: str
    details: tuple[str, ...] = ()
    shape: ClassVar[str] = "notice"


@dataclass(frozen=True, slots=True)
class Listing:
    """Sentences that stand for themselves, one under the other, numbered: what to do, first things first."""

    sentences: tuple[str, ...]
    shape: ClassVar[str] = "listing"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text; a column is set to the right where all its cells are numbers.

    Parameters
    ----------
    columns : headings
    rows : each as long as ``columns``
    caption : said above it
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""
    shape: ClassVar[str] = "table"

    @property
    def is_number(self) -> tuple[bool, ...]:
        """Whether each column holds numbers only."""
        return tuple(all(_is_number(row[i]) for row in self.rows) for i in range(len(self.columns)))


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture with its words.

    Parameters
    ----------
    uri : the picture itself, as a data URI
    alt : what it shows, for those who cannot see it
    caption : said under it
    """

    uri: str
    alt: str
    caption: str = ""
    shape: ClassVar[str] = "picture"


@dataclass(frozen=True, slots=True)
class Gallery:
    """Small pictures side by side."""

    pictures: tuple[Picture, ...]
    shape: ClassVar[str] = "gallery"


Block: TypeAlias = Text | Numbers | Notice | Listing | Table | Picture | Gallery


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what stands under it."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """A report.

    Parameters
    ----------
    title : what it is about
    verdict : the answer, in one sentence, before anything else
    sections : in the order of reading
    subtitle : what was looked at
    tone : of the verdict
    made : when, as ISO 8601; now, if not given
    """

    title: str
    verdict: str
    sections: tuple[Section, ...]
    subtitle: str = ""
    tone: Tone = "note"
    made: str = field(default_factory=lambda: datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"))

    def html(self) -> str:
        """Return the page; it needs no other file and no network, and holds no script."""
        return _template().render(page=self)

    def save(self, path: str | Path) -> None:
        """Write the page, whole or not at all.

        Raises
        ------
        OutputError : the path cannot be written
        """
        files.write_bytes(path, self.html().encode())


def picture(figure: "Figure", alt: str, *, caption: str = "", image_format: Literal["svg", "png"] = "svg") -> Picture:
    """Turn a figure into a picture of the page: lines as SVG, sharp at any size; images as PNG.

    The same figure gives the same bytes.
    """
    import matplotlib as mpl

    content = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": "auricle"}):
        if image_format == "svg":
            figure.savefig(content, format="svg", metadata={"Date": None})
        else:
            figure.savefig(content, format="png", dpi=144, metadata={"Software": None})
    mime = "image/svg+xml" if image_format == "svg" else "image/png"
    return Picture(f"data:{mime};base64,{base64.b64encode(content.getvalue()).decode()}", alt, caption)


@lru_cache(maxsize=1)
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("auricle.reports"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["prose"] = _prose
    return environment.get_template("page.html")


def _prose(text: str) -> Markup:
    """Escape a text, and set what stands between backticks as code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704  (escaped here)


def _is_number(text: str) -> bool:
    """Whether a cell is a number, with its unit or not: ``12``, ``-3.1 dB``, ``98%``."""
    return re.fullmatch(r"[-+]?[0-9][0-9,.]*(e[-+]?[0-9]+)?( ?[%A-Za-z]{1,4})?", text) is not None

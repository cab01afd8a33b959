"""A self-contained HTML page of typed blocks: text, tables, notices and pictures."""

import base64
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias

import jinja2
from markupsafe import Markup, escape

from auricle.records import Omitted
from auricle.runtime import files

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "Block",
    "Gallery",
    "Listing",
    "Notice",
    "Numbers",
    "Page",
    "Picture",
    "Section",
    "Table",
    "Text",
    "omissions",
    "picture",
]

Tone: TypeAlias = Literal["serious", "warning", "note", "good"]


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph of plain text."""

    text: str
    shape: ClassVar[str] = "text"


@dataclass(frozen=True, slots=True)
class Numbers:
    """A row of large numbers, each with its name: ``("0.93", "accuracy")``."""

    items: tuple[tuple[str, str], ...]
    shape: ClassVar[str] = "numbers"


@dataclass(frozen=True, slots=True)
class Notice:
    """A boxed sentence with a severity, and details behind a fold.

    Parameters
    ----------
    tone : str
        Severity: serious, warning, note or good.
    title : str
        Two or three words.
    text : str
    details : tuple of str
        Lines shown on demand, such as files; printed on paper only where unfolded.
    """

    tone: Tone
    title: str
    text: str
    details: tuple[str, ...] = ()
    shape: ClassVar[str] = "notice"


@dataclass(frozen=True, slots=True)
class Listing:
    """A numbered list of sentences, such as next steps."""

    sentences: tuple[str, ...]
    shape: ClassVar[str] = "listing"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text; a column of numbers is aligned to the right.

    Parameters
    ----------
    columns : tuple of str
        Headings.
    rows : tuple of tuple of str
        Each as long as ``columns``.
    caption : str
        Shown above the table.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""
    shape: ClassVar[str] = "table"

    @property
    def is_number(self) -> tuple[bool, ...]:
        """Whether each column holds only numbers."""
        return tuple(all(_is_number(row[i]) for row in self.rows) for i in range(len(self.columns)))


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture with its alternative text and caption.

    Parameters
    ----------
    uri : str
        The picture as a data URI.
    alt : str
        Description for people who cannot see the picture.
    caption : str
        Shown below the picture.
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
    """A heading with its blocks."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """A report.

    Parameters
    ----------
    title : str
    verdict : str
        The result in one sentence, shown first.
    sections : tuple of Section
    subtitle : str
        The data or model examined.
    tone : str
        Severity of the verdict.
    made : str
        Time of making; now, if not given.

    Examples
    --------
    >>> page = Page("Motors", "Better than guessing.", (Section("Scores", (Text("By recording."),)),))
    >>> "By recording." in page.html()
    True
    """

    title: str
    verdict: str
    sections: tuple[Section, ...]
    subtitle: str = ""
    tone: Tone = "note"
    made: str = field(default_factory=lambda: datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"))

    def html(self) -> str:
        """Return the page as HTML; it needs no other file and no network, and holds no script."""
        return _template().render(page=self)

    def save(self, path: str | Path) -> None:
        """Write the page, whole or not at all.

        Raises
        ------
        OutputError : the path cannot be written
        """
        files.write_bytes(path, self.html().encode())


def omissions(omitted: Iterable[Omitted]) -> tuple[Section, ...]:
    """Return a section on what reading left out; none where nothing was."""
    rows = tuple((f"{one.count}", one.what, one.reason, "; ".join(one.examples)) for one in omitted)
    table = Table(("number", "what", "reason", "the first of them"), rows)
    return (Section("Left out by reading", (table,)),) if rows else ()


def picture(figure: "Figure", alt: str, *, caption: str = "", image_format: Literal["svg", "png"] = "svg") -> Picture:
    """Render a figure for a page, as SVG or, for images, as PNG; the same figure gives the same bytes."""
    mime = "image/svg+xml" if image_format == "svg" else "image/png"
    return Picture(f"data:{mime};base64,{base64.b64encode(_render(figure, image_format)).decode()}", alt, caption)


def _render(figure: "Figure", image_format: str) -> bytes:
    import matplotlib as mpl

    from auricle.reports.charts import take_literally

    content = io.BytesIO()
    take_literally(figure)
    with mpl.rc_context({"svg.hashsalt": "auricle"}):
        if image_format == "svg":
            figure.savefig(content, format="svg", metadata={"Date": None})
        else:
            figure.savefig(content, format="png", dpi=144, metadata={"Software": None})
    return content.getvalue()


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
    """Escape a text, and set words in backticks as code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704  (escaped here)


def _is_number(text: str) -> bool:
    """Whether a cell is a number, with its unit or not: ``12``, ``-3.1 dB``, ``98%``."""
    return re.fullmatch(r"[-+]?[0-9][0-9,.]*(e[-+]?[0-9]+)?( ?[%A-Za-z]{1,4})?", text) is not None

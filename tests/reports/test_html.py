"""A page is one escaped, self-contained file, with the same bytes for the same content."""

import base64
import re
from pathlib import Path

import pytest

from auricle.errors import OutputError
from auricle.reports import charts
from auricle.reports.html import Gallery, Listing, Notice, Numbers, Page, Picture, Section, Table, Text, picture

SCRIPT = "<script>alert('&')</script>"

pytestmark = pytest.mark.usefixtures("drawn")


def line_chart() -> Picture:
    figure, axes = charts.blank(2, 1)
    axes[0, 0].plot([0, 1])
    return picture(figure, "a line", caption="A line.")


def page_of_all_blocks(text: str = "plain") -> Page:
    blocks = (
        Text(text),
        Numbers(((text, text),)),
        Notice("serious", text, text, (text, text)),
        Notice("note", text, text),
        Listing((text, text)),
        Table((text, "n"), ((text, "1"),), caption=text),
        Picture("data:image/png;base64,AA==", text, text),
        Gallery((line_chart(), line_chart())),
    )
    return Page(text, text, (Section(text, blocks),), subtitle=text, tone="warning", made="2026-01-02 03:04 UTC")


def test_a_page_needs_no_other_file_and_no_network() -> None:
    html = page_of_all_blocks().html()
    assert html.startswith("<!doctype html>")
    assert re.findall(r'(?:src|href)="(?!data:image/)', html) == []
    assert not re.search(r"https?:|@import|url\(|<script|<link|<iframe", html)


def test_every_text_is_escaped() -> None:
    html = page_of_all_blocks(SCRIPT).html()
    assert "<script" not in html
    assert html.count("&lt;script&gt;") >= 14


def test_backticks_set_code() -> None:
    assert "by <code>a&lt;b</code>." in page_of_all_blocks("by `a<b`.").html()
    assert "a ` alone" in page_of_all_blocks("a ` alone").html()


def test_the_same_page_has_the_same_bytes() -> None:
    assert page_of_all_blocks().html() == page_of_all_blocks().html()
    assert line_chart() == line_chart()


def test_a_picture_is_a_data_uri() -> None:
    uri = line_chart().uri
    assert uri.startswith("data:image/svg+xml;base64,")
    assert b"<svg" in base64.b64decode(uri.split(",")[1])
    figure, _ = charts.blank(1, 1)
    assert picture(figure, "", image_format="png").uri.startswith("data:image/png;base64,iVBOR")


@pytest.mark.parametrize(
    ("cells", "number"),
    [
        (["1", "-2.5 dB", "98.1%", "1,000", "+3e-5", "44100 Hz"], True),
        (["1", "two"], False),
        (["2 of 3"], False),
        (["a.wav"], False),
        ([""], False),
    ],
)
def test_columns_of_numbers_are_recognised(cells: list[str], *, number: bool) -> None:
    table = Table(("x",), tuple((cell,) for cell in cells))
    assert table.is_number == (number,)


def test_the_verdict_comes_first() -> None:
    html = Page("title", "the answer", (Section("first", (Text("text"),)),)).html()
    assert html.index("the answer") < html.index("<main>") < html.index("first")


def test_a_page_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    page_of_all_blocks("é").save(tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == page_of_all_blocks("é").html()
    with pytest.raises(OutputError, match="folder"):
        page_of_all_blocks().save(tmp_path / "missing" / "page.html")

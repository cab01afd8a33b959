"""The page of an inspection shows what was found, and opens with a verdict."""

from pathlib import Path

from auricle.datasets.dataset import Dataset
from auricle.inspection.findings import Finding
from auricle.inspection.inspect import inspect
from auricle.inspection.report import build_report, verdict_of


def test_a_page_shows_what_was_found(sounds: Path) -> None:
    page = build_report(inspect(Dataset.load(sounds)))
    assert page.tone == "serious"
    assert [section.title for section in page.sections][:2] == ["What was found", "What it holds"]
    html = page.html()
    assert "Mend this before you train: duplicates across a split." in html
    assert html.count("<figure>") == 2 + 2  # balance, measures, and an example of each class


def test_the_verdict_is_the_worst_of_the_findings() -> None:
    serious, warning, note = (Finding(f"a {severity}", severity, "") for severity in ("serious", "warning", "note"))
    assert verdict_of(()) == ("good", "Nothing was found that would make a score untrue.")
    assert verdict_of([note])[0] == "good"
    assert verdict_of([warning, note]) == ("warning", "A score on this data can mislead. Look at: a warning.")
    assert verdict_of([serious, warning]) == (
        "serious",
        "Mend this before you train: a serious. Beside that, look at: a warning.",
    )

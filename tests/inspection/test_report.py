"""The page of an inspection shows the findings, and opens with a verdict."""

from pathlib import Path

import pytest

from auricle.datasets.dataset import Dataset
from auricle.inspection.findings import Finding
from auricle.inspection.inspect import inspect
from auricle.inspection.report import build_report, verdict_of


@pytest.mark.usefixtures("drawn")
def test_page_shows_the_findings(sounds: Path) -> None:
    page = build_report(inspect(Dataset.load(sounds)))
    assert page.tone == "serious"
    assert [section.title for section in page.sections][:2] == [
        "Possible leakage, confounders and recording faults",
        "Contents",
    ]
    html = page.html()
    assert "Fix before training: duplicates across a split." in html
    assert html.count("<figure>") == 2 + 2  # balance, measures, and an example of each class


def test_verdict_is_that_of_the_most_severe_finding() -> None:
    serious, warning, note = (Finding(f"a {severity}", severity, "") for severity in ("serious", "warning", "note"))
    assert verdict_of(()) == ("good", "No leakage or confounders found.")
    assert verdict_of([note])[0] == "good"
    assert verdict_of([warning, note]) == ("warning", "Scores on this data may be misleading. Check: a warning.")
    assert verdict_of([serious, warning]) == (
        "serious",
        "Fix before training: a serious. Also check: a warning.",
    )

"""The report of a training: its verdict, sections, findings and outcomes, in one file."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from auricle.datasets.feature_table import Failure
from auricle.errors import AudioError
from auricle.inspection.findings import Finding
from auricle.inspection.leaks import Leaks
from auricle.reports.html import Page
from auricle.training.learning_curve import LearningCurve
from auricle.training.report import build_report
from auricle.training.train import TrainResult

NO_CURVE = LearningCurve((), None, None, "The learning curve was skipped.")


def titles(page: Page) -> list[str]:
    return [section.title for section in page.sections]


@pytest.fixture(scope="module")
def page(trained_on_states: TrainResult) -> Page:
    return trained_on_states.report


def test_the_verdict_comes_first(page: Page, trained_on_states: TrainResult) -> None:
    assert page.verdict.startswith(trained_on_states.bundle.manifest.verdict)
    assert titles(page)[:3] == ["Data and score", "Next steps", "Possible leakage and confounders"]


def test_it_is_one_file(page: Page, tmp_path: Path) -> None:
    page.save(tmp_path / "report.html")
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert re.findall(r'(?:src|href)="(?!data:image/)', html) == []
    assert html.count("<img") >= 3


def test_a_classifier_has_sections_by_class_and_on_calibration(page: Page, trained_on_states: TrainResult) -> None:
    assert {"Performance by class", "Calibration (reliability diagram)", "Learning curve"} <= set(titles(page))
    html = page.html()
    for label in trained_on_states.bundle.manifest.classes:
        assert label in html
    assert "Confusion matrix" in html
    size = trained_on_states.bundle.manifest.scores["set_size"]
    assert f"they hold {size:.2f} classes on average" in html


@pytest.mark.usefixtures("drawn")
def test_a_regressor_has_residuals_and_an_interval(trained_on_speeds: TrainResult) -> None:
    page = build_report(trained_on_speeds, NO_CURVE)
    assert "Predicted and true numbers" in titles(page)
    html = page.html()
    assert "residuals against predictions" in html
    assert "The learning curve was skipped." in html
    assert "A prediction comes with an interval of ±" in html


@pytest.mark.usefixtures("drawn")
def test_leaks_are_listed_with_their_files_and_qualify_the_verdict(trained_on_states: TrainResult) -> None:
    file = trained_on_states.dataset.examples[0].file
    leak = Finding("duplicates across a split", "serious", "Two recordings have the same sound.", (file,))
    page = build_report(replace(trained_on_states, leaks=Leaks((leak,), ())), NO_CURVE)
    assert page.verdict.endswith("But do not trust this score yet: duplicates across a split were found in the data.")
    assert page.tone != "good"
    assert f"<li>clips/{file.name}</li>" in page.html()


def test_the_absence_of_leaks_is_stated(trained_on_states: TrainResult) -> None:
    page = build_report(replace(trained_on_states, leaks=Leaks((), ())), NO_CURVE)
    assert "None found: no recording, and no stretch of one, is in two folds" in page.html()


def test_recordings_left_out_are_listed(trained_on_states: TrainResult) -> None:
    failure = Failure(Path("broken.wav"), AudioError("broken.wav: the file is empty (0 bytes)."))
    html = build_report(replace(trained_on_states, failures=(failure,)), NO_CURVE).html()
    assert "broken.wav: the file is empty (0 bytes)." in html


def test_each_candidate_has_its_outcome(trained_on_states: TrainResult) -> None:
    found = trained_on_states.search
    nan = float("nan")
    other = replace(found.trials[0], candidate=replace(found.trials[0].candidate, family="rest"))
    trials = (
        *found.trials,
        replace(other, status="beaten"),
        replace(other, status="selected on"),
        replace(other, status="too dear", score=nan, deviation=nan, fit_s=nan),
        replace(other, status="too dear", score=nan, deviation=nan, fit_s=nan, estimated_s=240.0),
    )
    html = build_report(replace(trained_on_states, search=replace(found, trials=trials)), NO_CURVE).html()
    assert "dropped: clearly behind on the first folds" in html
    assert "not nested, for lack of groups or of budget: its score was selected on" in html
    assert "skipped: the budget was spent" in html
    assert "skipped: would exceed the budget (estimated 4 min)" in html
    assert ">nan<" not in html


def test_a_score_that_was_selected_on_is_marked(trained_on_states: TrainResult) -> None:
    found = replace(trained_on_states.search, is_selected_on=True)
    assert (
        "the choice of the model could not be nested"
        in build_report(replace(trained_on_states, search=found), NO_CURVE).html()
    )


def test_a_model_no_better_than_guessing_has_a_serious_verdict(trained_on_states: TrainResult) -> None:
    bundle = trained_on_states.bundle
    scores = bundle.manifest.scores | {"balanced_accuracy_ci95": [0.1, 0.3]}
    manifest = bundle.manifest.model_copy(update={"scores": scores, "verdict": "Any prose."})
    page = build_report(replace(trained_on_states, bundle=replace(bundle, manifest=manifest)), NO_CURVE)
    assert page.verdict.startswith("Any prose.")
    assert page.tone == "serious"
    assert "Do not use this model." in page.html()


def test_the_treatment_of_mixed_sample_rates_is_stated(trained_on_states: TrainResult) -> None:
    mixture = Finding("sample rates", "note", "Sample rates differ. Training brings all to the lowest, 8000 Hz.")
    html = build_report(replace(trained_on_states, recording_faults=(mixture,)), NO_CURVE).html()
    assert "Training brings all to the lowest, 8000 Hz." in html

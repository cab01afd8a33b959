"""The report of a training says what was found, in one file, to someone who was not there."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from auricle.datasets.feature_table import Failure
from auricle.errors import AudioError
from auricle.inspection.findings import Finding
from auricle.inspection.leaks import Leaks
from auricle.reports.html import Page
from auricle.training.learning_curve import Curve
from auricle.training.report import build_report
from auricle.training.train import TrainResult

NO_CURVE = Curve((), None, None, "Whether more data helps was not measured.")


def titles(page: Page) -> list[str]:
    return [section.title for section in page.sections]


@pytest.fixture(scope="module")
def page(trained_on_states: TrainResult) -> Page:
    return trained_on_states.report


def test_the_verdict_stands_first(page: Page, trained_on_states: TrainResult) -> None:
    assert page.verdict.startswith(trained_on_states.bundle.manifest.verdict)
    assert titles(page)[:3] == ["What was asked, and the answer", "What to do next", "What would make the score untrue"]


def test_it_is_one_file(page: Page, tmp_path: Path) -> None:
    page.save(tmp_path / "report.html")
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert re.findall(r'(?:src|href)="(?!data:image/)', html) == []
    assert html.count("<img") >= 3


def test_a_classifier_shows_classes_and_confidence(page: Page, trained_on_states: TrainResult) -> None:
    assert {"Class by class", "How far its confidence can be believed"} <= set(titles(page))
    html = page.html()
    for label in trained_on_states.bundle.manifest.classes:
        assert label in html
    assert "Confusion matrix" in html
    assert "Is more data worth it?" in html
    size = trained_on_states.bundle.manifest.scores["set_size"]
    assert f"they hold {size:.2f} classes on average" in html


def test_a_regressor_shows_its_residuals(trained_on_speeds: TrainResult) -> None:
    page = build_report(trained_on_speeds, NO_CURVE)
    assert "Answers against the truth" in titles(page)
    html = page.html()
    assert "residuals against answers" in html
    assert "Whether more data helps was not measured." in html
    assert "An answer comes with an interval of ±" in html


def test_leaks_are_named_with_their_files_and_cast_doubt_on_the_verdict(trained_on_states: TrainResult) -> None:
    file = trained_on_states.dataset.examples[0].file
    leak = Finding("duplicates across a split", "serious", "Two recordings have the same sound.", (file,))
    page = build_report(replace(trained_on_states, leaks=Leaks((leak,), ())), NO_CURVE)
    assert page.verdict.endswith("But do not trust this score yet: duplicates across a split were found in the data.")
    assert page.tone != "good"
    assert f"<li>clips/{file.name}</li>" in page.html()


def test_no_leaks_are_said_to_be_none(trained_on_states: TrainResult) -> None:
    page = build_report(replace(trained_on_states, leaks=Leaks((), ())), NO_CURVE)
    assert "Nothing was found: no recording and no stretch of one stands in two folds" in page.html()


def test_what_was_left_out_is_listed(trained_on_states: TrainResult) -> None:
    failure = Failure(Path("broken.wav"), AudioError("broken.wav: the file is empty (0 bytes)."))
    html = build_report(replace(trained_on_states, failures=(failure,)), NO_CURVE).html()
    assert "broken.wav: the file is empty (0 bytes)." in html


def test_what_became_of_each_candidate_is_said(trained_on_states: TrainResult) -> None:
    found = trained_on_states.found
    nan = float("nan")
    other = replace(found.trials[0], candidate=replace(found.trials[0].candidate, family="rest"))
    trials = (
        *found.trials,
        replace(other, fate="beaten"),
        replace(other, fate="selected on"),
        replace(other, fate="too dear", score=nan, deviation=nan, fit_s=nan),
    )
    html = build_report(replace(trained_on_states, found=replace(found, trials=trials)), NO_CURVE).html()
    assert "clearly behind on the first folds, and dropped" in html
    assert "too dear to be nested: its score was selected on" in html
    assert "not tried: the budget was spent" in html
    assert ">nan<" not in html


def test_a_score_that_was_selected_on_is_said_to_be(trained_on_states: TrainResult) -> None:
    found = replace(trained_on_states.found, is_selected_on=True)
    assert (
        "nesting the chosen one was too dear" in build_report(replace(trained_on_states, found=found), NO_CURVE).html()
    )


def test_a_model_no_better_than_guessing_has_a_serious_verdict(trained_on_states: TrainResult) -> None:
    bundle = trained_on_states.bundle
    scores = bundle.manifest.scores | {"balanced_accuracy_ci95": [0.1, 0.3]}
    manifest = bundle.manifest.model_copy(update={"scores": scores, "verdict": "Any prose."})
    page = build_report(replace(trained_on_states, bundle=replace(bundle, manifest=manifest)), NO_CURVE)
    assert page.verdict.startswith("Any prose.")
    assert page.tone == "serious"
    assert "Do not use this model." in page.html()


def test_what_was_done_about_mixtures_is_said(trained_on_states: TrainResult) -> None:
    mixture = Finding("sample rates", "note", "Sample rates differ. Training brings all to the lowest, 8000 Hz.")
    html = build_report(replace(trained_on_states, condition=(mixture,)), NO_CURVE).html()
    assert "Training brings all to the lowest, 8000 Hz." in html

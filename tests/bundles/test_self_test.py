from dataclasses import replace

import numpy as np
import pytest

from auricle.bundles import self_test
from auricle.bundles.bundle import Bundle, Golden
from auricle.bundles.graph import Graph
from auricle.errors import BundleError


def check(bundle: Bundle, golden: Golden) -> None:
    self_test.check(replace(bundle, golden=golden), bundle.features(), Graph(bundle.graph))


@pytest.fixture(params=["states", "speeds"])
def bundle(request: pytest.FixtureRequest) -> Bundle:
    trained: Bundle = request.getfixturevalue(f"trained_on_{request.param}").bundle
    return trained


def test_an_intact_bundle_passes(bundle: Bundle) -> None:
    check(bundle, bundle.golden)
    assert len(bundle.golden.windows) == 3


def test_a_difference_within_the_tolerance_passes(bundle: Bundle) -> None:
    golden = bundle.golden
    check(bundle, replace(golden, answers=golden.answers + np.float32(0.5 * self_test.TOLERANCE)))


@pytest.mark.parametrize("change", [0.01, -0.01, np.nan, np.inf])
def test_a_changed_row_is_refused(bundle: Bundle, change: float) -> None:
    rows = bundle.golden.rows.copy()
    rows[1, 7] += change * max(1.0, abs(rows[1, 7]))
    with pytest.raises(BundleError, match=rf"^{bundle.id.split('@')[0]}@.*every golden window's row must be within"):
        check(bundle, replace(bundle.golden, rows=rows))


@pytest.mark.parametrize("change", [0.01, -0.01, np.nan])
def test_a_changed_output_is_refused(bundle: Bundle, change: float) -> None:
    answers = bundle.golden.answers.copy()
    answers[2, 0] += change * max(1.0, abs(answers[2, 0]))
    with pytest.raises(BundleError, match=r"every golden window's output must be within 0\.0001"):
        check(bundle, replace(bundle.golden, answers=answers))


def test_a_changed_window_is_refused(bundle: Bundle) -> None:
    first, *others = bundle.golden.windows
    with pytest.raises(BundleError, match="every golden window's row"):
        check(bundle, replace(bundle.golden, windows=(0.9 * first, *others)))


@pytest.mark.parametrize("window", [np.zeros(10), np.full(1600, np.nan), np.zeros((2, 1600))])
def test_a_window_without_a_row_is_refused(bundle: Bundle, window: np.ndarray) -> None:
    golden = replace(bundle.golden, windows=(window.astype(np.float32), *bundle.golden.windows[1:]))
    with pytest.raises(BundleError, match=r"@.*: every golden window must give a row\. "):
        check(bundle, golden)


def test_a_bundle_without_golden_windows_is_refused(bundle: Bundle) -> None:
    none = Golden((), bundle.golden.rows[:0], bundle.golden.standard[:0], bundle.golden.answers[:0])
    with pytest.raises(BundleError, match="must hold golden windows for its self-test"):
        check(bundle, none)


def test_shapes_must_fit(bundle: Bundle) -> None:
    golden = bundle.golden
    for wrong in (
        replace(golden, windows=golden.windows[:-1]),
        replace(golden, rows=golden.rows[:, :-1]),
        replace(golden, standard=golden.standard[:, :-1]),
        replace(golden, answers=np.hstack([golden.answers, golden.answers])),
        replace(golden, answers=golden.answers.ravel()),
    ):
        with pytest.raises(BundleError, match="must fit each other"):
            check(bundle, wrong)
    beyond = replace(bundle.novelty, columns=bundle.novelty.columns + len(bundle.manifest.standard.columns))
    with pytest.raises(BundleError, match="novelty must read columns of the standard row"):
        check(replace(bundle, novelty=beyond), golden)


def test_a_graph_of_the_other_task_is_refused(trained_on_states, trained_on_speeds) -> None:
    bundle, other = trained_on_states.bundle, trained_on_speeds.bundle
    with pytest.raises(BundleError, match="must fit each other"):
        check(replace(bundle, graph=other.graph), bundle.golden)


def test_a_classifier_must_have_as_many_classes_as_outputs(trained_on_states) -> None:
    bundle = trained_on_states.bundle
    fewer = replace(bundle, manifest=bundle.manifest.model_copy(update={"classes": bundle.manifest.classes[:-1]}))
    with pytest.raises(BundleError, match="must fit each other"):
        check(fewer, fewer.golden)

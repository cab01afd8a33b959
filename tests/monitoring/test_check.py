"""One check of a model: verdicts, notes, JSON, and refusals."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from auricle.errors import DataError, UsageError
from auricle.monitoring.check import as_json, check
from auricle.monitoring.performance.estimated_performance import ASSUMPTION
from auricle.monitoring.performance.measured_performance import PeriodScore
from auricle.monitoring.sources.sample import Sample
from auricle.monitoring.verdict import Persistence

pytest.importorskip("river")
NOW = datetime(2026, 12, 1, tzinfo=UTC)


def checked(reference, window, **options):
    return check(reference, window, model_rate_hz=16_000, now=NOW, **options)


def test_check_without_drift_is_ok(make_sample):
    found = checked(make_sample(300), make_sample(120, 1))
    assert found.verdict.state == "ok"
    assert found.causes == ()
    assert "No drift detected in 120 recordings" in found.verdict.sentence


@pytest.mark.parametrize("n", [0, 12, 49])
def test_few_recordings_are_never_ok(n, make_sample):
    found = checked(make_sample(300), make_sample(n, 1))
    assert found.verdict.state == "watch"
    assert found.verdict.sentence.startswith(f"Not enough yet: {n} of 50 recordings.")
    assert found.drift is None
    json.dumps(found.as_json(), allow_nan=False)


def test_small_reference_is_never_ok(make_sample):
    found = checked(make_sample(8), make_sample(100, 1))
    assert found.verdict.state == "watch"
    assert "trained on 8 recordings, too few to compare with" in found.verdict.sentence


def test_check_is_valid_json_and_reproducible(make_sample):
    reference, window = make_sample(200), make_sample(150, 1, shifted={"level_db": -12.0})
    one, two = checked(reference, window), checked(reference, window)
    result = one.as_json()
    assert json.loads(json.dumps(result, allow_nan=False)) == two.as_json()
    assert result["verdict"] == "alarm"
    assert result["causes"][0]["kind"] == "level"
    assert {"columns", "row", "kinds", "unknown", "classes", "places", "places_not_tested"} == result["drift"].keys()


def test_alarm_persists_over_checks(make_sample):
    reference, window = make_sample(200), make_sample(150, 1, shifted={"level_db": -12.0})
    first = checked(reference, window, persistence=Persistence(2, 3))
    assert (first.verdict.state, first.verdict.found) == ("watch", "alarm")
    second = checked(reference, window, earlier=[first.verdict.found], persistence=Persistence(2, 3))
    assert second.verdict.state == "alarm"


def test_single_group_is_a_warning_only(make_sample):
    rng = np.random.default_rng(0)
    reference = make_sample(300)
    rows = reference.rows + np.repeat(rng.normal(size=(30, 6)) * 3, 10, axis=0).astype(np.float32)
    reference = replace(reference, rows=rows, groups=np.repeat(np.arange(30), 10).astype(str))
    window = make_sample(150, 1)
    window = replace(window, rows=window.rows + rng.normal(size=6).astype(np.float32) * 3, groups=np.full(150, "mic"))
    found = checked(reference, window)
    assert found.verdict.state == "watch"
    assert "Not an alarm: all of it comes from one source, so this may be that source alone." in found.verdict.sentence


def two_kinds_of_room(sample):
    """Give a sample six speakers, half of whom sit in a quieter room."""
    speaker = np.arange(len(sample)) % 6
    quality = sample.quality.copy()
    quality[:, 0] -= 10.0 * (speaker % 2)
    return replace(sample, quality=quality, groups=speaker.astype(str))


def test_one_key_for_all_gives_the_same_verdict_as_a_folder(make_sample):
    """A log with one key is one group, and says nothing about sources; nor does a folder."""
    reference = two_kinds_of_room(make_sample(300))
    times = np.datetime64("2026-03-01", "us") + np.arange(150) * np.timedelta64(10, "s")
    for shift_db, state in ((-35.0, "alarm"), (-6.0, "watch"), (0.0, "ok")):
        folder = two_kinds_of_room(make_sample(150, 1, shifted={"level_db": shift_db}))
        folder = replace(folder, groups=folder.ids)
        log = replace(folder, groups=np.full(150, ""), times=times)
        found = [checked(reference, window) for window in (folder, log)]
        assert [one.verdict.state for one in found] == [state, state]
        assert [[cause.kind for cause in one.causes] for one in found] == [["level"] * (state != "ok")] * 2
    assert found[0].units.n == 150
    assert found[1].units.n == 25
    assert "they count as 25 blocks of 6 that follow each other (about 60 seconds)." in found[1].notes[0]


def test_a_change_within_the_sources_of_training_is_named_and_doubted(make_sample):
    window = replace(make_sample(150, 1, shifted={"level_db": -10.0}), groups=np.full(150, ""))
    found = checked(two_kinds_of_room(make_sample(300)), window)
    assert found.verdict.state == "watch"
    assert found.verdict.sentence.startswith("Level fell by ")
    assert "the 6 sources of the training data differ as much among each other" in found.verdict.sentence


def test_places_that_always_differed_are_compared_with_themselves(make_sample):
    window, reference = (
        replace(two_kinds_of_room(sample), metadata={"room": np.array(["a", "b"])[np.arange(len(sample)) % 2]})
        for sample in (make_sample(200, 1), make_sample(300))
    )
    assert checked(reference, window, by="room").verdict.state == "ok"
    new = checked(replace(reference, metadata={}), window, by="room")
    assert new.verdict.state == "ok"
    assert "Not tested: 'a', 'b' have nothing to be compared with" in new.notes[-1]
    assert "or the model was trained before such columns were kept." in new.notes[-1]
    assert new.as_json()["drift"]["places_not_tested"] == {"new": ["a", "b"], "small": 0, "beyond_limit": 0}


def test_wrong_clocks_are_noted_and_ignored(make_sample):
    times = np.datetime64("2026-03-01", "us") + np.arange(100) * np.timedelta64(1, "h")
    times[:3] = np.datetime64("2099-01-01")
    times[3] = np.datetime64("1970-01-01")
    found = checked(make_sample(200), make_sample(100, 1, times=times))
    assert found.verdict.state == "ok"
    assert found.notes[0].startswith("4 recordings have a time in the future or before 2000, by a wrong clock")
    assert found.last == datetime(2026, 3, 5, 3, tzinfo=UTC)


def test_wrong_labels_alone_are_an_alarm(make_sample):
    window = make_sample(200, 1)
    found = checked(make_sample(300), replace(window, truth=np.where(np.arange(200) % 2 == 0, "cow", window.truth)))
    assert found.verdict.state == "alarm"
    assert found.verdict.sentence.startswith("Accuracy is 0.")


@pytest.mark.parametrize("rate", [0.0, 1.0, -1.0])
def test_invalid_rate_is_refused(rate, make_sample):
    with pytest.raises(UsageError, match="The rate of false alarms must lie between 0 and 1"):
        checked(make_sample(50), make_sample(50, 1), rate=rate)


def test_unknown_by_column_is_refused(make_sample):
    with pytest.raises(UsageError, match="There is no 'site'; there are none"):
        checked(make_sample(60), make_sample(60, 1), by="site")


def test_samples_of_two_models_are_refused(make_sample):
    window = replace(make_sample(60, 1), classes=("cat", "cow", "owl"))
    with pytest.raises(UsageError, match="must be of one model"):
        checked(make_sample(60), window)


def test_arrays_of_different_lengths_are_refused(make_sample):
    with pytest.raises(DataError, match=r"must describe the same 60 recordings\. Got novelty \(59,\)"):
        make_sample(60, novelty=np.zeros(59, np.float32))


def numbers(n, seed, *, wrong_by=0.0):
    """Return a sample with regression predictions."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=n)
    nat, ids = np.full(n, np.datetime64("NaT", "us")), np.array([f"{seed}-{i}" for i in range(n)])
    return Sample(
        model="speed@0123456789ab",
        classes=(),
        columns=("a", "b"),
        ids=ids,
        times=nat,
        groups=ids,
        rows=rng.normal(size=(n, 2)).astype(np.float32),
        quality=rng.normal(size=(n, 15)).astype(np.float32),
        outputs=(truth + 0.1 * rng.normal(size=n) + wrong_by)[:, None].astype(np.float32),
        novelty=rng.random(n).astype(np.float32),
        unknown=np.zeros(n, bool),
        rates_hz=np.full(n, 16_000),
        truth=truth,
        label_times=nat,
    )


def test_regression_is_checked():
    assert checked(numbers(300, 0), numbers(200, 1)).verdict.state == "ok"
    found = checked(numbers(300, 0), numbers(200, 1, wrong_by=2.0))
    assert found.verdict.state == "alarm"
    assert "answer from" in found.causes[0].sentence
    assert "The mean absolute error is " in found.verdict.sentence
    json.dumps(found.as_json(), allow_nan=False)


def test_infinite_interval_is_null_in_json(make_sample):
    """Labels of a single group leave an interval without ends, over time too."""
    window = make_sample(80, 1)
    found = checked(make_sample(300), replace(window, groups=np.full(80, "one")))
    json.dumps(found.as_json(), allow_nan=False)
    period = PeriodScore(None, None, n=20, value=3.0, interval=(-np.inf, np.inf))
    assert as_json(period) == {"first": None, "last": None, "n": 20, "value": 3.0, "interval": [None, None]}


def test_estimate_states_its_assumption(make_sample, unlabelled):
    found = checked(make_sample(300), unlabelled(make_sample(60, 1))).as_json()
    assert found["estimate"]["assumption"] == ASSUMPTION
    assert "blind" in ASSUMPTION

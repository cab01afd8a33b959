"""Samples: arrays, subsets, the reference, and times."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import numpy as np
import pytest

from auricle.bundles.bundle import Bundle
from auricle.errors import BundleError, DataError
from auricle.monitoring.sources.sample import reference_sample, to_datetime, to_datetime64


def test_reference_matches_the_profile(states, trained_on_states):
    reference, profile = reference_sample(states.bundle), states.bundle.profile
    assert len(reference) == len(trained_on_states.dataset)
    np.testing.assert_array_equal(reference.rows, profile.rows)
    assert reference.truth.tolist() == profile.chosen_truth.tolist()
    assert reference.is_labelled.all()
    columns = trained_on_states.dataset.examples[0].metadata
    assert columns.keys() == reference.metadata.keys()
    assert [column[0] for column in reference.metadata.values()] == list(columns.values())
    assert reference.is_grouped
    assert reference.is_correct.mean() == pytest.approx((profile.answers.argmax(axis=1) == truth_of(states)).mean())


def truth_of(states):
    return np.searchsorted(states.classes, states.bundle.profile.chosen_truth)


def test_bundle_without_reference_is_refused(states):
    profile = states.bundle.profile
    empty = {name: getattr(profile, name)[:0] for name in ("rows", "quality", "answers", "novelty", "chosen")}
    empty["metadata"] = {}
    bundle: Bundle = replace(states.bundle, profile=replace(profile, **empty))
    with pytest.raises(
        BundleError, match=r"must hold the recordings that live ones are compared with\. This one has none"
    ):
        reference_sample(bundle)


def test_subset_selects_all_arrays(make_sample):
    sample = replace(make_sample(9), metadata={"site": np.arange(9).astype(str)})
    part = sample.subset(np.array([4, 2]))
    assert part.metadata["site"].tolist() == ["4", "2"]
    assert part.ids.tolist() == [sample.ids[4], sample.ids[2]]
    assert part.confidence[0] == sample.confidence[4]


def test_measure_by_name(make_sample):
    assert make_sample(3).measure("level_db").shape == (3,)
    with pytest.raises(ValueError, match="not in tuple"):
        make_sample(3).measure("loudness")


def test_metadata_of_another_length_is_refused(make_sample):
    with pytest.raises(DataError, match=r"metadata site \(2,\)"):
        replace(make_sample(3), metadata={"site": np.array(["a", "b"])})


def test_datetime_round_trip():
    there = timezone(timedelta(hours=2))
    moment = datetime(2026, 3, 1, 14, 30, 0, 5, tzinfo=there)
    assert to_datetime64(moment) == np.datetime64("2026-03-01T12:30:00.000005")
    back = to_datetime(np.datetime64("2026-03-01T12:30:00.000005", "ns"))
    assert back == moment
    assert back.utcoffset() == timedelta(0)
    assert to_datetime(np.datetime64("NaT", "us")) is None

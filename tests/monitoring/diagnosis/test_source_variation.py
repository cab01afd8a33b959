"""Changes within and beyond what the sources of the training data differ among each other."""

from dataclasses import replace

import numpy as np

from auricle.monitoring.diagnosis.causes import Cause
from auricle.monitoring.diagnosis.source_variation import exceeds_source_variation


def of_sources(sample, offsets_db):
    source = np.arange(len(sample)) % len(offsets_db)
    quality = sample.quality.copy()
    quality[:, 0] += np.array(offsets_db)[source]
    return replace(sample, quality=quality, groups=source.astype(str))


def exceeds(reference, cause, window=None):
    return exceeds_source_variation(cause, reference, reference if window is None else window)


def test_a_shift_counts_against_the_sources_in_its_direction(make_sample):
    reference = of_sources(make_sample(300), [0.0, 0.0, -15.0])
    fell, rose = (Cause("level", "", measure="level_db", shift=shift) for shift in (-10.0, 10.0))
    assert not exceeds(reference, fell)
    assert exceeds(reference, rose)
    assert exceeds(reference, replace(fell, shift=-25.0))


def test_a_source_of_few_recordings_says_little(make_sample):
    reference = of_sources(make_sample(300), [0.0, 0.0])
    quality, groups = reference.quality.copy(), reference.groups.copy()
    quality[0, 0] -= 60.0
    groups[0] = "broken"
    assert exceeds(replace(reference, quality=quality, groups=groups), Cause("level", "", "level_db", -12.0))


def test_a_new_kind_of_sound_counts_by_its_share(make_sample):
    reference = of_sources(make_sample(300), [0.0, 0.0, 0.0])
    unknown = reference.groups == "1"
    cause = Cause("new_class", "")
    some = replace(reference, unknown=np.arange(300) % 3 == 0)
    assert exceeds(reference, cause, some)
    assert not exceeds(replace(reference, unknown=unknown), cause, some)


def test_shares_of_classes_and_unexplained_shifts_never_exceed(make_sample):
    reference = of_sources(make_sample(300), [0.0, 0.0])
    for kind in ("classes", "missing_class", "other"):
        assert not exceeds(reference, Cause(kind, ""))

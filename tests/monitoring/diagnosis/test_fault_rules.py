"""Fault rules: shifts of quality measures and the faults that match."""

import pytest

from auricle.bundles.profile import QUALITY_COLUMNS
from auricle.monitoring.diagnosis.fault_rules import FAULT_RULES, QualityShift, match_faults
from auricle.monitoring.drift.feature_drift import FeatureDrift
from auricle.monitoring.verdict import NEXT_STEPS

BEFORE = {"level_db": -20.0, "snr_db": 40.0, "noise_floor_db": -60.0, "bandwidth_hz": 8000.0, "cutoff_db": 20.0}
BEFORE |= {"attack_db": 30.0, "decay_db": 20.0, "hum_db": 4.0}


def moved(*, lower_rate=0.0, significant=True, **by):
    columns = {}
    for name in QUALITY_COLUMNS:
        shift = by.get(name, 0.0)
        before = BEFORE.get(name, 0.0)
        q, effect = (0.001, 2.0) if shift and significant else (0.9, 0.0)
        columns[name] = FeatureDrift(name, gap=0.5, effect=effect, before=before, after=before + shift, p=q, q=q)
    return QualityShift(columns, rate=0.01, lower_rate=lower_rate, rate_hz=(8000, 16_000))


@pytest.mark.parametrize(
    ("kinds", "sentence", "by"),
    [
        ([], "", {}),
        (["level"], "Level fell by 12 dB", {"level_db": -12, "peak_db": -12, "noise_floor_db": -12, "silent": 0.2}),
        (["level", "clipping"], "Level rose by 11 dB", {"level_db": 11, "clipped": 0.02, "noise_floor_db": 15}),
        (["noise"], "Noise rose by 30 dB, to 10 dB below the sound", {"noise_floor_db": 30, "snr_db": -30}),
        (["noise"], "Noise fell by 9 dB, to 49 dB below the sound", {"noise_floor_db": -9, "snr_db": 9}),
        (["hum"], "Mains hum rose by 20 dB", {"hum_db": 20, "noise_floor_db": 30, "snr_db": -28}),
        (["bandwidth"], "No content above 4.6 kHz: a filter", {"bandwidth_hz": -3400, "cutoff_db": 1}),
        (["bandwidth"], "No content above 4.0 kHz: a codec", {"bandwidth_hz": -4000, "cutoff_db": 50}),
        (["codec"], "Spectral holes and no content above", {"holes": 0.1, "bandwidth_hz": -3000}),
        (["sample_rate"], "The sample rate is 8000 Hz", {"bandwidth_hz": -4000, "cutoff_db": 50, "lower_rate": 1.0}),
        (["clipping"], "Clipping: 10.0% of samples", {"flat_topped": 0.1, "noise_floor_db": 14, "snr_db": -13}),
        (
            ["reverberation"],
            "Reverberation: the level falls by",
            {"decay_db": -12, "attack_db": -3, "noise_floor_db": 7, "snr_db": -5},
        ),
        (["noise"], "Noise rose", {"decay_db": -9, "attack_db": -24, "noise_floor_db": 30, "snr_db": -30}),
        (["noise"], "Noise rose", {"decay_db": -5.4, "attack_db": -5.1, "noise_floor_db": 16.8, "snr_db": -5.5}),
        (
            ["reverberation"],
            "Reverberation: the level falls by",
            {"decay_db": -4.6, "attack_db": -2.8, "noise_floor_db": 9, "snr_db": -10},
        ),
        (["dc"], "DC offset of 2.0%", {"dc": 0.02}),
        (
            ["dropouts"],
            "Dropouts: 2.0 interruptions per second",
            {"dropouts": 2.0, "silent": 0.2, "noise_floor_db": -60},
        ),
        (["silence"], "Silence: 30% of a recording", {"silent": 0.3}),
    ],
)
def test_shift_matches_faults(kinds, sentence, by):
    faults = match_faults(moved(**by))
    assert [fault.kind for fault in faults] == kinds
    assert [fault.description.startswith(sentence) for fault in faults[:1]] == [True] * bool(kinds)


def test_insignificant_shift_matches_no_fault():
    assert match_faults(moved(significant=False, level_db=-12, noise_floor_db=30, snr_db=-30)) == ()


def test_every_fault_has_a_next_step():
    assert FAULT_RULES.keys() <= NEXT_STEPS.keys()
    assert all(explained_by <= FAULT_RULES.keys() for _, explained_by in FAULT_RULES.values())

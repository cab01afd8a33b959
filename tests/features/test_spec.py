from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from auricle.errors import UsageError
from auricle.features.spec import FeatureSpec, default_spec, standard_spec


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"fmax_hz": 12_000}, r"`fmax_hz` must be at most 11025 \(half of 22050 Hz\)\. Got 12000\. Lower it or raise"),
        ({"fmin_hz": 5000, "fmax_hz": 4000}, r"`fmin_hz` must be below `fmax_hz` \(4000\)\. Got 5000"),
        ({"fmin_hz": float("nan")}, "`fmin_hz` must be a finite number. Got nan"),
        ({"n_mels": 400, "n_fft": 512}, r"bin of the spectrum \(43\.07 Hz wide\)\. \d+ of 400 bands are empty"),
        ({"n_mfcc": 200}, r"`n_mfcc` must be at most `n_mels` \(128\)\. Got 200"),
        ({"hop": 0}, "`hop` must be greater than or equal to 1. Got 0"),
        ({"rate_hz": "fast"}, "`rate_hz` must be a valid integer.* Got 'fast'"),
        ({"window_s": 0.01}, r"`window_s` must hold at least one frame \(2048 samples, 0\.09288 s\)\. Got 0\.01"),
        ({"window_s": -1.0}, "`window_s` must be greater than 0. Got -1"),
        ({"features": ("mfc",)}, "`features` must be among mfcc, .*, modulation. Got 'mfc'"),
        ({"features": ()}, r"`features` must name at least one of mfcc, .* Got \[\]"),
        ({"statistics": ("mean", "mean")}, "`statistics` must name at least one of mean, .*, each once"),
        ({"part_statistics": ("p50", "median")}, "`part_statistics` must be among mean, .*slope, rise. Got 'median'"),
        ({"mel_scale": "bark"}, "`mel_scale` must be 'slaney' or 'htk'. Got 'bark'"),
        (
            {"features": ("contrast",), "n_fft": 64, "n_mels": 8, "n_mfcc": 4},
            "Each octave band of `contrast` must hold",
        ),
        ({"n_ftt": 512}, "`n_ftt` is not a setting of FeatureSpec. Known: rate_hz, n_fft, hop"),
    ],
)
def test_setting_out_of_range_raises(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        FeatureSpec(**settings)


def test_nested_spec_raises_the_same_error() -> None:
    class Outer(BaseModel):
        spec: FeatureSpec

    with pytest.raises(UsageError, match="`hop` must be greater"):
        Outer.model_validate({"spec": {"hop": 0}})


specs = st.builds(
    FeatureSpec,
    rate_hz=st.sampled_from([8000, 16_000, 44_100]),
    n_fft=st.sampled_from([512, 1000, 1024, 2048]),
    hop=st.integers(1, 1000),
    n_mels=st.integers(20, 32),
    fmin_hz=st.floats(0, 100),
    window_s=st.none() | st.floats(0.5, 10),
    features=st.sampled_from([("mfcc",), ("rms", "zcr"), ("mel", "modulation")]),
    parts=st.integers(1, 4),
)


@given(spec=specs)
def test_json_round_trip_keeps_the_fingerprint(spec: FeatureSpec) -> None:
    again = FeatureSpec.model_validate_json(spec.model_dump_json())
    assert again == spec
    assert again.fingerprint() == spec.fingerprint()
    assert len(spec.fingerprint()) == 64


@given(spec=specs, other=specs)
def test_different_specs_have_different_fingerprints(spec: FeatureSpec, other: FeatureSpec) -> None:
    assert (spec == other) == (spec.fingerprint() == other.fingerprint())


@given(spec=specs)
def test_windows_lie_on_the_frame_grid(spec: FeatureSpec) -> None:
    assert spec.window_hop_samples % spec.hop == 0
    assert spec.window_hop_samples >= spec.hop
    if spec.window_samples is not None:
        assert spec.window_hop_samples <= max(spec.window_samples, spec.hop)


def test_n_frames_counts_whole_frames() -> None:
    spec = FeatureSpec(n_fft=1024, hop=256)
    assert [spec.n_frames(n) for n in (0, 1023, 1024, 1279, 1280, 10_240)] == [0, 0, 1, 1, 2, 37]


def test_a_window_hop_is_rounded_to_frames() -> None:
    spec = FeatureSpec(rate_hz=16_000, n_fft=512, hop=160, n_mels=40, window_s=1.0, window_hop_s=0.333)
    assert spec.window_samples == 16_000
    assert spec.window_hop_samples == 33 * 160


def test_a_spec_is_frozen() -> None:
    with pytest.raises(Exception, match="frozen"):
        FeatureSpec().hop = 3


@pytest.mark.parametrize("rate_hz", [2000, 4000, 8000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000, 96_000, 192_000])
def test_default_and_standard_spec_are_valid_at_every_rate(rate_hz: int) -> None:
    chosen, standard = default_spec(rate_hz), standard_spec(rate_hz)
    assert chosen.rate_hz == standard.rate_hz == rate_hz
    assert len(standard.columns) <= 135  # fewer where fewer octaves of contrast fit
    assert standard.n_fft <= chosen.n_fft  # what has a row has a standard row
    if rate_hz >= 8000:
        assert 0.02 <= standard.n_fft / rate_hz <= 0.05


@pytest.mark.parametrize("rate_hz", [1000, 8000, 22_050, 96_000, 250_000, 500_000])
def test_a_spec_of_a_rate_alone_leaves_no_band_empty(rate_hz: int) -> None:
    spec = FeatureSpec(rate_hz=rate_hz)
    assert spec.n_fft >= 2048
    assert spec.hop == spec.n_fft // 4
    assert FeatureSpec(**spec.model_dump()) == spec


def test_a_frame_that_was_given_is_kept() -> None:
    with pytest.raises(UsageError, match="Every mel band must hold a bin"):
        FeatureSpec(rate_hz=250_000, n_fft=2048)

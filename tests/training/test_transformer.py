"""AudioFeatures passes scikit-learn's checks, and gives the rows of the extractor."""

import numpy as np
import pytest
import soundfile
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import estimator_checks_generator

import auricle
from auricle.audio.clip import Clip
from auricle.errors import AudioError, AuricleError, FeatureError, UsageError
from auricle.features.extractor import Extractor
from auricle.features.spec import FeatureSpec

AudioFeatures = auricle.AudioFeatures

SMALL = FeatureSpec(rate_hz=8000, n_fft=256, hop=128, n_mels=16, n_mfcc=8, features=("mfcc", "mel"))


class Series:
    """A series of pandas or Polars, as far as it is asked."""

    def __init__(self, values):
        self.values = np.empty(len(values), object)
        self.values[:] = values

    @property
    def shape(self):
        return self.values.shape

    def to_numpy(self):
        return self.values


class Frame(Series):
    """A frame of pandas or Polars, as far as it is asked."""

    def __init__(self, values):
        self.columns, columns = tuple(values), [np.array(column, object) for column in values.values()]
        self.values = np.stack(columns, axis=1)


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    folder, rng = tmp_path_factory.mktemp("recordings"), np.random.default_rng(1)
    files, labels = [], []
    for number in range(24):
        label = number % 2
        tone = np.sin(2 * np.pi * (400 + 1500 * label) * np.arange(4000) / 8000)
        files.append(str(folder / f"{number}.wav"))
        soundfile.write(files[-1], 0.2 * tone + rng.normal(0, 0.05, 4000), 8000)
        labels.append(("low", "high")[label])
    return files, labels


@pytest.mark.parametrize(
    ("estimator", "check"),
    # One check asks for the array API, which scikit-learn skips unless SCIPY_ARRAY_API is set; none is left out here.
    [
        pytest.param(*pair, id=getattr(pair[1], "func", pair[1]).__name__)
        for pair in estimator_checks_generator(AudioFeatures())
    ],
)
def test_it_passes_scikit_learns_own_checks(estimator, check):
    check(estimator)


def test_paths_clips_and_arrays_give_the_same_rows(recordings):
    files, _ = recordings
    clips = [auricle.read(file) for file in files]
    arrays = np.stack([clip.samples for clip in clips])
    by_path = AudioFeatures().fit_transform(files)
    np.testing.assert_array_equal(by_path, AudioFeatures().fit_transform(clips))
    np.testing.assert_array_equal(by_path, AudioFeatures(rate_hz=8000).fit_transform(arrays))
    np.testing.assert_array_equal(by_path, AudioFeatures(workers=1).fit(files).transform(np.array(files)))


def test_rows_are_the_extractors(recordings):
    files, _ = recordings
    rows = AudioFeatures(SMALL).fit_transform(files)
    np.testing.assert_array_equal(rows, Extractor(SMALL).rows([auricle.read(file) for file in files]))


def test_columns_have_names(recordings):
    files, _ = recordings
    features = AudioFeatures(SMALL).fit(files)
    assert list(features.get_feature_names_out()) == list(SMALL.columns)
    assert features.transform(files).shape == (24, len(SMALL.columns))


def test_it_works_in_pipelines_searches_and_clones(recordings):
    files, labels = recordings
    pipeline = clone(make_pipeline(AudioFeatures(), RandomForestClassifier(10, random_state=0)))
    assert pipeline.fit(files[:16], labels[:16]).score(files[16:], labels[16:]) == 1.0
    other = SMALL.model_copy(update={"features": ("mel",)})
    search = GridSearchCV(
        make_pipeline(AudioFeatures(SMALL), LogisticRegression()), {"audiofeatures__spec": [SMALL, other]}, cv=3
    )
    assert search.fit(files, labels).best_score_ == 1.0


def test_the_lowest_rate_is_chosen():
    clips = [Clip(np.ones(44_100, np.float32), 44_100), Clip(np.ones(16_000, np.float32), 16_000)]
    assert AudioFeatures().fit(clips).spec_.rate_hz == 16_000
    assert AudioFeatures().fit(clips[:1]).spec_.rate_hz == 22_050


def test_a_spec_for_windows_still_gives_one_row_a_recording(recordings):
    files, _ = recordings
    windowed = FeatureSpec(**{**SMALL.model_dump(), "window_s": 0.1})
    assert len(AudioFeatures(windowed).fit_transform(files)) == len(files)


def test_what_cannot_be_read_is_said(recordings, tmp_path):
    files, _ = recordings
    (tmp_path / "prose.wav").write_text("only prose, and quite a lot of it, that was named so")
    with pytest.raises(AudioError, match=r"prose\.wav"):
        AudioFeatures(SMALL).fit(files).transform([str(tmp_path / "prose.wav")])
    with pytest.raises(FeatureError):
        AudioFeatures(SMALL).fit(files).transform([Clip(np.ones(100, np.float32), 8000)])


@pytest.mark.parametrize(
    "hold",
    [
        tuple,
        np.array,
        lambda files: np.array(files, dtype=object),
        lambda files: np.array(files)[:, None],
        lambda files: [[file] for file in files],
        Series,
        lambda files: Frame({"file": files}),
        lambda files: Series([auricle.read(file) for file in files]),
        lambda files: [auricle.read(file).samples for file in files],
        lambda files: Series([auricle.read(file).samples for file in files]),
        lambda files: [auricle.read(files[0]), *files[1:-1], auricle.read(files[-1]).samples],
    ],
)
def test_recordings_come_in_any_container(hold, recordings):
    files = recordings[0][:3]
    expected = AudioFeatures(SMALL).fit_transform(files)
    np.testing.assert_array_equal(AudioFeatures(SMALL, rate_hz=8000).fit_transform(hold(files)), expected)


def test_arrays_of_different_lengths_are_a_row_each():
    sounds = [np.random.default_rng(n).normal(0, 0.1, n).astype(np.float32) for n in (2000, 3000, 4000)]
    ragged = np.empty(3, object)
    ragged[:] = sounds
    expected = Extractor(SMALL).rows([Clip(sound, 8000) for sound in sounds])
    features = AudioFeatures(SMALL, rate_hz=8000).fit(sounds)
    for held in (sounds, tuple(sounds), ragged, Series(sounds)):
        np.testing.assert_array_equal(features.transform(held), expected)
    # What was fitted on arrays of one length takes those of another, because each is a recording.
    np.testing.assert_array_equal(features.fit(sounds[:1]).transform(sounds[2:]), expected[2:])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (None, r"`X` must be a list, series, .* Got NoneType"),
        (3, "Got int"),
        ("a.wav", r"Got str. Put a single recording into a list"),
        (Clip(np.ones(300, np.float32), 8000), "Got Clip"),
        ({"file": "a.wav"}, "Got dict"),
        ([], "at least one recording"),
        (["a.wav", None], r"row 1: a recording must be a path, .* Got NoneType"),
        (Series(["a.wav", float("nan")]), r"row 1: .* Got float"),
        (Frame({"file": ["a.wav"], "site": ["x"]}), r"one column .* Got a frame of 'file', 'site'"),
        ([np.zeros((2, 300)), "a.wav"], r"row 0: .* Got ndarray"),
        ([object()], r"row 0: .* Got object"),
    ],
)
def test_other_types_get_a_sentence(wrong, message):
    with pytest.raises(UsageError, match=message):
        AudioFeatures(SMALL).fit(wrong)


@pytest.mark.parametrize(
    "X", [[np.zeros(3000, np.int16)] * 2, np.zeros((2, 3000), np.int16), np.zeros((2, 3000), np.uint8)]
)
def test_integers_are_refused_alike(X) -> None:
    with pytest.raises(AuricleError, match=r"[Ss]amples must be floating point, .* for int16 by 32768"):
        AudioFeatures(rate_hz=8000).fit_transform(X)

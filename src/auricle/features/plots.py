"""Figures of one recording: waveform, STFT, log-mel and MFCC panels, and the saliency of a prediction."""

import math
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from auricle.audio.clip import Clip
from auricle.errors import FeatureError
from auricle.features.filters import mel_filters
from auricle.features.spec import FeatureSpec
from auricle.features.spectrum import log_mel, mfcc, stft
from auricle.reports.charts import take_literally
from auricle.runtime import files

__all__ = ["SUFFIXES", "draw", "draw_saliency", "label_bands", "picture_spec", "save"]


SUFFIXES = frozenset({".png", ".svg", ".pdf"})

_RANGE_DB = 80.0
_AUDIBLE_DB = 60.0


def picture_spec(rate_hz: int) -> FeatureSpec:
    """Return a detailed spec: frames of about 46 ms that overlap by three quarters, and up to 128 mel bands."""
    n_fft = max(512, 1 << round(math.log2(0.046 * rate_hz)))
    return FeatureSpec(rate_hz=rate_hz, n_fft=n_fft, hop=n_fft // 4, n_mels=min(128, n_fft // 16))


def draw(clip: Clip, spec: FeatureSpec) -> Figure:
    """Draw a clip at the rate of the spec, five panels over one time axis.

    Levels span 80 dB below the loudest; phase is drawn within 60 dB of it, elsewhere it is noise.

    Raises
    ------
    FeatureError : fewer samples than one frame
    """
    spectrum = stft(clip.samples, spec)
    levels_db = 20.0 * np.log10(np.maximum(np.abs(spectrum), 1e-10))
    peak_db = float(levels_db.max())
    phase = np.ma.masked_where(levels_db < peak_db - _AUDIBLE_DB, np.angle(spectrum))
    mel_db = log_mel(clip.samples, spec)
    coefficients = mfcc(clip.samples, spec)

    figure = Figure(figsize=(11, 13), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(f"{Path(clip.source).name}   {clip.duration_s:.2f} s at {clip.rate_hz} Hz", fontsize=11)
    axes = figure.subplots(5, 1, sharex=True, height_ratios=[1, 1.5, 1.5, 1.5, 1.2])
    start_s, end_s = clip.start_s, clip.start_s + clip.duration_s
    time_s = start_s + np.arange(clip.samples.size) / clip.rate_hz
    axes[0].plot(time_s, clip.samples, linewidth=0.5, color="#1f4e79")
    axes[0].set(ylabel="amplitude", title="waveform", xlim=(start_s, end_s))
    axes[0].grid(alpha=0.25)

    # Each frame is drawn as wide as a hop, about the middle of its samples.
    first_s = start_s + (spec.n_fft - spec.hop) / 2 / spec.rate_hz
    last_s = first_s + len(spectrum) * spec.hop / spec.rate_hz

    def image(row: int, values: NDArray[Any], top: float, title: str, unit: str, ylabel: str, **look: Any) -> None:
        drawn = axes[row].imshow(
            values.T, origin="lower", aspect="auto", extent=(first_s, last_s, 0, top), interpolation="nearest", **look
        )
        axes[row].set(title=title, ylabel=ylabel)
        figure.colorbar(drawn, ax=axes[row], label=unit, pad=0.01)

    top_khz = spec.rate_hz / 2000
    image(1, levels_db, top_khz, "STFT magnitude", "dB", "kHz", cmap="magma", vmin=peak_db - _RANGE_DB, vmax=peak_db)
    image(2, phase, top_khz, "STFT phase", "radians", "kHz", cmap="twilight", vmin=-np.pi, vmax=np.pi)
    mel_peak_db = float(mel_db.max())
    image(3, mel_db, spec.n_mels, "log-mel", "dB", "Hz", cmap="magma", vmin=mel_peak_db - _RANGE_DB, vmax=mel_peak_db)
    # Scaled without the zeroth coefficient, the level, which is ten times as large as the rest.
    reach = float(np.abs(coefficients[:, 1:]).max()) if spec.n_mfcc > 1 else 1.0
    image(4, coefficients, spec.n_mfcc, "MFCC", "", "coefficient", cmap="RdBu_r", vmin=-reach, vmax=reach)
    label_bands(axes[3], spec)
    axes[4].set_xlabel("time in s")
    return figure


def label_bands(axis: Axes, spec: FeatureSpec) -> None:
    """Label the frequency axis of an image of mel bands in Hz, at octaves."""
    weights = mel_filters(spec)
    centres_hz = (weights @ np.arange(weights.shape[1])) / weights.sum(axis=1) * spec.rate_hz / spec.n_fft
    # Below 500 Hz the mel scale is linear, and labels at octaves would overlap.
    octaves = [hz for hz in (250.0, *500.0 * 2.0 ** np.arange(8)) if centres_hz[0] <= hz <= centres_hz[-1]]
    axis.set_yticks(np.interp(octaves, centres_hz, np.arange(spec.n_mels) + 0.5), [f"{hz:g}" for hz in octaves])


def save(figure: Figure, path: str | Path) -> None:
    """Write a figure atomically, in the format of the path's suffix.

    Raises
    ------
    OutputError : the path cannot be written
    """
    take_literally(figure)
    with files.atomic_file(path) as stream:
        figure.savefig(stream, format=Path(path).suffix[1:].lower(), dpi=110)


def draw_saliency(
    image: NDArray[np.float32],
    saliency: NDArray[np.float32],
    spec: FeatureSpec,
    *,
    source: str,
    prediction: str,
    unit: str = "probability",
    start_s: float = 0.0,
) -> Figure:
    """Draw an image, and over it its occlusion map from :func:`~auricle.features.occlusion.explain_sound`.

    Parameters
    ----------
    image : float32, shape (bands, frames), in dB, under ``spec``
    saliency : float32, shape (bands, frames)
        Loss of the score where the sound is hidden.
    spec : FeatureSpec
        Of the image.
    source, prediction : str
        Name of the recording and the prediction, for the title.
    unit : str
        Unit of ``saliency``.
    start_s : float
        Start of the image in its source.

    Raises
    ------
    FeatureError : ``saliency`` has another shape than ``image``
    """
    if image.shape != saliency.shape:
        raise FeatureError(f"`saliency` must have the image's shape, {image.shape}. Got {saliency.shape}.")
    figure = Figure(figsize=(11, 7), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(f"{Path(source).name}   predicted: {prediction}", fontsize=11)
    axes = figure.subplots(2, 1, sharex=True)
    first_s = start_s + (spec.n_fft - spec.hop) / 2 / spec.rate_hz
    extent = (first_s, first_s + image.shape[1] * spec.hop / spec.rate_hz, 0.0, float(spec.n_mels))
    peak_db = float(image.max())
    levels = {"vmin": peak_db - _RANGE_DB, "vmax": peak_db}
    reach = max(float(np.abs(saliency).max()), 1e-9)
    for axis, colours, title in (
        (axes[0], "magma", "log-mel"),
        (axes[1], "gray", f"saliency: {unit} lost where the sound is hidden"),
    ):
        drawn = axis.imshow(
            image, origin="lower", aspect="auto", extent=extent, interpolation="nearest", cmap=colours, **levels
        )
        axis.set(title=title, ylabel="Hz")
        label_bands(axis, spec)
        if axis is axes[0]:
            figure.colorbar(drawn, ax=axis, label="dB", pad=0.01)
    # Weak saliency is transparent, so that the spectrogram shows through.
    strength = np.clip(np.abs(saliency) / reach, 0.0, 1.0) ** 0.7 * 0.8
    over = axes[1].imshow(
        saliency,
        origin="lower",
        aspect="auto",
        extent=extent,
        interpolation="bilinear",
        cmap="RdBu_r",
        vmin=-reach,
        vmax=reach,
        alpha=strength,
    )
    over.set_rasterized(True)
    figure.colorbar(over, ax=axes[1], label=unit, pad=0.01)
    axes[1].set_xlabel("time in s")
    return figure

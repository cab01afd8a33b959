"""`Embedding`: a frozen pretrained model as a feature block, pooled over the patches of a window."""

import hashlib
from collections.abc import Iterator, Sequence

import numpy as np
import soxr
from numpy.typing import ArrayLike, NDArray

from auricle.errors import FeatureError, ModelError
from auricle.features.embeddings.card import EmbeddingCard, GraphInput, LogMelInput, WaveformInput
from auricle.features.embeddings.onnx_session import Session
from auricle.features.embeddings.patches import centred, log_mel_frames, starts_of
from auricle.features.spec import KERNEL_VERSION
from auricle.kernels.framing import all_within

__all__ = ["Embedding"]

Numbers = NDArray[np.float32]

_MAX_BATCH = 4  # in one call: they and their activations stay in the processor's cache
_MAX_SAMPLE = 1e10  # as for every other feature


class Embedding:
    """A pretrained model that turns a window into the mean and deviation of its patches' embeddings.

    Safe to share between threads, and sent to other processes by its bytes.

    Parameters
    ----------
    card : EmbeddingCard
        Input and output of the model; any hashes in it must match the graphs.
    graphs : sequence of bytes
        The ONNX files, in the order of the card.

    Raises
    ------
    ModelError : a graph that does not load, does not fit the card, or is another file than the card says
    """

    def __init__(self, card: EmbeddingCard, graphs: Sequence[bytes]) -> None:
        self.graphs = tuple(graphs)
        hashes = tuple(hashlib.sha256(graph).hexdigest() for graph in self.graphs)
        if card.sha256 and card.sha256 != hashes:
            raise ModelError(
                f"{card.name}: the graphs must be the files that the card names, by SHA-256 {list(card.sha256)}. "
                f"Theirs are {list(hashes)}. Give the right files, or empty `sha256` in the card."
            )
        if len(self.graphs) != len(card.files):
            raise ModelError(f"{card.name}: the card names {len(card.files)} graphs. Got {len(self.graphs)}.")
        self.card = card.model_copy(update={"sha256": hashes})
        self.name = card.name
        pooled = ("mean", "std", *(f"mean_part{part}" for part in range(1, card.parts + 1) if card.parts > 1))
        self.columns = tuple(f"{card.name}{i:04d}_{what}" for what in pooled for i in range(card.size))
        self._session = Session(self.graphs[-1], card.files[-1], card.output)
        self._front = Session(self.graphs[0], card.files[0]) if isinstance(card.input, GraphInput) else self._session
        self._session.check_shape(_shape_of(card.input))
        self.row(np.zeros(_two_patches(card.input), np.float32), card.rate_hz)  # a mismatch raises here

    def __repr__(self) -> str:
        return f"Embedding({self.card.name!r}, {self.card.size} numbers a patch)"

    def __reduce__(self) -> tuple[type["Embedding"], tuple[EmbeddingCard, tuple[bytes, ...]]]:
        return Embedding, (self.card, self.graphs)

    def fingerprint(self) -> str:
        """Return the SHA-256 of the card, the graphs and the version of the kernels, which determine the values."""
        return hashlib.sha256(f"{KERNEL_VERSION} {self.card.model_dump_json()}".encode()).hexdigest()

    def row(self, samples: ArrayLike, rate_hz: int) -> Numbers:
        """Return the row of one window: float32, shape (len(columns),).

        Means over patches, then deviations, then means over the first, second … part of the patches, which keep order.

        Parameters
        ----------
        samples : float32, shape (n,), n ≥ 1; brought to the card's rate here, and laid in the middle of silence where
            shorter than the card's least
        rate_hz : their rate

        Raises
        ------
        FeatureError : not one channel, no sample, or a sample that is not finite
        ModelError : the graph fails, or gives what the card does not say
        """
        embedded = self.patches(samples, rate_hz).astype(np.float64)
        pooled = [embedded.mean(axis=0), embedded.std(axis=0)]
        if self.card.parts > 1:
            pooled += [embedded[part].mean(axis=0) for part in _parts(len(embedded), self.card.parts)]
        return np.concatenate(pooled).astype(np.float32)

    def patches(self, samples: ArrayLike, rate_hz: int) -> Numbers:
        """Return the embedding of every patch of one window: float32, shape (n_patches, size). Raises as `row`."""
        sound = np.ascontiguousarray(samples, np.float32)
        if sound.ndim != 1 or sound.size == 0:
            raise FeatureError(f"A window must be one channel of samples. Got shape {sound.shape}.")
        if not all_within(sound, _MAX_SAMPLE):
            raise FeatureError(f"Every sample must be finite, and nominally within ±1 (±{_MAX_SAMPLE:g} at most).")
        if rate_hz != self.card.rate_hz:
            sound = soxr.resample(sound, rate_hz, self.card.rate_hz, quality="HQ")
        return np.concatenate([self._embed(batch) for batch in self._batches(sound)])

    def _batches(self, sound: Numbers) -> Iterator[Numbers]:
        """Yield batches of patches as input of the graph; the bits of a patch do not depend on its batch."""
        form = self.card.input
        if isinstance(form, WaveformInput):
            sound = centred(sound, form.patch_samples) * np.float32(form.scale)
            yield from _cut(sound, form.patch_samples, form.patch_hop_samples, 1 if form.axes == "t" else _MAX_BATCH)
        else:
            least = max(form.patch_frames, form.least_frames or 0)
            sound = centred(sound, form.frame_samples + (least - 1) * form.hop)
            frames = self._frames(sound, form)
            if (form.scale, form.shift) != (1.0, 0.0):
                frames = frames * np.float32(form.scale) + np.float32(form.shift)
            yield from _cut(frames, form.patch_frames, form.patch_hop_frames, _MAX_BATCH)

    def _frames(self, sound: Numbers, form: LogMelInput | GraphInput) -> Numbers:
        if isinstance(form, LogMelInput):
            return log_mel_frames(sound, form, self.card.rate_hz)
        given = self._front.run(sound[np.newaxis] * np.float32(form.waveform_scale))
        frames = given.reshape(-1, form.n_bands) if given.size % form.n_bands == 0 else given[:0]
        if len(frames) < form.patch_frames:
            raise ModelError(
                f"{self.card.files[0]}: the card says that {sound.size} samples give {form.patch_frames} frames of "
                f"{form.n_bands} numbers at least. They give {given.shape}."
            )
        return frames

    def _embed(self, patches: Numbers) -> Numbers:
        output = self._session.run(_with_graph_axes(patches, self.card.input))
        if output.size != len(patches) * self.card.size:
            raise ModelError(
                f"{self.card.files[-1]}: the card says {self.card.size} numbers a patch. The graph gives an array of "
                f"shape {output.shape} for {len(patches)} patches."
            )
        if not np.isfinite(output).all():
            raise ModelError(f"{self.card.files[-1]}: an embedding must be finite. This one has NaN or infinity.")
        embedded: Numbers = output.reshape(len(patches), self.card.size)
        return embedded


def _parts(n: int, parts: int) -> list[slice]:
    """Return equal stretches of ``n`` patches, none empty: where there are too few patches, stretches share them."""
    return [slice(n * part // parts, max(n * part // parts + 1, n * (part + 1) // parts)) for part in range(parts)]


def _two_patches(form: LogMelInput | GraphInput | WaveformInput) -> int:
    """Return how many samples make two patches."""
    if isinstance(form, WaveformInput):
        return form.patch_samples + form.patch_hop_samples
    return form.frame_samples + (form.patch_frames + form.patch_hop_frames - 1) * form.hop


def _cut(values: Numbers, patch: int, hop: int, at_once: int) -> Iterator[Numbers]:
    starts = starts_of(len(values), patch, hop)
    for first in range(0, len(starts), at_once):
        yield np.stack([values[start : start + patch] for start in starts[first : first + at_once]])


def _with_graph_axes(patches: Numbers, form: LogMelInput | GraphInput | WaveformInput) -> Numbers:
    """Return patches, shape (n, t) or (n, t, f), in the axis order of the graph."""
    if form.axes == "t":
        return np.asarray(patches[0])
    if "f" in form.axes and form.axes.index("f") < form.axes.index("t"):
        patches = patches.swapaxes(1, 2)
    if "1" in form.axes:
        patches = np.expand_dims(patches, form.axes.index("1"))
    return patches


def _shape_of(form: LogMelInput | GraphInput | WaveformInput) -> tuple[int | None, ...]:
    """Return the shape that the card says the graph takes; None for the number of patches."""
    if isinstance(form, WaveformInput):
        sizes = {"t": form.patch_samples}
    else:
        sizes = {"t": form.patch_frames, "f": form.n_mels if isinstance(form, LogMelInput) else form.n_bands}
    return tuple({"n": None, "1": 1, **sizes}[axis] for axis in form.axes)

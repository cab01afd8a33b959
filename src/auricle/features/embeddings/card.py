"""`EmbeddingCard`: the input, output, licence and files of a pretrained model, read from JSON."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from auricle.errors import UsageError

__all__ = ["EmbeddingCard", "GraphInput", "LogMelInput", "WaveformInput", "read_card"]

Axes = Literal["ntf", "nft", "n1tf", "n1ft", "ntf1", "nft1"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class _Patches(_Frozen):
    """How a spectrogram is cut for the model.

    Parameters
    ----------
    patch_frames, patch_hop_frames : frames in a patch, and from one patch to the next
    least_frames : a window of fewer is laid in the middle of silence; more than a patch lets several patches see a
        short sound, each at another place; None for one patch
    axes : what the graph's axes are: n patches, t frames, f bands, 1 a single channel
    scale, shift : every level becomes ``level * scale + shift``
    """

    patch_frames: int = Field(ge=1)
    patch_hop_frames: int = Field(ge=1)
    least_frames: int | None = Field(default=None, ge=1)
    axes: Axes = "n1tf"
    scale: float = 1.0
    shift: float = 0.0


class LogMelInput(_Patches):
    """A log-mel spectrogram that the feature engine makes.

    Parameters
    ----------
    n_fft : points of the transform
    frame_samples : samples in a frame, Hann-windowed and filled up to ``n_fft`` with zeros
    hop : samples from one frame to the next
    n_mels, fmin_hz, fmax_hz, mel_scale : the bands
    straight_in : whether their triangles are straight over frequency (librosa) or over mel (TensorFlow)
    area : whether triangles have equal area (Slaney's norm) or equal height
    spectrum : what is summed in a band
    log : natural logarithm, or decibels (10 log10)
    log_offset, log_floor : the logarithm is that of ``max(sum + log_offset, log_floor)``
    """

    kind: Literal["log-mel"] = "log-mel"
    n_fft: int = Field(ge=8)
    frame_samples: int = Field(ge=1)
    hop: int = Field(ge=1)
    n_mels: int = Field(ge=1)
    fmin_hz: float = Field(default=0.0, ge=0)
    fmax_hz: float = Field(gt=0)
    mel_scale: Literal["slaney", "htk"] = "slaney"
    straight_in: Literal["hz", "mel"] = "hz"
    area: Literal["equal", "height"] = "equal"
    spectrum: Literal["power", "magnitude"] = "power"
    log: Literal["natural", "decibels"] = "natural"
    log_offset: float = Field(default=0.0, ge=0)
    log_floor: float = Field(default=1e-10, gt=0)

    @model_validator(mode="after")
    def _checked(self) -> Self:
        if self.frame_samples > self.n_fft:
            raise ValueError(f"`frame_samples` must be at most `n_fft` ({self.n_fft}). Got {self.frame_samples}.")
        if self.fmin_hz >= self.fmax_hz:
            raise ValueError(f"`fmin_hz` must be below `fmax_hz` ({self.fmax_hz:g}). Got {self.fmin_hz:g}.")
        return self


class GraphInput(_Patches):
    """A spectrogram that another graph makes of the waveform: the first of the card's files.

    Parameters
    ----------
    frame_samples, hop : samples in a frame, and from one frame to the next
    n_bands : numbers in a frame
    waveform_scale : samples in [-1, 1] are multiplied by it
    """

    kind: Literal["graph"] = "graph"
    frame_samples: int = Field(ge=1)
    hop: int = Field(ge=1)
    n_bands: int = Field(ge=1)
    waveform_scale: float = 1.0


class WaveformInput(_Frozen):
    """Samples themselves.

    Parameters
    ----------
    patch_samples, patch_hop_samples : samples in a patch, and from one patch to the next
    axes : the graph's axes: n patches, t samples, 1 a single channel; "t" for a graph that takes one patch at a time
    scale : samples in [-1, 1] are multiplied by it
    """

    kind: Literal["waveform"] = "waveform"
    patch_samples: int = Field(ge=1)
    patch_hop_samples: int = Field(ge=1)
    axes: Literal["nt", "n1t", "t"] = "nt"
    scale: float = 1.0


class EmbeddingCard(_Frozen):
    """Input, output, licence and files of a pretrained model.

    Parameters
    ----------
    name : short, lower case; prefix of its columns
    rate_hz : sample rate of its training data
    input : how its input is computed from the samples
    output : name of the graph's output that is the embedding
    size : numbers in one patch's embedding
    parts : a row holds the mean of each of this many equal stretches as well, so that order is kept; 1 keeps none
    licence : of the weights, as an SPDX expression
    source : where it comes from
    files : its ONNX graphs, beside the card; two where ``input.kind`` is "graph"
    sha256 : of each file, in their order; filled in when it is loaded
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=32)
    rate_hz: int = Field(ge=1)
    input: Annotated[LogMelInput | GraphInput | WaveformInput, Field(discriminator="kind")]
    output: str
    size: int = Field(ge=1, le=65_536)
    parts: int = Field(default=1, ge=1, le=16)
    licence: str
    source: str = ""
    files: tuple[str, ...] = Field(min_length=1, max_length=2)
    sha256: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _checked(self) -> Self:
        if self.name in ("pooled", "image"):
            raise ValueError(f"`name` must not be that of another part of a row. Got {self.name!r}.")
        wanted = 2 if self.input.kind == "graph" else 1
        if len(self.files) != wanted:
            raise ValueError(f"`files` must name {wanted} for an input of kind {self.input.kind!r}: {self.files}.")
        if any(Path(file).name != file for file in self.files):
            raise ValueError(f"`files` must be names of files beside the card, without folders. Got {self.files}.")
        if self.sha256 and len(self.sha256) != len(self.files):
            raise ValueError("`sha256` must hold one hash for each of `files`, or none.")
        if isinstance(self.input, LogMelInput) and self.input.fmax_hz > self.rate_hz / 2:
            raise ValueError(f"`fmax_hz` must be at most {self.rate_hz / 2:g}, half of `rate_hz`.")
        return self


def read_card(content: str | bytes, source: str) -> EmbeddingCard:
    """Read a card.

    Parameters
    ----------
    content : JSON
    source : the file it comes from, for errors

    Raises
    ------
    UsageError : not JSON, or a key that is missing, unknown or out of its range
    """
    try:
        return EmbeddingCard.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "card"
        raise UsageError(f"{source}: a card must fit EmbeddingCard. `{place}`: {first['msg']}.") from None

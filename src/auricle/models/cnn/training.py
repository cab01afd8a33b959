"""Training of one network: the loop over batches, what is averaged, when it stops and what it keeps."""

import hashlib
import math
import threading
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from auricle.errors import ModelError
from auricle.models.cnn.augment import augmented, mixed
from auricle.models.cnn.checkpoint import Checkpoint
from auricle.models.cnn.network import Network, normalised
from auricle.models.cnn.settings import Epoch, Settings, Size

__all__ = ["CnnWarning", "Images", "Weights", "answers", "checkpoint_name", "loaded", "train"]

Weights = dict[str, NDArray[Any]]

_SMALLEST_BATCH = 4
_CHUNK = 256
_WARM_UP = 0.2
_DRAWING = threading.Lock()

KEPT_EVERY_S = 10.0
"""Seconds of training that a kill may cost: a file a second would cost more than what it keeps."""


class CnnWarning(UserWarning):
    """Training went on otherwise than it was asked to: with smaller batches, or not to its end."""


@dataclass(frozen=True, slots=True, eq=False)
class Images:
    """Images with their answers.

    Parameters
    ----------
    images : float32, shape (n, bands, frames), in dB
    targets : float32, shape (n, n_classes), 1 for the right class; or (n, 1), standardised numbers
    weights : float32, shape (n,), mean 1
    """

    images: NDArray[np.float32]
    targets: NDArray[np.float32]
    weights: NDArray[np.float32]


def checkpoint_name(settings: Settings, *parts: Images | NDArray[Any] | None) -> str:
    """Return a hash of all that a training depends on: a checkpoint of another must not be taken for its own."""
    digest = hashlib.sha256(repr(settings).encode())
    for part in parts:
        digest.update(b"part")
        if part is None:
            continue
        for array in (part,) if isinstance(part, np.ndarray) else (part.images, part.targets, part.weights):
            digest.update(str(array.shape).encode() + array.tobytes())
    return digest.hexdigest()[:16]


def train(
    learned: Images,
    held_out: Images | None,
    settings: Settings,
    *,
    background: NDArray[np.float32] | None = None,
    checkpoint: Checkpoint | None = None,
    progress: Callable[[Epoch], None] | None = None,
) -> Weights:
    """Train a network; return its averaged weights, those of the best epoch where validation images are given.

    Parameters
    ----------
    learned : what it learns from
    held_out : what each epoch is scored on, of recordings that are not in ``learned``
    background : float32, shape (m, bands, frames), in dB: images of sound that may lie under any other
    checkpoint : where it is kept every few seconds, so that a killed training goes on
    progress : called after each epoch

    Raises
    ------
    ModelError : the loss is not a number from the first epoch on, or a GPU's memory is too small for any batch

    Warns
    -----
    CnnWarning : batches were made smaller, or training stopped because the loss was no longer a number
    """
    while True:
        try:
            return _Run(learned, held_out, settings, background).train(checkpoint, progress)
        except torch.cuda.OutOfMemoryError as error:
            batch = settings.batch // 2
            if batch < _SMALLEST_BATCH:
                raise ModelError(
                    f"The GPU's memory must hold {_SMALLEST_BATCH} images. It does not; choose a smaller `size`, or "
                    '`device="cpu"`.'
                ) from error
            warnings.warn(
                f"The GPU's memory is too small for batches of {settings.batch} images: training anew with {batch}.",
                CnnWarning,
                stacklevel=2,
            )
            settings = replace(settings, batch=batch)
            torch.cuda.empty_cache()


class _Run:
    """The state of one training; every field of it is in a checkpoint, or follows from the arguments."""

    def __init__(
        self, learned: Images, held_out: Images | None, settings: Settings, background: NDArray[np.float32] | None
    ) -> None:
        device = self.device = torch.device(settings.device)
        self.settings = settings
        self.images = normalised(torch.from_numpy(learned.images).to(device))
        self.targets = torch.from_numpy(learned.targets).to(device)
        self.weights = torch.from_numpy(learned.weights).to(device)
        self.held_out = held_out
        self.background = None if background is None else normalised(torch.from_numpy(background).to(device))
        self.random = torch.Generator(device).manual_seed(settings.seed)
        n, n_outputs = learned.targets.shape
        frames = learned.images.shape[2]
        # Weights are drawn from torch's own numbers, which all threads share; the program's go on untouched.
        with _DRAWING, torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            self.network = _made(frames, n_outputs, settings).to(device)
            self.average = _made(frames, n_outputs, settings).to(device)
        self.average.load_state_dict(self.network.state_dict())
        self.batches = max(1, n // settings.batch)
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
        )
        self.epoch, self.steps = 0, 0
        self.best_epoch, self.best_score = 0, -math.inf
        self.best: Weights = {}

    def train(self, checkpoint: Checkpoint | None, progress: Callable[[Epoch], None] | None) -> Weights:
        started = written = time.perf_counter()
        if checkpoint is not None and (kept := checkpoint.read()) is not None:
            self._restore(kept)
        while not self._is_done():
            loss = self._pass()
            if not math.isfinite(loss):
                self._give_up(loss)
                break
            self.epoch += 1
            score = None if self.held_out is None else self._score(self.held_out)
            # Without validation images the last epoch is the best: the schedule has brought the rate down to nothing.
            if score is None or score > self.best_score:
                self.best_epoch, self.best_score = self.epoch, -math.inf if score is None else score
                self.best = _arrays(self.average)
            if checkpoint is not None and (self._is_done() or time.perf_counter() - written >= KEPT_EVERY_S):
                checkpoint.write(self._kept())
                written = time.perf_counter()
            if progress is not None:
                seconds = time.perf_counter() - started
                progress(Epoch(number=self.epoch, of=self.settings.epochs, loss=loss, score=score, seconds=seconds))
        return self.best

    def _is_done(self) -> bool:
        return self.epoch >= self.settings.epochs or self.epoch - self.best_epoch >= self.settings.patience

    def _give_up(self, loss: float) -> None:
        if not self.best:
            raise ModelError(
                f"The loss must be a number. It is {loss} in the first epoch; lower `learning_rate`, and look for "
                "images that are not finite."
            )
        warnings.warn(
            f"The loss became {loss} in epoch {self.epoch + 1}: training stopped, and epoch {self.best_epoch} is kept. "
            "Lower `learning_rate`.",
            CnnWarning,
            stacklevel=4,
        )

    def _pass(self) -> float:
        """Learn from every image once; return the mean loss."""
        self.network.train()
        order = torch.randperm(len(self.images), generator=self.random, device=self.device)
        losses = [self._step(batch) for batch in order.tensor_split(self.batches)]
        return float(torch.stack(losses).mean())

    def _step(self, batch: Tensor) -> Tensor:
        how = self.settings.augmentation
        images = augmented(self.images[batch], how, self.random, self.background)
        targets = self._smoothed(self.targets[batch])
        if how.mixup:
            images, targets = mixed(images, targets, how.mixup, self.random)
        answers = self.network(images, self.random)
        if targets.shape[1] > 1:
            losses = -(targets * functional.log_softmax(answers, dim=1)).sum(dim=1)
        else:
            losses = functional.smooth_l1_loss(answers, targets, reduction="none").sum(dim=1)
        loss = (losses * self.weights[batch]).mean()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        for group in self.optimizer.param_groups:
            group["lr"] = self._rate()
        self.optimizer.step()
        self.steps += 1
        self._follow()
        return loss.detach()

    def _rate(self) -> float:
        """Return the learning rate: up to its peak in a fifth of all steps, then down a cosine to nothing."""
        part: float = (self.steps + 1) / (self.settings.epochs * self.batches)
        if part < _WARM_UP:
            return self.settings.learning_rate * part / _WARM_UP
        return self.settings.learning_rate * 0.5 * (1 + math.cos(math.pi * (part - _WARM_UP) / (1 - _WARM_UP)))

    def _smoothed(self, targets: Tensor) -> Tensor:
        n_classes, share = targets.shape[1], self.settings.label_smoothing
        return targets if n_classes == 1 else targets * (1 - share) + share / n_classes

    def _follow(self) -> None:
        """Move the average towards the network; in the first steps, quickly."""
        kept = min(self.settings.averaging, (1 + self.steps) / (10 + self.steps))
        for mine, theirs in zip(self.average.state_dict().values(), self.network.state_dict().values(), strict=True):
            if mine.is_floating_point():
                mine.lerp_(theirs, 1 - kept)
            else:
                mine.copy_(theirs)

    def _score(self, held_out: Images) -> float:
        given = answers(self.average, held_out.images, self.settings.device).astype(np.float64)
        if held_out.targets.shape[1] > 1:
            right = given.argmax(axis=1) == held_out.targets.argmax(axis=1)
            share: float = np.average(right, weights=held_out.weights)
            return float(share)
        truth = held_out.targets[:, 0]
        spread = float(np.square(truth - truth.mean()).sum())
        return 1.0 - float(np.square(given[:, 0] - truth).sum()) / max(spread, 1e-12)

    def _kept(self) -> Weights:
        moments = {
            f"moment.{index}.{name}": np.asarray(value.cpu())
            for index, state in self.optimizer.state_dict()["state"].items()
            for name, value in state.items()
        }
        numbers = [self.epoch, self.steps, self.best_epoch, self.best_score]
        return {
            **{f"network.{name}": value for name, value in _arrays(self.network).items()},
            **{f"average.{name}": value for name, value in _arrays(self.average).items()},
            **{f"best.{name}": value for name, value in self.best.items()},
            **moments,
            "numbers": np.array(numbers, np.float64),
            "random": self.random.get_state().numpy(),
        }

    def _restore(self, kept: Weights) -> None:
        epoch, steps, best_epoch, self.best_score = kept["numbers"].tolist()
        self.epoch, self.steps, self.best_epoch = int(epoch), int(steps), int(best_epoch)
        self.network.load_state_dict(_tensors(kept, "network."))
        self.average.load_state_dict(_tensors(kept, "average."))
        self.best = {name: np.asarray(value) for name, value in _part(kept, "best.").items()}
        state = self.optimizer.state_dict()
        for name, value in _tensors(kept, "moment.").items():
            index, _, moment = name.partition(".")
            state["state"].setdefault(int(index), {})[moment] = value
        self.optimizer.load_state_dict(state)
        self.random.set_state(torch.from_numpy(kept["random"]))


def _made(frames: int, n_outputs: int, settings: Settings) -> Network:
    made: Network = Network(settings.size, frames, n_outputs, settings.dropout).to(memory_format=torch.channels_last)
    return made


def _arrays(network: Network) -> Weights:
    return {name: value.cpu().numpy().copy() for name, value in network.state_dict().items()}


def _part(kept: Weights, prefix: str) -> Weights:
    return {name.removeprefix(prefix): value for name, value in kept.items() if name.startswith(prefix)}


def _tensors(kept: Weights, prefix: str) -> dict[str, Tensor]:
    return {name: torch.from_numpy(value) for name, value in _part(kept, prefix).items()}


def answers(network: Network, images: NDArray[np.float32], device: str) -> NDArray[np.float32]:
    """Return a network's outputs, shape (n, n_outputs), for images in dB, shape (n, bands, frames)."""
    network.eval()
    with torch.inference_mode():
        parts = [
            network(normalised(torch.from_numpy(images[start : start + _CHUNK]).to(device))).cpu().numpy()
            for start in range(0, len(images), _CHUNK)
        ]
    return np.concatenate(parts)


def loaded(weights: Weights, size: Size, frames: int) -> Network:
    """Return a network with weights that `train` gave, for images of so many frames."""
    network = Network(size, frames, len(weights["head.bias"]), 0.0)
    network.load_state_dict({name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in weights.items()})
    laid: Network = network.to(memory_format=torch.channels_last)
    return laid

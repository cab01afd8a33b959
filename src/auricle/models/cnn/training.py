"""Training of one network: optimisation, weight averaging, early stopping, checkpoints; and its predictions."""

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

__all__ = ["CnnWarning", "Images", "Weights", "checkpoint_name", "load_network", "network_outputs", "train"]

Weights = dict[str, NDArray[Any]]

_MIN_BATCH = 4
_CHUNK = 256
_WARM_UP = 0.2
_RANDOM_LOCK = threading.Lock()

CHECKPOINT_INTERVAL_S = 10.0
"""Time between checkpoints, the most training lost to an interruption; writing every second would cost more."""


class CnnWarning(UserWarning):
    """Training continued with smaller batches, or stopped early because of its loss."""


@dataclass(frozen=True, slots=True, eq=False)
class Images:
    """Images with targets and weights.

    Parameters
    ----------
    images : float32, shape (n, bands, frames), in dB
    targets : float32, shape (n, n_classes) or (n, 1)
        One-hot classes, or standardised values.
    weights : float32, shape (n,)
        Sample weights of mean 1.
    """

    images: NDArray[np.float32]
    targets: NDArray[np.float32]
    weights: NDArray[np.float32]


def checkpoint_name(settings: Settings, *parts: Images | NDArray[Any] | None) -> str:
    """Return a hash of all inputs of a training, so that no other training uses its checkpoint."""
    digest = hashlib.sha256(repr(settings).encode())
    for part in parts:
        digest.update(b"part")
        if part is None:
            continue
        for array in (part,) if isinstance(part, np.ndarray) else (part.images, part.targets, part.weights):
            digest.update(str(array.shape).encode() + array.tobytes())
    return digest.hexdigest()[:16]


def train(
    training: Images,
    held_out: Images | None,
    settings: Settings,
    *,
    background: NDArray[np.float32] | None = None,
    checkpoint: Checkpoint | None = None,
    progress: Callable[[Epoch], None] | None = None,
) -> Weights:
    """Train a network; return its averaged weights, of the best epoch if there are validation images.

    Parameters
    ----------
    training : Images
    held_out : Images or None
        Validation images, of other recordings.
    settings : Settings
    background : float32, shape (m, bands, frames), in dB, optional
        Images of background sound for augmentation.
    checkpoint : Checkpoint, optional
        Written every ten seconds, to resume an interrupted training.
    progress : callable, optional
        Called after each epoch.

    Raises
    ------
    ModelError
        The loss is not finite in the first epoch, or the GPU's memory is too small for any batch.

    Warns
    -----
    CnnWarning
        Batches were halved, or training stopped because the loss was no longer finite.
    """
    while True:
        try:
            return _Run(training, held_out, settings, background).train(checkpoint, progress)
        except torch.cuda.OutOfMemoryError as error:
            batch = settings.batch // 2
            if batch < _MIN_BATCH:
                raise ModelError(
                    f"The GPU's memory must hold {_MIN_BATCH} images. It does not; choose a smaller `size` or "
                    '`device="cpu"`.'
                ) from error
            warnings.warn(
                f"The GPU's memory is too small for batches of {settings.batch} images: restarting with {batch}.",
                CnnWarning,
                stacklevel=2,
            )
            settings = replace(settings, batch=batch)
            torch.cuda.empty_cache()


class _Run:
    """The state of one training; every field is in the checkpoint, or follows from the arguments."""

    def __init__(
        self, training: Images, held_out: Images | None, settings: Settings, background: NDArray[np.float32] | None
    ) -> None:
        device = self.device = torch.device(settings.device)
        self.settings = settings
        self.images = normalised(torch.from_numpy(training.images).to(device))
        self.targets = torch.from_numpy(training.targets).to(device)
        self.weights = torch.from_numpy(training.weights).to(device)
        self.held_out = held_out
        self.background = None if background is None else normalised(torch.from_numpy(background).to(device))
        self.random = torch.Generator(device).manual_seed(settings.seed)
        n, n_outputs = training.targets.shape
        frames = training.images.shape[2]
        # Weights come from torch's global generator, which all threads share; its state is restored.
        with _RANDOM_LOCK, torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            self.network = _new_network(frames, n_outputs, settings).to(device)
            self.average = _new_network(frames, n_outputs, settings).to(device)
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
        if checkpoint is not None and (state := checkpoint.read()) is not None:
            self._restore(state)
        while not self._is_done():
            loss = self._train_epoch()
            if not math.isfinite(loss):
                self._stop_diverged(loss)
                break
            self.epoch += 1
            score = None if self.held_out is None else self._score(self.held_out)
            # Without validation images the last epoch is the best: the learning rate has decayed to 0.
            if score is None or score > self.best_score:
                self.best_epoch, self.best_score = self.epoch, -math.inf if score is None else score
                self.best = _arrays(self.average)
            if checkpoint is not None and (self._is_done() or time.perf_counter() - written >= CHECKPOINT_INTERVAL_S):
                checkpoint.write(self._state())
                written = time.perf_counter()
            if progress is not None:
                seconds = time.perf_counter() - started
                progress(Epoch(number=self.epoch, of=self.settings.epochs, loss=loss, score=score, seconds=seconds))
        return self.best

    def _is_done(self) -> bool:
        return self.epoch >= self.settings.epochs or self.epoch - self.best_epoch >= self.settings.patience

    def _stop_diverged(self, loss: float) -> None:
        if not self.best:
            raise ModelError(
                f"The loss must be a number. It is {loss} in the first epoch: lower `learning_rate`, and check that "
                "images are finite."
            )
        warnings.warn(
            f"The loss became {loss} in epoch {self.epoch + 1}: training stopped with the weights of "
            f"epoch {self.best_epoch}. Lower `learning_rate`.",
            CnnWarning,
            stacklevel=4,
        )

    def _train_epoch(self) -> float:
        """Train on every image once; return the mean loss."""
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
        outputs = self.network(images, self.random)
        if targets.shape[1] > 1:
            losses = -(targets * functional.log_softmax(outputs, dim=1)).sum(dim=1)
        else:
            losses = functional.smooth_l1_loss(outputs, targets, reduction="none").sum(dim=1)
        loss = (losses * self.weights[batch]).mean()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        for group in self.optimizer.param_groups:
            group["lr"] = self._learning_rate()
        self.optimizer.step()
        self.steps += 1
        self._update_average()
        return loss.detach()

    def _learning_rate(self) -> float:
        """Return the learning rate: linear warm-up over a fifth of all steps, then cosine decay to 0."""
        progress: float = (self.steps + 1) / (self.settings.epochs * self.batches)
        if progress < _WARM_UP:
            return self.settings.learning_rate * progress / _WARM_UP
        return self.settings.learning_rate * 0.5 * (1 + math.cos(math.pi * (progress - _WARM_UP) / (1 - _WARM_UP)))

    def _smoothed(self, targets: Tensor) -> Tensor:
        n_classes, share = targets.shape[1], self.settings.label_smoothing
        return targets if n_classes == 1 else targets * (1 - share) + share / n_classes

    def _update_average(self) -> None:
        """Update the moving average of the weights; faster in the first steps."""
        decay = min(self.settings.averaging, (1 + self.steps) / (10 + self.steps))
        for average, current in zip(
            self.average.state_dict().values(), self.network.state_dict().values(), strict=True
        ):
            if average.is_floating_point():
                average.lerp_(current, 1 - decay)
            else:
                average.copy_(current)

    def _score(self, held_out: Images) -> float:
        outputs = network_outputs(self.average, held_out.images, self.settings.device).astype(np.float64)
        if held_out.targets.shape[1] > 1:
            is_correct = outputs.argmax(axis=1) == held_out.targets.argmax(axis=1)
            accuracy: float = np.average(is_correct, weights=held_out.weights)
            return float(accuracy)
        truth = held_out.targets[:, 0]
        spread = float(np.square(truth - truth.mean()).sum())
        return 1.0 - float(np.square(outputs[:, 0] - truth).sum()) / max(spread, 1e-12)

    def _state(self) -> Weights:
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

    def _restore(self, state: Weights) -> None:
        epoch, steps, best_epoch, self.best_score = state["numbers"].tolist()
        self.epoch, self.steps, self.best_epoch = int(epoch), int(steps), int(best_epoch)
        self.network.load_state_dict(_tensors(state, "network."))
        self.average.load_state_dict(_tensors(state, "average."))
        self.best = {name: np.asarray(value) for name, value in _part(state, "best.").items()}
        optimizer = self.optimizer.state_dict()
        for name, value in _tensors(state, "moment.").items():
            index, _, moment = name.partition(".")
            optimizer["state"].setdefault(int(index), {})[moment] = value
        self.optimizer.load_state_dict(optimizer)
        self.random.set_state(torch.from_numpy(state["random"]))


def _new_network(frames: int, n_outputs: int, settings: Settings) -> Network:
    network: Network = Network(settings.size, frames, n_outputs, settings.dropout).to(memory_format=torch.channels_last)
    return network


def _arrays(network: Network) -> Weights:
    return {name: value.cpu().numpy().copy() for name, value in network.state_dict().items()}


def _part(state: Weights, prefix: str) -> Weights:
    return {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}


def _tensors(state: Weights, prefix: str) -> dict[str, Tensor]:
    return {name: torch.from_numpy(value) for name, value in _part(state, prefix).items()}


def network_outputs(network: Network, images: NDArray[np.float32], device: str) -> NDArray[np.float32]:
    """Return the outputs of a network, shape (n, n_outputs), for images in dB, shape (n, bands, frames)."""
    network.eval()
    with torch.inference_mode():
        parts = [
            network(normalised(torch.from_numpy(images[start : start + _CHUNK]).to(device))).cpu().numpy()
            for start in range(0, len(images), _CHUNK)
        ]
    return np.concatenate(parts)


def load_network(weights: Weights, size: Size, frames: int) -> Network:
    """Return a network with the weights from :func:`train`."""
    network = Network(size, frames, len(weights["head.bias"]), 0.0)
    network.load_state_dict({name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in weights.items()})
    laid_out: Network = network.to(memory_format=torch.channels_last)
    return laid_out

"""The model card of a bundle: its README in Markdown, with scores, usage and limits."""

from typing import TYPE_CHECKING

from auricle.bundles.external_metadata import hub_header

if TYPE_CHECKING:
    from auricle.bundles.manifest import Manifest

__all__ = ["card"]


def card(manifest: "Manifest", *, n_recordings: int) -> str:
    """Return the card as Markdown: the model's output, input, scores, usage and limits."""
    spec = manifest.spec
    scores = "\n".join(f"| {name} | {_score_cell(value)} |" for name, value in manifest.scores.items())
    output = (
        f"one of {len(manifest.classes)} classes: {', '.join(manifest.classes)}"
        if manifest.target is None
        else (f"a number (in training: mean {manifest.target.mean:.4g}, deviation {manifest.target.deviation:.4g})")
    )
    window = "the whole recording" if spec.window_s is None else f"windows of {spec.window_s:g} s"
    return f"""{hub_header(manifest)}
# {manifest.name}

{manifest.verdict}

- **Predicts** {output}.
- **Input:** {window} at {spec.rate_hz} Hz, one channel.
- **Model:** {manifest.family}, trained on {n_recordings} recordings.
- **Evaluation:** {manifest.protocol}, by recording.

| score | value |
|---|---|
{scores}

## Use

```python
import auricle

model = auricle.load("{manifest.name}.auricle")
model.predict("recording.wav")
```

## Limits

The scores hold for recordings like the training data, of groups not seen in training. For other microphones, places or
machines they are unknown until measured there. The file holds a few short windows of the training sound for its
self-test on other machines.

Made with {", ".join(f"{name} {version}" for name, version in manifest.versions.items())}.
"""


def _score_cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.3f}"
    if isinstance(value, list | tuple):
        return " to ".join(_score_cell(part) for part in value)
    return str(value)

"""The model card: what a bundle is, for someone who unzips it."""

from typing import TYPE_CHECKING

from auricle.bundles.external_metadata import hub_header

if TYPE_CHECKING:
    from auricle.bundles.manifest import Manifest

__all__ = ["card"]


def card(manifest: "Manifest", *, n_recordings: int) -> str:
    """Return the card as Markdown: what the model answers, how good it is, how it was made, and its limits."""
    spec = manifest.spec
    scores = "\n".join(f"| {name} | {_shown(value)} |" for name, value in manifest.scores.items())
    answers = (
        f"one of {len(manifest.classes)} classes: {', '.join(manifest.classes)}"
        if manifest.target is None
        else (f"a number (in training: mean {manifest.target.mean:.4g}, deviation {manifest.target.deviation:.4g})")
    )
    window = "the whole recording" if spec.window_s is None else f"windows of {spec.window_s:g} s"
    return f"""{hub_header(manifest)}
# {manifest.name}

{manifest.verdict}

- **Answers** {answers}.
- **Hears** {window} at {spec.rate_hz} Hz, one channel.
- **Is** {manifest.family}, trained on {n_recordings} recordings.
- **Was scored** {manifest.protocol}, by recording.

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

The scores hold for recordings made like those it was trained on, of groups it never heard. On other microphones, places
or machines they are a guess until measured there. The file holds a few short windows of the training sound, as its
proof that another machine computes the same.

Made with {", ".join(f"{name} {version}" for name, version in manifest.versions.items())}.
"""


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.3f}"
    if isinstance(value, list | tuple):
        return " to ".join(_shown(part) for part in value)
    return str(value)

"""Verdict of a check (ok, watch or alarm) from its findings and those of earlier checks, with the next steps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = ["NEXT_STEPS", "ONCE", "Persistence", "State", "Verdict", "decide"]

State: TypeAlias = Literal["ok", "watch", "alarm"]


@dataclass(frozen=True, slots=True)
class Persistence:
    """Checks that must find an alarm: ``k`` of the last ``n``, the current one among them."""

    k: int = 1
    n: int = 1


ONCE = Persistence()
"""One check suffices."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Verdict of one check.

    Parameters
    ----------
    state : {"ok", "watch", "alarm"}
        Verdict in the light of earlier checks; an alarm that does not persist yet is "watch".
    found : {"ok", "watch", "alarm"}
        Verdict of this check alone.
    sentence : str
    steps : tuple of str
        Next steps, in order.
    """

    state: State
    found: State
    sentence: str
    steps: tuple[str, ...] = ()


def decide(
    alarms: Sequence[str],
    warnings: Sequence[str],
    *,
    kinds: Sequence[str] = (),
    earlier: Sequence[State] = (),
    persistence: Persistence = ONCE,
    ok_sentence: str = "",
) -> Verdict:
    """Return the verdict of a check.

    Parameters
    ----------
    alarms, warnings : sequence of str
        Sentences of :class:`~auricle.monitoring.findings.Findings`.
    kinds : sequence of str
        Kinds of finding, which select the next steps.
    earlier : sequence of {"ok", "watch", "alarm"}
        ``found`` of earlier checks of the same model, the latest last.
    persistence : Persistence
    ok_sentence : str
        Sentence of a verdict without findings.

    Returns
    -------
    Verdict
        Never "ok" with a warning: a check that could not be made is one.
    """
    found: State = "alarm" if alarms else "watch" if warnings else "ok"
    recent = [*earlier, found][-persistence.n :]
    n_alarms = sum(state == "alarm" for state in recent)
    state: State = "alarm" if n_alarms >= persistence.k and found != "ok" else "watch" if n_alarms or warnings else "ok"
    sentences = [*alarms, *warnings]
    if state != "alarm" and alarms:
        sentences.append(
            f"Found in {n_alarms} of the last {len(recent)} checks; an alarm needs {persistence.k} of {persistence.n}."
        )
    elif found != "alarm" and n_alarms:
        sentences.append(f"{n_alarms} of the last {len(recent)} checks found an alarm.")
    return Verdict(state, found, " ".join(sentences) or ok_sentence, _steps(kinds, state))


def _steps(kinds: Sequence[str], state: State) -> tuple[str, ...]:
    if state == "ok":
        return ()
    return tuple(dict.fromkeys(NEXT_STEPS[kind] for kind in kinds if kind in NEXT_STEPS))


NEXT_STEPS: Mapping[str, str] = {
    "sample_rate": "Set the recorder back to its former sample rate, or retrain on recordings at the new one.",
    "codec": "Raise the bit rate, send FLAC, or retrain on recordings that went through this codec.",
    "bandwidth": "Look for a filter, a cover, or another microphone or recorder; or retrain on such recordings.",
    "dropouts": "Check the connection and the load of the recorder: blocks of samples are lost.",
    "hum": "Check the grounding and shielding of the cable, and power supplies next to it.",
    "dc": "Check the converter and its wiring; a high-pass filter before recording removes the offset.",
    "level": "Set the gain back, or check whether the microphone was moved; retrain if the level stays.",
    "clipping": "Lower the gain before the converter: clipped samples cannot be restored.",
    "reverberation": "Check whether the microphone or the source was moved; label some recordings and retrain.",
    "noise": "Find the source of the noise; if it stays, label some new recordings and retrain.",
    "silence": "Check whether the microphone is muted, covered or unplugged part of the time.",
    "missing_class": "Check whether this class no longer occurs; if it does, label some recordings of it and retrain.",
    "new_class": "Listen to recordings with an unknown or uncertain prediction, label them, and retrain.",
    "classes": "Label some recordings: either the class shares have changed, or the predictions are wrong.",
    "other": "Listen to the newest recordings, compare them with the training data, and label some.",
    "far": "Label some recordings: performance cannot be estimated without labels.",
    "worse": "Retrain with the new labels, and compare the challenger with this model.",
    "concept": "Look at the newest errors: the meaning of sounds may have changed. Retrain on the newest labels.",
    "few": "Wait for more recordings, or check a longer time span.",
    "calibration": "Retrain with the labels, which calibrates confidence anew; until then, do not act on it alone.",
    "groups": "Record more groups, or name finer ones: `--group COLUMN`, in the store `metadata.group`.",
}
"""Next step for each kind of finding."""

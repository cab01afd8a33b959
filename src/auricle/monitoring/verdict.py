"""From findings to a verdict: ok, watch or alarm, persistent over several checks, and what to do next."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

__all__ = ["NEXT_STEPS", "ONCE", "Persistence", "State", "Verdict", "decide"]

State: TypeAlias = Literal["ok", "watch", "alarm"]


@dataclass(frozen=True, slots=True)
class Persistence:
    """How often a check must find something before it is an alarm: ``k`` times in ``n`` checks, this one among them."""

    k: int = 1
    n: int = 1


ONCE = Persistence()
"""An alarm at once: for one check that stands for itself."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check comes to.

    Parameters
    ----------
    state : ok, watch or alarm
    found : what this check alone says; an alarm that does not persist yet is only watched
    sentence : the same in words
    steps : what to do next, first things first
    """

    state: State
    found: State
    sentence: str
    steps: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the same as plain values."""
        return {"state": self.state, "found": self.found, "sentence": self.sentence, "steps": list(self.steps)}


def decide(
    alarms: Sequence[str],
    doubts: Sequence[str],
    *,
    kinds: Sequence[str] = (),
    earlier: Sequence[State] = (),
    persistence: Persistence = ONCE,
    calm: str = "",
) -> Verdict:
    """Return the verdict of a check.

    Parameters
    ----------
    alarms : sentences, each worth an alarm
    doubts : sentences that are worth watching, and no more
    kinds : of the causes, for what to do next
    earlier : what earlier checks of the same model found, the latest last
    persistence : how often an alarm must be found
    calm : what to say where there is neither

    Returns
    -------
    never ok while there is a doubt: a check that could not be made is one
    """
    found: State = "alarm" if alarms else "watch" if doubts else "ok"
    recent = [*earlier, found][-persistence.n :]
    times = sum(one == "alarm" for one in recent)
    state: State = "alarm" if times >= persistence.k and found != "ok" else "watch" if times or doubts else "ok"
    said = [*alarms, *doubts]
    if state != "alarm" and alarms:
        said.append(
            f"Seen in {times} of the last {len(recent)} checks; {persistence.k} of {persistence.n} are an alarm."
        )
    elif found != "alarm" and times:
        said.append(f"{times} of the last {len(recent)} checks found more.")
    sentence = " ".join(said) or calm
    return Verdict(state, found, sentence, _steps(kinds, state))


def _steps(kinds: Sequence[str], state: State) -> tuple[str, ...]:
    if state == "ok":
        return ()
    return tuple(dict.fromkeys(NEXT_STEPS[kind] for kind in kinds if kind in NEXT_STEPS))


NEXT_STEPS: Mapping[str, str] = {
    "sample_rate": "Set the recorder back to the rate of before, or train on sound of the new one.",
    "codec": "Raise the bit rate, or send FLAC; or train on sound that went through this codec.",
    "bandwidth": "Look for a filter, a cover, another microphone or another recorder; or train on such sound.",
    "dropouts": "Look at the line and the load of the recorder: blocks of sound are lost on the way.",
    "hum": "Look at the earth and the shield of the cable, and at power supplies beside it.",
    "dc": "Look at the converter and its wiring; a high-pass before recording takes the offset away.",
    "level": "Set the gain back, or find out whether the microphone was moved; retrain if it stays.",
    "clipping": "Lower the gain before the converter: what was cut off cannot be had back.",
    "reverberation": "Find out whether the microphone or the source was moved; label some of it and retrain.",
    "noise": "Find the source of the noise; if it stays, label some of the new sound and retrain.",
    "silence": "Find out whether the microphone is muted, covered or unplugged for part of the time.",
    "missing_class": "Find out whether this class truly no longer occurs; if it does, label some of it and retrain.",
    "new_class": "Listen to recordings that are answered `unknown` or in doubt, give them a label, and retrain.",
    "classes": "Label some recordings: the shares of classes may have changed, or the answers may be wrong.",
    "other": "Listen to the newest recordings, label some of them, and compare them with those of training.",
    "far": "Label some recordings: without labels nobody can say how good the answers still are.",
    "worse": "Retrain with the labels that came in, and compare the new model with this one.",
    "concept": "Look at the newest mistakes: what sounds mean may have changed. Retrain on the newest labels.",
    "few": "Wait for more recordings, or look at a longer time.",
    "groups": "Hear more groups, or tell them apart more finely: `--group COLUMN`, in the store `metadata.group`.",
}
"""What to do about each kind of finding."""

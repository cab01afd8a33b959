"""The table of commands, and how an error ends one."""

import gc
import sys

from auricle import __version__
from auricle.errors import AuricleError

__all__ = ["COMMANDS", "GROUPS", "SECTIONS", "main"]

Section = dict[str, tuple[str, str]]
"""Commands by name: module and function, and the one line of help, the first of the function's docstring."""

_EXPLORE: Section = {
    "demo": (
        "auricle.cli.demo:demo",
        "Generate machine sounds, look at them, train, tune, score, predict, stream, serve, watch, label and retrain.",
    ),
    "plot": (
        "auricle.cli.plot:plot",
        "Draw waveform, STFT magnitude and phase, log-mel and MFCC over one time axis; or what a model listened to.",
    ),
    "inspect": (
        "auricle.cli.inspect:inspect",
        "Listen to every recording: durations, levels, faults, balance, duplicates, and what leaks between splits.",
    ),
    "features": (
        "auricle.cli.features:features",
        "Write one row a window: file, start, end, group, truth, then the named features that training would use.",
    ),
}

_TRAIN: Section = {
    "train": (
        "auricle.cli.train:train",
        "Compute features, choose a model by grouped cross-validation, score it, and write a bundle.",
    ),
    "evaluate": (
        "auricle.cli.evaluate:evaluate",
        "Score a bundle on labelled sound by recording, class and column, with intervals and the worst mistakes.",
    ),
    "export": (
        "auricle.cli.export:export",
        "Write one ONNX graph from the waveform to the answer, for programs that have nothing of auricle's.",
    ),
}

_PREDICT: Section = {
    "predict": (
        "auricle.cli.predict:predict",
        "Answer recordings: one line each, in the order given; a file that fails is a line with its error, and exit 1.",
    ),
    "stream": (
        "auricle.cli.stream:stream",
        "Print one JSON line a window, as soon as its last sample is there, or one as an event begins and as it ends.",
    ),
    "serve": (
        "auricle.cli.serve:serve",
        "Serve predictions over HTTP and WebSocket until told to stop; every answer is kept in the store.",
    ),
    "doctor": (
        "auricle.cli.doctor:doctor",
        "Say what is installed and missing, how fast this machine is, and whether a model answers alike everywhere.",
    ),
}

_OPERATE: Section = {
    "keys create": (
        "auricle.cli.keys:create_key",
        "Make an API key and print it: this once, since the store keeps no more than its hash.",
    ),
    "keys list": (
        "auricle.cli.keys:list_keys",
        "List the API keys: their ids, names and scopes, and until when they are accepted; never their secrets.",
    ),
    "keys revoke": (
        "auricle.cli.keys:revoke_key",
        "Refuse an API key from now on; running servers follow within seconds.",
    ),
    "feedback import": (
        "auricle.cli.feedback:import_feedback",
        "Take labels for logged predictions: by id from a table, or by name and time from a label track.",
    ),
    "feedback export": (
        "auricle.cli.feedback:export_feedback",
        "Write every prediction that has a label, with what was answered: one row each, the last word counts.",
    ),
    "models add": (
        "auricle.cli.models:add_model",
        "Add a bundle to the registry, once it has proved itself; the first of a name becomes its champion.",
    ),
    "models list": ("auricle.cli.models:list_models", "List every bundle, the newest first."),
    "models show": (
        "auricle.cli.models:show_model",
        "Show one bundle, its card, every change of its name's champion and challenger, and the last retrainings.",
    ),
    "models promote": (
        "auricle.cli.models:promote_model",
        "Make a bundle the champion of its name; running servers follow within seconds.",
    ),
    "models rollback": (
        "auricle.cli.models:roll_back",
        "Make the champion what it was before; asked again, what it was before that.",
    ),
    "monitor": (
        "auricle.cli.monitor:monitor",
        "Compare what a model hears with what it saw in training: drift, its cause, how good it is, a verdict.",
    ),
    "watch": (
        "auricle.cli.watch:watch",
        "Check what the store's champions hear, again and again; keep every check, tell of alarms, retrain on labels.",
    ),
    "retrain": (
        "auricle.cli.retrain:retrain",
        "Train on DATA, the original data, and on what was labelled since; promote the result if it is better.",
    ),
}

SECTIONS: dict[str, Section] = {
    "Start and explore": _EXPLORE,
    "Train and score": _TRAIN,
    "Predict": _PREDICT,
    "Operate": _OPERATE,
}
"""Every command, by the section of the help that lists it; its module is imported when it is called."""

COMMANDS = {name: command for section in SECTIONS.values() for name, command in section.items()}

GROUPS: dict[str, str] = {
    "keys": "API keys: who may ask a server, and for what.",
    "feedback": "What people say that recordings were.",
    "models": "The registry: every bundle, which one is champion, and how that came.",
}
"""What commands of two words have in common, by the first."""

_GC_THRESHOLD = 10_000
"""New objects between two garbage collections: at Python's 700, these take a tenth of a start, and find nothing."""


def main() -> None:
    """Run the command line; exit 0 when done, 1 when some inputs failed, 2 for bad usage or unreadable input."""
    if sys.argv[1:] == ["--version"]:  # needs no parser, which takes longer to import than all else
        sys.stdout.write(f"auricle {__version__}\n")
        return
    gc.set_threshold(_GC_THRESHOLD)
    from auricle.cli.app import app

    try:
        app()
    except AuricleError as error:
        from auricle.cli.terminal import fail

        fail(error, as_json="--json" in sys.argv)

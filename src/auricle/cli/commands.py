"""The table of commands: module, function and one-line help; a command is imported when it is called."""

import gc

__all__ = ["COMMANDS", "GROUPS", "SECTIONS", "begin_startup", "end_startup"]

Section = dict[str, tuple[str, str]]
"""Commands by name: module and function, and the one-line help, equal to the first line of the docstring."""

_EXPLORE: Section = {
    "demo": (
        "auricle.cli.demo:demo",
        "Run the whole loop on generated machine sounds: train, tune, score, predict, stream, serve, monitor, retrain.",
    ),
    "plot": (
        "auricle.cli.plot:plot",
        "Draw waveform, STFT magnitude and phase, log-mel and MFCC over one time axis, or a model's saliency map.",
    ),
    "inspect": (
        "auricle.cli.inspect:inspect",
        "Inspect a data set: durations, levels, recording faults, class balance, duplicates, leakage between splits.",
    ),
    "features": (
        "auricle.cli.features:features",
        "Write one row per window: file, start, end, group, label, then the named features that training would use.",
    ),
}

_TRAIN: Section = {
    "train": (
        "auricle.cli.train:train",
        "Compute features, select a model by grouped cross-validation, score it, and write a bundle.",
    ),
    "evaluate": (
        "auricle.cli.evaluate:evaluate",
        "Score a bundle on labelled recordings: by recording, class and column, with intervals and worst mistakes.",
    ),
    "export": (
        "auricle.cli.export:export",
        "Export a bundle as one ONNX graph from waveform to prediction, for programs without auricle.",
    ),
}

_PREDICT: Section = {
    "predict": (
        "auricle.cli.predict:predict",
        "Predict recordings: one line each, in the given order; a failed file is a line with its error, and exit 1.",
    ),
    "stream": (
        "auricle.cli.stream:stream",
        "Predict live sound: one JSON line per window as soon as it is complete, or per start and end of an event.",
    ),
    "serve": (
        "auricle.cli.serve:serve",
        "Serve predictions over HTTP and WebSocket until stopped; every prediction is kept in the store.",
    ),
    "doctor": (
        "auricle.cli.doctor:doctor",
        "Show what is installed and missing and how fast it is; with a model, check that all routes predict the same.",
    ),
}

_OPERATE: Section = {
    "keys create": (
        "auricle.cli.keys:create_key",
        "Create an API key and print it once; the store keeps only its hash.",
    ),
    "keys list": (
        "auricle.cli.keys:list_keys",
        "List the API keys with names, scopes and expiry, without their secrets.",
    ),
    "keys revoke": (
        "auricle.cli.keys:revoke_key",
        "Revoke an API key; running servers refuse it within seconds.",
    ),
    "feedback import": (
        "auricle.cli.feedback:import_feedback",
        "Import labels for logged predictions: by id from a table, or by file name and time from a label track.",
    ),
    "feedback export": (
        "auricle.cli.feedback:export_feedback",
        "Export every labelled prediction with its latest label, one row each.",
    ),
    "models add": (
        "auricle.cli.models:add_model",
        "Add a bundle to the registry if its self-test passes; the first of a name becomes its champion.",
    ),
    "models list": ("auricle.cli.models:list_models", "List all bundles, the newest first."),
    "models show": (
        "auricle.cli.models:show_model",
        "Show a bundle: its card, the changes of its name's champion and challenger, and the last retrainings.",
    ),
    "models promote": (
        "auricle.cli.models:promote_model",
        "Make a bundle the champion of its name; running servers follow within seconds.",
    ),
    "models rollback": (
        "auricle.cli.models:roll_back",
        "Restore the previous champion of a name; repeat to go further back.",
    ),
    "monitor": (
        "auricle.cli.monitor:monitor",
        "Compare live sound with the training data: drift and its cause, estimated and measured quality, a verdict.",
    ),
    "watch": (
        "auricle.cli.watch:watch",
        "Monitor the store's champions at intervals: keep every check, send alarms, retrain on new labels.",
    ),
    "retrain": (
        "auricle.cli.retrain:retrain",
        "Train a challenger on DATA and on the labels since; promote it if it beats the champion.",
    ),
}

SECTIONS: dict[str, Section] = {
    "Start and explore": _EXPLORE,
    "Train and score": _TRAIN,
    "Predict": _PREDICT,
    "Operate": _OPERATE,
}
"""Every command, by its section of the help; its module is imported when it is called."""

COMMANDS = {name: command for section in SECTIONS.values() for name, command in section.items()}

GROUPS: dict[str, str] = {
    "keys": "API keys of the server and their scopes.",
    "feedback": "Labels for logged predictions.",
    "models": "The registry of bundles: champions, challengers, and their history.",
}
"""Help of the groups of two-word commands, by the first word."""

_STARTUP_GC_THRESHOLD = 10_000
"""New objects between two garbage collections during start-up: at Python's own 700, they take a tenth of it in vain."""

_USUAL_GC_THRESHOLD = gc.get_threshold()


def begin_startup() -> None:
    """Collect garbage seldom while a command is imported."""
    gc.set_threshold(_STARTUP_GC_THRESHOLD)


def end_startup() -> None:
    """Collect garbage at Python's own threshold again, once a command begins its work."""
    gc.set_threshold(*_USUAL_GC_THRESHOLD)

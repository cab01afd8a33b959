"""The typer application over the table of commands: lazy import of commands, and plain-text help."""

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from itertools import pairwise
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from auricle import __version__
from auricle.cli.commands import COMMANDS, GROUPS, SECTIONS
from auricle.errors import UsageError

__all__ = ["app", "load_command"]

_MAX_WIDTH = 120  # columns of help, on a terminal of any width
_NAME_WIDTH = 26  # columns of an option and its type; help of a longer one starts on the next line


def load_command(name: str) -> Callable[..., None]:
    """Import and return the function of a command of `COMMANDS`."""
    module, _, function = COMMANDS[name][0].partition(":")
    command: Callable[..., None] = getattr(import_module(module), function)
    return command


class _Commands(Mapping[str, Any]):
    """The commands of a group by their next word, each imported on lookup; the root's group is "".

    Typer and click use it as their dictionary of commands, so suggestions see every name.
    """

    def __init__(self, group: str) -> None:
        self._prefix = f"{group} " if group else ""

    def __iter__(self) -> Iterator[str]:
        return iter(_help_lines(self._prefix, COMMANDS))

    def __len__(self) -> int:
        return len(_help_lines(self._prefix, COMMANDS))

    def __getitem__(self, word: str) -> Any:
        name = self._prefix + word
        if name in GROUPS:
            return typer.main.get_command(_typer(name, GROUPS[name], callback=_no_options))
        if name not in COMMANDS:
            raise KeyError(word)
        single = _typer(name, None)
        single.command(word, cls=_Command)(load_command(name))
        return typer.main.get_command(single)


def _help_lines(prefix: str, commands: Mapping[str, tuple[str, str]]) -> dict[str, str]:
    """Return the next word of each command with a prefix, and its one-line help."""
    words: dict[str, str] = {}
    for name, (_, line) in commands.items():
        if name.startswith(prefix):
            word, _, rest = name.removeprefix(prefix).partition(" ")
            words[word] = GROUPS[prefix + word] if rest else line
    return words


def _check_no_empty(arguments: list[str]) -> None:
    """Refuse what an unset variable of a shell leaves; as a path it would be the current folder.

    Raises
    ------
    UsageError : an argument is empty
    """
    for before, argument in pairwise(["", *arguments]):
        name, equals, value = argument.partition("=")
        if not argument.strip() or (name.startswith("-") and equals and not value.strip()):
            option = name if equals else before
            where = f"`{option}` has none" if option.startswith("-") else "One is empty"
            raise UsageError(f"Every argument must have a value. {where}: is a variable unset?")


def _write_parameters(command: Any, context: Any, formatter: Any) -> None:
    """Write arguments and options, grouped by panel."""
    panels: dict[str, list[tuple[str, str]]] = {}
    for parameter in command.get_params(context):
        if (record := parameter.get_help_record(context)) is not None:
            default = "Arguments" if parameter.param_type_name == "argument" else "Options"
            panels.setdefault(getattr(parameter, "rich_help_panel", None) or default, []).append(record)
    for name, records in panels.items():
        with formatter.section(name):
            formatter.write_dl(records, col_max=_NAME_WIDTH)


class _Command(TyperCommand):
    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        _check_no_empty(args)
        return super().parse_args(ctx, args)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        _write_parameters(self, ctx, formatter)


class _Group(TyperGroup):
    def __init__(self, **attributes: Any) -> None:
        group = attributes["name"]
        super().__init__(**attributes | {"commands": _Commands(group if group in GROUPS else "")})
        self._sections = {"Commands": COMMANDS} if group in GROUPS else SECTIONS

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        return list(self.commands)  # typer's own looks up every command

    def format_options(self, ctx: Any, formatter: Any) -> None:
        _write_parameters(self, ctx, formatter)
        prefix = f"{self.name} " if self.name in GROUPS else ""
        for section, commands in self._sections.items():
            with formatter.section(section):
                formatter.write_dl(list(_help_lines(prefix, commands).items()))


def _typer(name: str, text: str | None, callback: Callable[..., None] | None = None) -> typer.Typer:
    return typer.Typer(
        name=name,
        help=text,
        callback=callback,
        cls=_Group,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"max_content_width": _MAX_WIDTH},
    )


def _no_options() -> None:
    pass


def _print_version(is_wanted: bool) -> None:
    if is_wanted:
        typer.echo(f"auricle {__version__}")
        raise typer.Exit


def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


app = _typer(
    "auricle",
    "Machine learning on sound: from labelled recordings to a model that works in the world and keeps working.",
    _options,
)

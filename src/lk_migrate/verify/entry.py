"""Which file a person runs: the one that calls `cli.run_app` when it is run."""

from __future__ import annotations

import ast
from pathlib import Path

from lk_migrate.model import UserError
from lk_migrate.verify.needs import parse
from lk_migrate.verify.workspace import is_aside

_USUAL = ("main.py", "agent.py", "app.py", "src/main.py", "src/agent.py")


def find_main(root: Path, files: tuple[str, ...], wanted: str | None) -> tuple[str | None, str]:
    """The main file relative to the root, or None and the reason.

    Raises UserError when `wanted` is not there, or when several files could be meant."""
    if wanted is not None:
        relative = Path(wanted).as_posix()
        if not (root / relative).is_file():
            raise UserError(f"--main {wanted}: there is no such file below the project's root.")
        return relative, ""
    starting = [file for file in files if _runs_app(root / file)]
    found = [file for file in starting if not is_aside(file)] or starting
    for usual in _USUAL:
        if usual in found:
            return usual, ""
    if len(found) > 1:
        raise UserError(f"several files start an agent ({', '.join(found[:6])}); choose one with --main.")
    if not found:
        return None, "no file calls cli.run_app(...), so there is no console to run; name one with --main"
    return found[0], ""


def _runs_app(file: Path) -> bool:
    tree = parse(file)
    calls = (node.func for node in ast.walk(tree) if isinstance(node, ast.Call)) if tree is not None else ()
    return any(
        (isinstance(function, ast.Attribute) and function.attr == "run_app")
        or (isinstance(function, ast.Name) and function.id == "run_app")
        for function in calls
    )


def launch(root: Path, main: str) -> tuple[str, ...]:
    """What follows `python` on the command line that runs a main file: its path, or `-m` and its module's name.

    The imports say which: relative ones, and those from a folder of the root (`from src.agents import …`)."""
    tree = parse(root / main)
    nodes = ast.walk(tree) if tree is not None else ()
    if any(_is_from_the_root(node, root, (root / main).parent) for node in nodes):
        return ("-m", main.removesuffix(".py").replace("/", "."))
    return (main,)


def _is_from_the_root(node: ast.AST, root: Path, beside: Path) -> bool:
    """Whether an import finds its module from the root, and not beside the main file."""
    if beside == root:
        return isinstance(node, ast.ImportFrom) and bool(node.level)
    if isinstance(node, ast.ImportFrom):
        return bool(node.level) or _is_only_in(root, beside, node.module or "")
    return isinstance(node, ast.Import) and any(_is_only_in(root, beside, alias.name) for alias in node.names)


def _is_only_in(root: Path, beside: Path, module: str) -> bool:
    top = module.partition(".")[0]
    return _is_importable(root, top) and not _is_importable(beside, top)


def _is_importable(folder: Path, name: str) -> bool:
    return bool(name) and ((folder / f"{name}.py").is_file() or any((folder / name).glob("**/*.py")))

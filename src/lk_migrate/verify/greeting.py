"""Where code speaks first: found in its syntax trees, to tell a greeting that was lost from one that never was."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from lk_migrate.model import Place
from lk_migrate.verify.context import Context
from lk_migrate.verify.needs import parse
from lk_migrate.verify.rows import Row, Status

#: What makes an agent speak, in every edition; `run` only with what the caller is taken to have said.
_SPEAKS = frozenset({"say", "generate_reply"})
_CALLED_FIRST = frozenset({"on_enter"})  # by the framework, when an agent gets the floor

Body = ast.Module | ast.FunctionDef | ast.AsyncFunctionDef


def greetings(root: Path, files: list[str]) -> list[Place]:
    """Every call that speaks on the way from an entrypoint, or on entering; not those of tools and handlers."""
    functions: dict[str, list[tuple[str, Body]]] = defaultdict(list)
    todo: list[tuple[str, Body]] = []
    for file in files:
        tree = parse(root / file)
        if tree is None:
            continue
        named = _named_entrypoints(tree)
        todo.append((file, tree))  # `asyncio.run(main())` below it all is a way in, too
        for node in ast.walk(tree):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                functions[node.name].append((file, node))
                if node.name in named | _CALLED_FIRST or _is_entrypoint(node):
                    todo.append((file, node))
    found: dict[Place, None] = {}
    seen: set[int] = set()
    while todo:
        file, code = todo.pop()
        if id(code) in seen:
            continue
        seen.add(id(code))
        for call in _calls(code.body):
            name = _name(call.func)
            if _speaks(call, name):
                found[Place(file, call.lineno, call.lineno)] = None
            else:
                todo.extend(functions.get(name, ()))
    return sorted(found, key=lambda place: (place.path, place.line))


def silent(context: Context, stage: str) -> Row:
    """The row for an agent that does not speak first: a failure when a greeting of the old code has got lost."""
    old = greetings(context.before.root, context.before.app_files()) if context.before is not None else []
    new = greetings(context.workspace, context.app_files)
    if context.before is None or not old:
        return Row(stage, "greeting", Status.SKIPPED, "it waits for the person to speak first")
    places = ", ".join(str(place) for place in old[:3])
    if len(new) < len(old):
        detail = f"it does not speak first; in {context.before.origin} it did, at {places}"
        return Row(stage, "greeting", Status.FAILED, detail, new[0] if new else None)
    detail = "it speaks first under a condition that does not hold here"
    return Row(stage, "greeting", Status.SKIPPED, detail, new[0])


def _is_entrypoint(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    takes = [ast.unparse(one.annotation) for one in function.args.args if one.annotation is not None]
    marks = [ast.unparse(one) for one in function.decorator_list]
    return any("JobContext" in one for one in takes) or any("rtc_session" in one for one in marks)


def _named_entrypoints(tree: ast.Module) -> set[str]:
    """Functions that are given as `entrypoint_fnc=`."""
    keywords = [node for node in ast.walk(tree) if isinstance(node, ast.keyword) and node.arg == "entrypoint_fnc"]
    return {node.value.id for node in keywords if isinstance(node.value, ast.Name)}


def _calls(body: list[ast.stmt]) -> Iterator[ast.Call]:
    """The calls of a function's own code: what it defines inside is run by somebody else, or called by name."""
    todo: list[ast.AST] = list(body)
    while todo:
        node = todo.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            continue
        if isinstance(node, ast.Call):
            yield node
        todo.extend(ast.iter_child_nodes(node))


def _name(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _speaks(call: ast.Call, name: str) -> bool:
    if not isinstance(call.func, ast.Attribute):
        return False
    if name == "create":  # 0.x: `session.response.create()` of a realtime model
        return isinstance(call.func.value, ast.Attribute) and call.func.value.attr == "response"
    return name in _SPEAKS or (name == "run" and any(one.arg == "user_input" for one in call.keywords))

"""Numbers about a project before and after, counted in its code with `ast`: nothing is estimated."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

from lk_migrate.model import Action, FileChange, Plan


@dataclass(frozen=True)
class Measure:
    """A row of the before/after table; `note` says what it means."""

    name: str
    before: str
    after: str
    note: str = ""


def measures(plan: Plan) -> list[Measure]:
    """The main module, the agents, tools, error handling, sessions, turn detection."""
    return [*_main(plan), *_agents(plan), *_session(plan)]


def _main(plan: Plan) -> Iterator[Measure]:
    if plan.main is None:
        return
    main = plan.main
    old, new = _tree(plan, main.path, new=False), _tree(plan, main.path, new=True)
    yield Measure(f"{main.path}", f"{main.lines_before:,} lines", f"{main.lines_after:,} lines", main.rest)
    yield Measure(
        f"longest function in {main.path}",
        f"{_longest(old):,} lines",
        f"{_longest(new):,} lines",
    )
    tries = [sum(isinstance(n, ast.Try) for n in ast.walk(t)) for t in (old, new)]
    moved = sum(isinstance(n, ast.Try) for p in main.support for n in ast.walk(_tree(plan, p, new=True)))
    note = f"{moved} in {', '.join(main.support)}" if moved else ""
    yield Measure(f"error handling in {main.path}", f"{tries[0]} try blocks", f"{tries[1]} try blocks", note)


def _agents(plan: Plan) -> Iterator[Measure]:
    gone = {f.place.path for f in plan.findings if f.rule == "LK101" and f.action is Action.REMOVED}
    left = {f.place.path for f in plan.todo if f.rule == "LK101"}
    for agent in plan.agents:
        sizes = [_class_size(_tree(plan, agent.path, new=new), agent.name) for new in (False, True)]
        before, after = (sizes[0], sizes[1]) if all(sizes) else (agent.lines_before, agent.lines_after)
        yield Measure(f"class {agent.name}", f"{before:,} lines", f"{after:,} lines", agent.path)
        count = len(agent.tools)
        decorated = [_decorated(_tree(plan, agent.path, new=new), agent.name) for new in (False, True)]
        yield Measure(
            f"tools of {agent.name}", f"{count}, {decorated[0]} decorated", f"{count}, {decorated[1]} decorated"
        )
        if agent.gate is not None:
            removed = bool(gone) and agent.path not in left
            calls = f"{agent.gate} call{'s' * (agent.gate != 1)} per utterance"
            now = f"max_tool_steps={agent.gate - 1}" if removed else "still there"
            yield Measure(f"turn gate of {agent.name}", calls, now, "by hand in every tool before" if removed else "")


def _session(plan: Plan) -> Iterator[Measure]:
    telling = [c.path for c in plan.changes if c.path.endswith(".py") and _mentions_sessions(c)]
    trees = {new: [_tree(plan, path, new=new) for path in telling] for new in (False, True)}
    counts = [sum(_name(n.func) == "AgentSession" for t in trees[new] for n in _calls(t)) for new in (False, True)]
    if any(counts):
        yield Measure("sessions made", str(counts[0]), str(counts[1]), "`AgentSession(…)` in the files that changed")
    turns = [sorted({text for t in trees[new] for text in _turn_detection(t)}) for new in (False, True)]
    if any(counts) or any(turns):
        yield Measure("turn detection", ", ".join(turns[0]) or "the default", ", ".join(turns[1]) or "the default")


def _mentions_sessions(change: FileChange) -> bool:
    """Whether it is worth parsing: most files of a project are not."""
    both = (change.before or b"") + (change.after or b"")
    return b"AgentSession" in both or b"turn_detection" in both


def _tree(plan: Plan, path: str, *, new: bool) -> ast.Module:
    change = next((c for c in plan.changes if c.path == path), None)
    data = (change.after if new else change.before) if change is not None else None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes in the person's strings
            return ast.parse(data or b"")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.Module([], [])


def _longest(tree: ast.Module) -> int:
    functions = (n for n in ast.walk(tree) if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef)))
    return max(((n.end_lineno or n.lineno) - n.lineno + 1 for n in functions), default=0)


def _class(tree: ast.Module, name: str) -> ast.ClassDef | None:
    return next((n for n in ast.walk(tree) if isinstance(n, ast.ClassDef) and n.name == name), None)


def _class_size(tree: ast.Module, name: str) -> int:
    node = _class(tree, name)
    return (node.end_lineno or node.lineno) - node.lineno + 1 if node is not None else 0


def _decorated(tree: ast.Module, name: str) -> int:
    node = _class(tree, name)
    if node is None:
        return 0
    methods = (n for n in node.body if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef)))
    return sum(any(_name(d).endswith("function_tool") for d in m.decorator_list) for m in methods)


def _calls(tree: ast.Module) -> Iterator[ast.Call]:
    return (n for n in ast.walk(tree) if isinstance(n, ast.Call))


def _name(node: ast.expr) -> str:
    """The last part of what is called."""
    if isinstance(node, ast.Call):
        return _name(node.func)
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _turn_detection(tree: ast.Module) -> Iterator[str]:
    for call in _calls(tree):
        for word in call.keywords:
            if word.arg == "turn_detection":
                yield ast.unparse(word.value)
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and key.value == "turn_detection":
                    yield ast.unparse(value)

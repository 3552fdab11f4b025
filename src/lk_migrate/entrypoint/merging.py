"""One construction and one start for several paths: which arguments they share, and where the others are set.

An argument that every path gives in the same words stands in main.py. One that differs becomes an attribute of the
shared state, set on each path just before the session is made or started (models and the agent as early as their
names allow, so that they stand with the other models, and the agent is known when the session is made).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import libcst as cst

from lk_migrate.entrypoint.names import Names
from lk_migrate.entrypoint.spine import Branch, CannotSplit, Cut, Guard, Items, Plain, ends, walk
from lk_migrate.facts.models import MODEL_KEYWORDS
from lk_migrate.facts.scopes import occurrences
from lk_migrate.facts.sessions import Construction
from lk_migrate.facts.walk import descendants, find

#: Parameters of `AgentSession(...)` and `.start(...)` whose default is not NOT_GIVEN: livekit-agents 1.8.9.
_DEFAULTS = {
    "max_tool_steps": "3",
    "min_consecutive_speech_delay": "0.0",
    "expressive": "False",
    "ivr_detection": "False",
    "user_away_timeout": "15.0",
    "transcription_timeout": "None",
    "session_close_transcript_timeout": "2.0",
    "loop": "None",
    "capture_run": "False",
}
_MUTATORS = frozenset({"append", "clear", "extend", "insert", "pop", "remove", "setdefault", "update"})


@dataclass(eq=False)
class Differing:
    """A keyword whose value is not the same on every path. `values`: in words of the path that the cut is on."""

    label: str
    name: str
    values: dict[Cut, cst.BaseExpression]
    places: dict[Cut, Cut] = field(default_factory=dict)
    attribute: str = ""

    @property
    def is_same_name(self) -> bool:
        """Whether a path gives it as `stt=stt`."""
        return any(isinstance(v, cst.Name) and v.value == self.name for v in self.values.values())


@dataclass
class Merged:
    """The keywords of construction and start in their order, and those that differ."""

    order: dict[str, list[str]]
    differing: list[Differing]

    def homes(self, phase: Callable[[Cut], int]) -> dict[cst.CSTNode, int]:
        """Each differing value → the phase in which it is set."""
        return {v: phase(d.places[cut]) for d in self.differing for cut, v in d.values.items()}

    def at(self, cut: Cut) -> list[tuple[Differing, cst.BaseExpression]]:
        """What is set just before `cut`."""
        return [(d, v) for d in self.differing for own, v in d.values.items() if d.places[own] is cut]

    def find(self, label: str, name: str) -> Differing | None:
        return next((d for d in self.differing if (d.label, d.name) == (label, name)), None)


def merge(cuts: Sequence[Cut], code: Callable[[cst.CSTNode], str]) -> Merged:
    """Compare the arguments of every construction, and of every start. Raises `CannotSplit`."""
    merged = Merged({}, [])
    for label in ("session", "start"):
        sites = [c for c in cuts if c.label == label]
        merged.order[label] = []
        if len(sites) > 1:
            _merge(label, sites, merged, code)
    return merged


def _merge(label: str, cuts: Sequence[Cut], merged: Merged, code: Callable[[cst.CSTNode], str]) -> None:
    order = merged.order[label]
    given: dict[Cut, dict[str, cst.BaseExpression]] = {}
    for cut in cuts:
        site = cut.site
        assert site is not None
        if isinstance(site, Construction) and not site.is_literal:
            raise CannotSplit("the paths make their sessions in different ways", site.statement)
        given[cut] = {}
        for arg in site.call.args:
            if arg.keyword is None and not arg.star:
                raise CannotSplit("the paths give their sessions positional arguments", site.statement)
            name = arg.keyword.value if arg.keyword is not None else f"{arg.star}{code(arg.value)}"
            given[cut][name] = arg.value
            if name not in order:
                order.append(name)
    for name in order:
        if name.startswith("*"):
            if not all(name in values for values in given.values()):
                raise CannotSplit("the paths give their sessions different starred arguments", cuts[0].site.statement)  # type: ignore[union-attr]
            continue
        if len({code(values[name]) if name in values else None for values in given.values()}) > 1:
            values = {c: given[c][name] if name in given[c] else _default(name) for c in cuts}
            merged.differing.append(Differing(label, name, values, {c: c for c in cuts}))


def _default(name: str) -> cst.BaseExpression:
    """What a path that doesn't give `name` would get."""
    return cst.parse_expression(_DEFAULTS.get(name, "NOT_GIVEN"))


def place_early(merged: Merged, items: Items, names: Names, phase: Callable[[Cut], int]) -> None:
    """Models go to the end of the choice of models, the agent before the session, if every path's words allow it."""
    for differing in merged.differing:
        if differing.label == "session" and differing.name in MODEL_KEYWORDS:
            earlier = "agent"
        elif differing.label == "start" and differing.name == "agent":
            earlier = "session"
        else:
            continue
        places = {cut: _earlier(cut, earlier, items) for cut in differing.values}
        if all(
            place is not None and _may_move(value, cut, place, items, names, phase)
            for (cut, value), place in zip(differing.values.items(), places.values(), strict=True)
        ):
            differing.places = {cut: place for cut, place in places.items() if place is not None}


def _earlier(cut: Cut, label: str, items: Items) -> Cut | None:
    """The cut `label` that stands beside `cut`, before it."""
    for level in _levels(items):
        if cut in level:
            before = level[: level.index(cut)]
            return next((i for i in before if isinstance(i, Cut) and i.label == label), None)
    return None


def _levels(items: Items) -> list[Items]:
    found = [items]
    for item in walk(items):
        if isinstance(item, Branch):
            found.extend(item.arms)
        elif isinstance(item, Guard):
            found.append(item.body)
    return found


def _may_move(
    value: cst.BaseExpression, cut: Cut, place: Cut, items: Items, names: Names, phase: Callable[[Cut], int]
) -> bool:
    """Whether `value` means the same at `place`: nothing that it reads is bound or changed in between."""
    read = {o.name for o in occurrences(value) if o.name in names.uses}
    if any(not (0 <= home <= phase(place)) for name in read for home in names.bound_in(name)):
        return False
    level = next(level for level in _levels(items) if cut in level)
    between = level[level.index(place) + 1 : level.index(cut)]
    return not any(_changes(item.node, read) for item in between if isinstance(item, Plain))


def _changes(statement: cst.CSTNode, names: set[str]) -> bool:
    """Whether `statement` changes what one of `names` holds, as far as can be seen."""
    for node in find(statement, cst.AssignTarget, cst.AugAssign, cst.AnnAssign, cst.Del, cst.Call):
        target: cst.CSTNode | None = None
        if isinstance(node, (cst.AssignTarget, cst.AugAssign, cst.AnnAssign, cst.Del)):
            target = node.target
        elif isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and node.func.attr.value in _MUTATORS:
            target = node.func.value
        while isinstance(target, (cst.Attribute, cst.Subscript)):
            target = target.value
        if isinstance(target, cst.Name) and target.value in names and not isinstance(node, cst.Name):
            return True
    return False


def name_attributes(merged: Merged, items: Items, names: Names) -> list[str]:
    """Give every differing keyword its attribute; the local names that become one by themselves (`stt=stt`)."""
    own: list[str] = []
    taken = set(names.uses)
    for differing in merged.differing:
        name = differing.name
        if name not in taken:
            differing.attribute = name
        elif differing.is_same_name and _is_only_itself(differing, items, names):
            differing.attribute = name
            own.append(name)
        else:
            differing.attribute = f"{differing.label}_{name}"
            while differing.attribute in taken:
                differing.attribute += "_"
        taken.add(differing.attribute)
    return own


def _is_only_itself(differing: Differing, items: Items, names: Names) -> bool:
    """Whether setting the attribute on the paths that give another value can disturb nobody."""
    nodes = {id(o.node) for _, o in names.uses[differing.name]}
    for cut, value in differing.values.items():
        if isinstance(value, cst.Name) and value.value == differing.name:
            continue
        arm = next((a for b in walk(items) if isinstance(b, Branch) for a in b.arms if cut in tuple(walk(a))), None)
        if arm is None or (not ends(arm) and _used_outside(nodes, arm, items)):
            return False
        if any(id(n) in nodes for i in walk(arm) for n in _own_nodes(i)):
            return False
    return True


def _used_outside(nodes: set[int], arm: Items, items: Items) -> bool:
    """Whether code that every path runs uses the name."""
    return any(id(n) in nodes for i in items if isinstance(i, Plain) for n in descendants(i.node))


def _own_nodes(item: object) -> list[cst.CSTNode]:
    if isinstance(item, Plain):
        return list(descendants(item.node))
    if isinstance(item, Cut) and item.site is not None:
        return list(descendants(item.site.statement))
    return []

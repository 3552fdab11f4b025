"""The dicts that carry deprecated keywords to `AgentSession`, `Agent` and `AgentTask`, for the whole project."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from keyword import iskeyword

import libcst as cst

from lk_migrate.facts.flows import Source, follow, subscript_key, text_key
from lk_migrate.facts.framework import callee, constructed
from lk_migrate.facts.importers import where_livekit_is_imported
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.module import Module
from lk_migrate.facts.partials import partial_behind
from lk_migrate.facts.project import Project
from lk_migrate.facts.public_names import public_names
from lk_migrate.facts.testcode import is_test
from lk_migrate.facts.v0_names import AGENTS, SESSIONS, Kind, kind_of_name

#: Old turn-taking keywords; what they become is the rules' business (rules/v1/turn_options.py).
TURN_KEYS = frozenset(
    {
        "turn_detection",
        "min_endpointing_delay",
        "max_endpointing_delay",
        "allow_interruptions",
        "min_interruption_duration",
        "min_interruption_words",
        "discard_audio_if_uninterruptible",
        "false_interruption_timeout",
        "agent_false_interruption_timeout",
        "resume_false_interruption",
        "preemptive_generation",
    }
)
#: Those that mean nothing but these keywords, wherever they stand.
_TELLING = frozenset(k for k in TURN_KEYS if "endpointing" in k or "interruption_" in k or "false_interruption" in k)
CLASSES = frozenset({"AgentSession", "Agent", "AgentTask"})
#: What 0.x called some of them, at the call of what becomes a session (rules/v0/lk202_agent_and_session.py).
_OF_0X = frozenset({"turn_detector", "interrupt_speech_duration", "interrupt_min_words", "preemptive_synthesis"})
_AGENT, _SESSION = "livekit.agents.Agent()", "livekit.agents.AgentSession()"


@dataclass(frozen=True)
class KeywordDicts:
    """`rewrite`: sources to be rewritten where they stand; `left`: calls for a person, with the reason.

    `mixed`: calls whose own old keywords must stay as they are, because a dict brings more of them.
    `joined`: dict displays that the old keywords of the one call which takes them go into, as `taken` from it.
    `spelled`: calls whose `**constant` is to be spelled out, key by key (the constant stays): the argument, its keys.
    """

    rewrite: Mapping[cst.CSTNode, Source] = field(default_factory=dict)
    left: Mapping[cst.CSTNode, str] = field(default_factory=dict)
    mixed: Set[cst.CSTNode] = frozenset()
    spelled: Mapping[cst.CSTNode, tuple[cst.Arg, tuple[str, ...]]] = field(default_factory=dict)
    joined: Mapping[cst.CSTNode, tuple[cst.Arg, ...]] = field(default_factory=dict)
    taken: Mapping[cst.CSTNode, tuple[cst.Arg, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Verdict:
    """What a call takes: `carriers`, the sources with old keys, at `places`. They stay as they are for a `reason`.

    `keys`: those of the one constant `star`, where it can be spelled out. `given`: the call's own old keywords, which
    go into the display `built` of its dict.
    """

    call: cst.Call
    carriers: tuple[Source, ...]
    places: str
    reason: str
    star: cst.Arg
    keys: tuple[str, ...]
    built: cst.Dict | None = None
    given: tuple[cst.Arg, ...] = ()


def keyword_dicts(project: Project) -> KeywordDicts:
    """Every `AgentSession(**…)` of the project, judged."""
    if not any(k.encode() in data for data in project.files.values() for k in TURN_KEYS):
        return KeywordDicts()
    verdicts: list[_Verdict] = []
    lost: dict[cst.Call, str] = {}
    seen: set[cst.CSTNode] = set()
    for path in sorted(project.paths_with([b"**"]) & project.fact(where_livekit_is_imported)):
        module = project.module(path)
        for call in module.index.of(cst.Call) if module is not None else ():
            stars = [a for a in call.args if a.star == "**"]
            if module is None or not stars or not _takes(project, module, call):
                continue
            taken = _taken(project, module, stars)
            seen.update(s.node for s in taken.sources)
            if any(s.keys & TURN_KEYS for s in taken.sources):
                verdicts.append(_judged(project, module, call, stars, taken))
            elif taken.unknown:
                lost[call] = taken.unknown[0]
    found = _settled(verdicts)
    return replace(found, left={**found.left, **dict(_from_afar(project, lost, seen))}) if lost else found


def _settled(verdicts: Sequence[_Verdict]) -> KeywordDicts:
    """A dict that one call leaves to a person stays as it is for the others that take it, and what else these take."""
    kept = {v.call: v.reason for v in verdicts if v.reason}
    while True:
        held = {s.node for v in verdicts if v.call in kept for s in v.carriers}
        shared = [v for v in verdicts if v.call not in kept and any(s.node in held for s in v.carriers)]
        if not shared:
            break
        kept.update((v.call, "that another call takes, too, which is not rewritten") for v in shared)
    staying = [v for v in verdicts if v.call in kept]
    going = [v for v in verdicts if v.call not in kept]
    joined = {v.built: v for v in going if v.built is not None}
    left: dict[cst.CSTNode, str] = {v.call: _left(v, kept[v.call]) for v in staying if not v.keys}
    return KeywordDicts(
        rewrite={s.node: s for v in going for s in v.carriers if s.node not in left},
        left=left,
        mixed=frozenset(v.call for v in (*staying, *joined.values())),
        spelled={v.call: (v.star, v.keys) for v in staying if v.keys},
        joined={built: v.given for built, v in joined.items()},
        taken={v.call: v.given for v in joined.values()},
    )


def _from_afar(
    project: Project, lost: Mapping[cst.Call, str], seen: Set[cst.CSTNode]
) -> Iterator[tuple[cst.CSTNode, str]]:
    """Calls whose dict cannot be followed (`lost`: what stood in the way), in a project with dicts of old keys that
    no call was seen to take.

    What the project reads by its key goes where it is read.
    """
    telling = _TELLING - project.fact(_reads)
    keys: set[str] = set()
    places: list[str] = []
    for path in sorted(p for p, data in project.files.items() if any(k.encode() in data for k in telling)):
        module = project.module(path) if not is_test(path) else None
        for node in module.index.of(cst.Dict) if module is not None else ():
            old = {text_key(e.key) or "" for e in node.elements if isinstance(e, cst.DictElement)} & TURN_KEYS
            if module is not None and old & telling and node not in seen and not _is_group(module, node):
                keys |= old
                places.append(f"{path}:{module.span(node).line}")
    for call, unknown in lost.items() if keys else ():
        said = ", ".join(f"`{k}`" for k in sorted(keys))
        reason = f"{said}: a dict has them ({', '.join(places)}) that may come here through {unknown}"
        yield call, f"{reason}, which cannot be followed. Give them as one `turn_handling` dict."


def _is_group(module: Module, node: cst.Dict) -> bool:
    """Whether it is the `interruption` of turn options: some keys have kept their names in it."""
    above = module.index.parents.get(node)
    if isinstance(above, cst.DictElement):
        return text_key(above.key) == "interruption"
    return isinstance(above, cst.Arg) and above.keyword is not None and above.keyword.value == "interruption"


def _takes(project: Project, module: Module, call: cst.Call) -> bool:
    return constructed(project, module, call, "turn_detection") in CLASSES or _becomes_session(project, module, call)


def _becomes_session(project: Project, module: Module, call: cst.Call) -> bool:
    return kind_of_name(project.full_name(module, call.func)) in (Kind.PIPELINE, Kind.MULTIMODAL)


def _reads(project: Project) -> frozenset[str]:
    """Old keys that the project reads from some dict: `config["allow_interruptions"]`, `config.get(…)`."""
    found: set[str] = set()
    for path, data in sorted(project.files.items()):
        module = project.module(path) if any(k.encode() in data for k in TURN_KEYS) else None
        if module is None:
            continue
        for node in module.index.of(cst.Subscript):
            if not isinstance(module.index.parents.get(node), cst.AssignTarget):
                found.add(subscript_key(node) or "")
        for call in module.index.of(cst.Call):
            if isinstance(call.func, cst.Attribute) and call.func.attr.value in ("get", "pop") and call.args:
                found.add(text_key(call.args[0].value) or "")
    return frozenset(found & TURN_KEYS)


@dataclass(frozen=True)
class _Taken:
    """Where the dicts of a call come from, what cannot be followed, and the keys that are read from them meanwhile.

    `layers`: of each source, the dict at the call and the layer in it (see `Flow`).
    """

    sources: tuple[Source, ...]
    unknown: tuple[str, ...]
    read: frozenset[str]
    layers: Mapping[cst.CSTNode, tuple[int, int]]


def _taken(project: Project, module: Module, stars: Iterable[cst.Arg]) -> _Taken:
    flows = [follow(project, module, arg.value, lambda where, other: _takes(project, where, other)) for arg in stars]
    return _Taken(
        tuple(s for flow in flows for s in flow.sources),
        tuple(u for flow in flows for u in flow.unknown),
        frozenset(key for flow in flows for key in flow.read),
        {node: (i, layer) for i, flow in enumerate(flows) for node, layer in flow.layers.items()},
    )


def _judged(project: Project, module: Module, call: cst.Call, stars: list[cst.Arg], taken: _Taken) -> _Verdict:
    carriers = tuple(s for s in taken.sources if s.keys & TURN_KEYS)
    carried = frozenset().union(*(s.keys for s in carriers))
    if any(not isinstance(s.module.index.enclosing(s.node, cst.FunctionDef), cst.FunctionDef) for s in carriers):
        taken = replace(taken, read=taken.read | (project.fact(_reads) & carried))
    filled = partial_behind(project, module, callee(call))
    before = {a.keyword.value for a in filled[1].args if a.keyword is not None} if filled is not None else set()
    own = {a.keyword.value for a in call.args if a.keyword is not None} | before
    own &= TURN_KEYS | _OF_0X | {"turn_handling"}
    places = ", ".join(sorted({*_places(module, stars, carriers)}))
    keys = _spelled_out(taken, stars)
    if before & own:
        keys = ()
    if keys and (_becomes_session(project, module, call) or _has_stranger(project, module, call, keys)):
        keys = ()
    verdict = _Verdict(call, carriers, places, _reason(taken, carriers, own), stars[0], keys)
    if not verdict.reason or not own <= TURN_KEYS - carried - before or _reason(taken, carriers, set()):
        return verdict
    built = _built_for(module, call, stars, taken.sources)
    given = tuple(a for a in call.args if a.keyword is not None and a.keyword.value in own)
    if built is None or not all(_is_steady(module, a.value) for a in given):
        return verdict
    return replace(verdict, reason="", built=built, given=given)


def _left(verdict: _Verdict, reason: str) -> str:
    old = frozenset().union(*(s.keys for s in verdict.carriers)) & TURN_KEYS
    keys = ", ".join(f"`{k}`" for k in sorted(old))
    return f"{keys}: from a dict ({verdict.places}) {reason}. Give them as one `turn_handling` dict."


def _built_for(module: Module, call: cst.Call, stars: Sequence[cst.Arg], sources: Sequence[Source]) -> cst.Dict | None:
    """The one display of the dict, when the function around makes it for this call, and for nothing else."""
    function = module.index.enclosing(call, cst.FunctionDef)
    builders = [s for s in sources if s.how in ("literal", "call")]
    if function is None or len(stars) != 1 or len(builders) != 1 or not isinstance(stars[0].value, cst.Name):
        return None
    display, name = builders[0].node, stars[0].value.value
    line = module.index.parents.get(display)
    targets = [t.target for t in line.targets] if isinstance(line, cst.Assign) else []
    targets += [line.target] if isinstance(line, cst.AnnAssign) else []
    if not isinstance(display, cst.Dict) or builders[0].spread or [dotted(t) for t in targets] != [name]:
        return None
    if any(module.index.enclosing(s.node, cst.FunctionDef, cst.Lambda) is not function for s in sources):
        return None
    own = (n for n in module.names.get(name, ()) if isinstance(module.index.parents.get(n), cst.Arg))
    handed_on = [n for n in own if module.index.enclosing(n, cst.FunctionDef) is function]
    return display if handed_on == [stars[0].value] else None


def _is_steady(module: Module, value: cst.BaseExpression) -> bool:
    """Whether a value is the same where the dict is made: it is written out, or a name of the module."""
    if isinstance(value, cst.Name):
        around = (scope for scope in module.scopes(value) if not isinstance(scope, cst.Module))
        return not any(value.value in module.bound_or_imported(scope) for scope in around)
    return isinstance(value, (cst.Integer, cst.Float, cst.SimpleString))


def _places(module: Module, stars: Iterable[cst.Arg], carriers: Iterable[Source]) -> Iterator[str]:
    """Where the dicts stand; one of the same file by its name, which stays true when the file is taken apart."""
    names = [dotted(a.value) for a in stars]
    for source in carriers:
        if source.module is module and None not in names:
            yield from {f"`**{name}`" for name in names}
        else:
            yield f"{source.module.path}:{source.module.span(source.node).line}"


def _spelled_out(taken: _Taken, stars: Sequence[cst.Arg]) -> tuple[str, ...]:
    """The keys behind `**TURNS` in order, when it is one constant dict that is written out; else nothing."""
    if taken.unknown or len(taken.sources) != 1 or len(stars) != 1 or dotted(stars[0].value) is None:
        return ()
    (source,) = taken.sources
    if source.spread or source.how != "literal" or not isinstance(source.node, cst.Dict):
        return ()
    if source.module.index.enclosing(source.node, cst.FunctionDef, cst.Lambda) is not None:
        return ()
    keys = tuple(text_key(e.key) or "" for e in source.node.elements if isinstance(e, cst.DictElement))
    spellable = all(k.isidentifier() and not iskeyword(k) for k in keys)
    return keys if spellable and "turn_handling" not in keys else ()


def _has_stranger(project: Project, module: Module, call: cst.Call, keys: tuple[str, ...]) -> bool:
    """Whether one of the keys is no argument of the framework's own class: by name, it would still be none."""
    name = project.full_name(module, callee(call))
    own = _SESSION if name in SESSIONS else _AGENT if name in AGENTS else None
    return own is not None and not public_names()[own].issuperset(keys)


def _reason(taken: _Taken, carriers: Sequence[Source], own: Set[str]) -> str:
    """Why a person must look, "" if every place can be rewritten."""
    builders = [s for s in carriers if s.how in ("literal", "call")]
    writers = [s for s in carriers if s.how not in ("literal", "call")]
    if taken.unknown:
        return f"which cannot be followed through {taken.unknown[0]}"
    fields = [s.node.name.value for s in carriers if isinstance(s.node, cst.ClassDef)]
    if fields:
        return f"that is made of the fields of `{fields[0]}`"
    if read := taken.read & TURN_KEYS:
        return f"and {', '.join(sorted(read))} is read from it"
    if own:
        return f"beside {', '.join(f'`{k}=`' for k in sorted(own))} at the call"
    if not all(map(_is_plain, carriers)):
        return "that is written by a statement which does something else, too"
    if any("turn_handling" in s.keys for s in taken.sources):
        return "beside a `turn_handling` in the dict"
    if len(builders) > 1 and any(s.spread for s in taken.sources):
        return "from dicts that are merged"
    if len({taken.layers[s.node] for s in carriers}) > 1:
        return "that is put together from several"
    if writers and any(s.spread for s in taken.sources) and builders:
        return "into a copy of another dict that has such keys"
    return ""


def _is_plain(source: Source) -> bool:
    """Whether nothing else is done with what is written: `x = d["k"] = 1` sets two, `ok = d.update(k=1)` asks."""
    if isinstance(source.node, cst.Assign):
        return len(source.node.targets) == 1
    return source.how != "update" or isinstance(source.module.index.parents.get(source.node), cst.Expr)

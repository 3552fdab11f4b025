"""Keywords with another name today are found in the dicts that bring them: `deepgram.STT(**STT_OPTIONS)`.

The call shows nothing of them, and raises a TypeError or warns all the same. Where a dict goes to such calls only and
every place that fills it is known, its key gets the new name there; otherwise, and where there is no other name, the
call is marked with where the key comes from. Turn-taking keywords and options of rooms have rules of their own
(LK304, LK305), as has a dict of nothing but `mcp_servers`, written at the call (LK311).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

import libcst as cst

from lk_migrate.facts.flows import Source, follow, text_key
from lk_migrate.facts.framework import constructed
from lk_migrate.facts.importers import where_livekit_is_imported
from lk_migrate.facts.keywords_in_place import only_star_gives
from lk_migrate.facts.module import Module
from lk_migrate.facts.plugin_options import PLUGIN_OPTIONS, Options
from lk_migrate.facts.project import Project
from lk_migrate.model import Edition
from lk_migrate.rewrite.arguments import keyword
from lk_migrate.rewrite.changes import Change, Rewrite, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rules.registry import Rule

_P = "livekit.plugins."
_TOOLSETS = Options(unclear={"mcp_servers": "such servers are tools, `tools=[mcp.MCPToolset(id=…, mcp_server=…)]`"})
_CLASSES = {
    "AgentSession": replace(_TOOLSETS, renamed={"keyterms_options": "stt_context_options"}),
    "Agent": _TOOLSETS,
    "AgentTask": _TOOLSETS,
    "WarmTransferTask": Options({"target_phone_number": "sip_call_to"}),
}
_DEEPGRAM, _ELEVENLABS = f"{_P}deepgram.STT", f"{_P}elevenlabs.TTS"
_PLUGINS = {
    **PLUGIN_OPTIONS,
    _DEEPGRAM: replace(PLUGIN_OPTIONS[_DEEPGRAM], renamed={"keyterms": "keyterm"}),
    _ELEVENLABS: replace(PLUGIN_OPTIONS[_ELEVENLABS], unclear={"voice": "see `voice_id=` and `voice_settings=`"}),
}
_OLD = frozenset(
    key.encode()
    for options in (*_CLASSES.values(), *_PLUGINS.values())
    for key in (*options.renamed, *options.dropped, *options.unclear)
)


@dataclass(frozen=True)
class Carried:
    """`renamed`: what fills a dict → its old keys and their new names; `told`: calls for a person, with what to say."""

    renamed: Mapping[cst.CSTNode, Mapping[str, str]] = field(default_factory=dict)
    told: Mapping[cst.CSTNode, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Call:
    """A call with old keywords out of dicts. `certain` when their places are all known, and nothing else takes them."""

    node: cst.Call
    options: Options
    sources: tuple[Source, ...]
    certain: bool


def carried(project: Project) -> Carried:
    """Every call of a known constructor that gets a dict, judged; one that stays keeps what fills its dict for all."""
    if not project.paths_with(_OLD):
        return Carried()
    calls: list[_Call] = []
    for path in sorted(project.paths_with([b"**"]) & project.fact(where_livekit_is_imported)):
        module = project.module(path)
        for call in module.index.of(cst.Call) if module is not None else ():
            stars = [a.value for a in call.args if a.star == "**"]
            if not stars or only_star_gives(call, "mcp_servers"):
                continue
            options = _options(project, module, call) if module is not None else None
            if module is not None and options is not None:
                found = _judged(project, module, call, stars, options)
                calls += [found] if found is not None else []
    staying = [c for c in calls if not c.certain]
    while True:
        held = {s.node for c in staying for s in c.sources}
        more = [c for c in calls if c not in staying and any(s.node in held for s in c.sources)]
        if not more:
            break
        staying += more
    going = [c for c in calls if c not in staying]
    return Carried(
        {s.node: c.options.renamed for c in going for s in c.sources},
        {c.node: _said(c) for c in staying},
    )


def _options(project: Project, module: Module, call: cst.Call) -> Options | None:
    found = _PLUGINS.get(project.full_name(module, call.func) or "")
    return found or _CLASSES.get(constructed(project, module, call, "mcp_servers") or "")


def _judged(
    project: Project, module: Module, call: cst.Call, stars: list[cst.BaseExpression], options: Options
) -> _Call | None:
    flows = [follow(project, module, star, lambda m, c: _options(project, m, c) is options) for star in stars]
    every = [s for flow in flows for s in flow.sources]
    old = {*options.renamed, *options.dropped, *options.unclear}
    sources = tuple(s for s in every if s.keys & old)
    if not sources:
        return None
    given = frozenset(map(keyword, call.args)).union(*(s.keys for s in every))
    read = frozenset(key for flow in flows for key in flow.read)
    certain = (
        not any(flow.unknown for flow in flows)
        and not any(s.keys & (old - options.renamed.keys()) for s in sources)
        and not (given & set(options.renamed.values()))
        and not (read & options.renamed.keys())
        and all(_spelled(s.node, key) for s in sources for key in s.keys & options.renamed.keys())
    )
    return _Call(call, options, sources, certain)


def _said(call: _Call) -> str:
    """One sentence for each key, with the places that it comes from."""
    options, said = call.options, []
    for key in sorted(frozenset().union(*(s.keys for s in call.sources))):
        places = sorted({f"{s.module.path}:{s.module.span(s.node).line}" for s in call.sources if key in s.keys})
        if key in options.renamed:
            now = f"it is `{options.renamed[key]}` now"
        elif key in options.dropped:
            now = "it is gone"
        elif key in options.unclear:
            now = options.unclear[key]
        else:
            continue
        said.append(f"`{key}` comes out of a dict ({', '.join(places)}): {now}")
    return "; ".join(said) + "."


def _spelled(node: cst.CSTNode, key: str) -> list[cst.Name | cst.SimpleString]:
    """What spells the key where a dict is filled: a string, or the name of an argument."""
    names: list[cst.CSTNode | None] = []
    if isinstance(node, cst.Dict):
        names = _strings(node)
    elif isinstance(node, cst.Call):
        names = [arg.keyword for arg in node.args]
        for arg in node.args[:1]:
            first = arg.value
            names += _strings(first) if isinstance(first, cst.Dict) else [first] if arg.keyword is None else []
    elif isinstance(node, cst.Assign):
        for target in node.targets:
            if isinstance(target.target, cst.Subscript) and isinstance(target.target.slice[0].slice, cst.Index):
                names.append(target.target.slice[0].slice.value)
    return [n for n in names if _text(n) == key]  # type: ignore[misc]


def _strings(node: cst.Dict) -> list[cst.CSTNode | None]:
    return [e.key for e in node.elements if isinstance(e, cst.DictElement)]


def _text(node: cst.CSTNode | None) -> str | None:
    if isinstance(node, cst.Name):
        return node.value
    return text_key(node) if isinstance(node, cst.SimpleString) else None


def paths(project: Project) -> frozenset[str]:
    """All files when there is such a dict: what fills it may be anywhere."""
    found = project.fact(carried)
    return frozenset(project.files if found.renamed or found.told else ())


rule = Rule("LK346", Edition.V1, __doc__, since="1.0.0", paths=paths, across_files=True)


@rule.on(cst.Call)
def marked_call(call: cst.Call, file: File) -> Iterator[Change]:
    """A call whose dict a person must look at."""
    said = file.project.fact(carried).told.get(call)
    if said is not None:
        yield Todo(call, said)


@rule.on(cst.Dict, cst.Call, cst.Assign)
def filled(node: cst.Dict | cst.Call | cst.Assign, file: File) -> Iterator[Change]:
    """`{"keyterms": …}`, `dict(keyterms=…)`, `options["keyterms"] = …`, `options.setdefault("keyterms", …)`."""
    for old, new in file.project.fact(carried).renamed.get(node, {}).items():
        for name in _spelled(node, old):
            yield Rewrite(name, partial(_with_name, old, new), f"the key `{old}` is now `{new}`")


def _with_name(old: str, new: str, updated: cst.Name | cst.SimpleString) -> cst.Name | cst.SimpleString:
    return updated.with_changes(value=updated.value.replace(old, new))

"""What is to become of each requirement, whatever file it stands in. Pure: no file format is known here."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from packaging.utils import canonicalize_name

from lk_migrate.manifests import target
from lk_migrate.manifests.imports import MCP, OPTIONAL
from lk_migrate.manifests.pins import UnknownPin, clauses, collides, is_below, raised
from lk_migrate.manifests.requirement import Addition, Edits, Requirement, with_pins
from lk_migrate.model import Action

RAISED, REMOVED, ADDED, CONFLICT = "LK401", "LK402", "LK403", "LK404"


@dataclass(frozen=True, slots=True)
class Remark:
    """A finding before it has a path."""

    rule: str
    action: Action
    line: int
    message: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of one requirement (None: it goes), and what there is to say about it."""

    requirement: Requirement | None
    remarks: tuple[Remark, ...] = ()


@dataclass(frozen=True, slots=True)
class Code:
    """What the code that a manifest serves imports. Without any LiveKit code nothing counts as unused.

    `with_agents`: livekit-agents is installed beside the manifest's own packages, because it or a neighbour names it.
    """

    modules: frozenset[str]
    with_agents: bool = False

    @property
    def known(self) -> bool:
        """Whether there is code that uses LiveKit."""
        return bool(self.modules)

    @property
    def has_agents(self) -> bool:
        """Whether an agent runs here. A token server or a web backend with manifests of its own has none."""
        return self.with_agents or any(m.startswith(("livekit.agents", "livekit.plugins")) for m in self.modules)

    @property
    def packages(self) -> frozenset[str]:
        """The plugin packages it uses, those included that it can do without."""
        return target.packages_of({m.removesuffix(OPTIONAL) for m in self.modules})

    @property
    def needed(self) -> frozenset[str]:
        """The plugin packages without which it does not run."""
        return target.packages_of({m for m in self.modules if not m.endswith(OPTIONAL)})


def is_of_agents(requirement: Requirement) -> bool:
    """Whether it brings livekit-agents: itself, or a plugin."""
    return requirement.name == target.AGENTS or requirement.name.startswith(target.PLUGIN)


def judge(requirement: Requirement, code: Code) -> Verdict:
    """One requirement against the target and the code. Applies every rule; `only` narrows it to some."""
    name = requirement.name
    if name == target.AGENTS:
        return _judge_agents(requirement, code)
    if name in target.GONE or name == target.TURN_DETECTOR:
        return _judge_leaving(requirement, code)
    if name.startswith(target.PLUGIN):
        return _judge_plugin(requirement)
    need = _needs(code).get(name) if code.has_agents else None
    return _judge_need(requirement, need, code) if need is not None else Verdict(requirement)


def only(verdict: Verdict, requirement: Requirement, rules: Collection[str]) -> Verdict:
    """The part of a verdict that these rules are responsible for."""
    remarks = tuple(r for r in verdict.remarks if r.rule in rules)
    new = verdict.requirement
    if new is None:
        return Verdict(None if REMOVED in rules else requirement, remarks)
    if not {RAISED, CONFLICT} & {r.rule for r in remarks}:
        new = with_pins(new, requirement.pins)
    if REMOVED not in rules:
        new = replace(new, extras=requirement.extras)
    return Verdict(new, remarks)


def _judge_agents(requirement: Requirement, code: Code) -> Verdict:
    kept, remarks = [], []
    for extra in requirement.extras:
        package = target.package_of_extra(canonicalize_name(extra))
        if package not in target.GONE and package != target.TURN_DETECTOR:
            kept.append(extra)
            continue
        remark = _leaving(package, f"the extra `{extra}`", requirement.line, code)
        if remark is None or remark.action is not Action.REMOVED:
            kept.append(extra)
        if remark is not None:
            remarks.append(remark)
    verdict = _judge_plugin(replace(requirement, extras=tuple(kept)))
    return Verdict(verdict.requirement, (*remarks, *verdict.remarks))


def _judge_leaving(requirement: Requirement, code: Code) -> Verdict:
    remark = _leaving(requirement.name, f"`{requirement.name}`", requirement.line, code)
    if remark is None:
        return _judge_plugin(requirement)
    if remark.action is Action.REMOVED and requirement.removable:
        return Verdict(None, (remark,))
    if remark.action is Action.REMOVED:
        text = f"{remark.message}; the command would install nothing, take it out by hand"
        remark = replace(remark, action=Action.TODO, message=text)
    return Verdict(requirement, (remark,))


def _leaving(package: str, what: str, line: int, code: Code) -> Remark | None:
    """Why a plugin is taken out, or has to be; None when the code still uses the turn detector, which is there."""
    used = package in code.packages
    if package == target.TURN_DETECTOR:
        if used or not code.known:
            return None
        return Remark(REMOVED, Action.REMOVED, line, f"{what} is no longer imported; the turn detector is part of core")
    last = target.GONE[package]
    gone = f"{what} has no release for livekit-agents {target.LINE}" + (f" (the last is {last})" if last else "")
    if code.known and not used:
        return Remark(REMOVED, Action.REMOVED, line, f"{gone}, and nothing imports it")
    why = (
        "the code imports it: replace it there, then take it out here" if used else "take it out when nothing needs it"
    )
    return Remark(REMOVED, Action.TODO, line, f"{gone}; {why}")


def _judge_plugin(requirement: Requirement) -> Verdict:
    """livekit-agents or a plugin that still exists."""
    name, line = requirement.name, requirement.line
    if requirement.direct:
        text = f"`{name}` comes from a URL or repository: point it at a {target.LINE} release, or name the version"
        return Verdict(requirement, (Remark(RAISED, Action.TODO, line, text),))
    goal = target.goal_of(name)
    try:
        if goal is None:
            if name in target.OWN_LINE or not clauses(requirement.pins):
                return Verdict(requirement)
            text = f"`{name}` is not among the plugins of livekit-agents {target.LINE}; check its release"
            return Verdict(requirement, (Remark(RAISED, Action.NOTE, line, text),))
        if not is_below(requirement.pins, goal):
            return Verdict(requirement)
        new = raised(requirement.pins, goal)
    except UnknownPin:
        text = f"`{name} {requirement.pins}` cannot be read: ask for {target.LINE} by hand"
        return Verdict(requirement, (Remark(RAISED, Action.TODO, line, text),))
    text = f"`{name}` goes from `{requirement.pins}` to `{new}`"
    return Verdict(with_pins(requirement, new), (Remark(RAISED, Action.REWRITTEN, line, text),))


def _needs(code: Code) -> dict[str, target.Need]:
    return {**target.NEEDS, **(target.NEEDS_OF_EXTRA["mcp"] if MCP in code.modules else {})}


def _judge_need(requirement: Requirement, need: target.Need, code: Code) -> Verdict:
    """A package that livekit-agents needs, too: two pins that no version satisfies cannot be installed."""
    name, line = requirement.name, requirement.line
    try:
        if requirement.direct or not collides(requirement.pins, need.specifier):
            return Verdict(requirement)
        new = raised(requirement.pins, need.goal) if need.goal is not None else None
    except UnknownPin:
        return Verdict(requirement)
    wants = f"livekit-agents {target.LINE} needs `{name}{need.specifier}`"
    if new is None or collides(new, need.specifier):
        text = f"{wants}, this asks for `{requirement.pins}`: change the pin, and see that your own code works with it"
        return Verdict(requirement, (Remark(CONFLICT, Action.TODO, line, text),))
    text = f"`{name}` goes from `{requirement.pins}` to `{new}`: {wants}"
    if name in code.modules:
        text += f"; your code uses `{name}` itself, see that it works with the new version"
    return Verdict(with_pins(requirement, new), (Remark(CONFLICT, Action.REWRITTEN, line, text),))


@dataclass(frozen=True, slots=True)
class Missing:
    """What the code of one scope needs and no manifest of it names. `agents`: livekit-agents itself."""

    agents: bool
    plugins: tuple[str, ...]
    extras: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.agents or self.plugins or self.extras)


def missing(code: Code, declared: Sequence[Requirement]) -> Missing:
    """What `declared` lacks for this code. A plugin that is not known to exist is not asked for."""
    names = {r.name for r in declared}
    extras = {canonicalize_name(e) for r in declared if r.name == target.AGENTS for e in r.extras}
    provided = names | {target.package_of_extra(extra) for extra in extras}
    return Missing(
        agents="livekit.agents" in code.modules and target.AGENTS not in names,
        plugins=tuple(sorted(p for p in code.needed - provided if target.is_released(p))),
        extras=("mcp",) if MCP in code.modules and not {"mcp"} & (extras | names) else (),
    )


def additions(lacking: Missing, requirements: Sequence[Requirement]) -> tuple[Edits, tuple[Remark, ...]]:
    """The edits that give one manifest what is missing, in the way it names LiveKit's packages already.

    An extra where livekit-agents has extras or no plugin stands by itself; else a requirement of its own.
    """
    main = [i for i, r in enumerate(requirements) if not r.group] or list(range(len(requirements)))
    agents = next((i for i in main if requirements[i].name == target.AGENTS and not requirements[i].direct), None)
    alone = [i for i in main if target.goal_of(requirements[i].name) and requirements[i].name != target.AGENTS]
    as_extras = not alone or (agents is not None and bool(requirements[agents].extras))
    extras = list(lacking.extras)
    packages = []
    for package in lacking.plugins:
        extra = target.extra_of(package)
        if extra is not None and as_extras:
            extras.append(extra)
        else:
            packages.append(package)
    last = max([*alone, *([agents] if agents is not None else []), *_neighbours(requirements, main)], default=None)
    changed: dict[int, Requirement | None] = {}
    added: list[Addition] = []
    remarks: list[Remark] = []
    line = requirements[last].line if last is not None else 1
    if agents is None and (lacking.agents or extras):
        added.append(Addition(target.AGENTS, tuple(sorted(extras)), _style(requirements, alone), last))
        remarks.append(Remark(ADDED, Action.REWRITTEN, line, f"`{added[-1]}` is added: the code imports it"))
    elif agents is not None and extras:
        old = requirements[agents]
        changed[agents] = replace(old, extras=(*old.extras, *extras))
        text = f"the extra `{', '.join(extras)}` is added to `{target.AGENTS}`: the code imports it"
        remarks.append(Remark(ADDED, Action.REWRITTEN, old.line, text))
    for package in packages:
        pins = _style(requirements, [*alone, *([agents] if agents is not None else [])])
        added.append(Addition(package, (), pins if target.goal_of(package) else "", last))
        remarks.append(Remark(ADDED, Action.REWRITTEN, line, f"`{added[-1]}` is added: the code imports it"))
    return Edits(changed, tuple(added)), tuple(remarks)


def _neighbours(requirements: Sequence[Requirement], main: Sequence[int]) -> Iterator[int]:
    return (i for i in main if requirements[i].name.partition("-")[0] == "livekit")


def _style(requirements: Sequence[Requirement], like: Sequence[int]) -> str:
    """The pin of a new requirement: as its neighbours have theirs."""
    pins = [requirements[i].pins for i in like if not requirements[i].direct]
    return pins[-1] if pins else f"~={target.LINE}"

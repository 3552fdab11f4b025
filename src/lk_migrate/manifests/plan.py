"""From a project's manifests to changes and findings. Pure: path → bytes in, values out.

read every file → judge every requirement → add what the code of its folder lacks → write → check → findings
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from lk_migrate.manifests import (
    dockerfile,
    environment_yml,
    locks,
    policy,
    python_floor,
    requirements_txt,
    setup_cfg,
    target,
    toml,
)
from lk_migrate.manifests.commands import COMMAND, changed_commands
from lk_migrate.manifests.encoding import Encoded, decode
from lk_migrate.manifests.imports import OPTIONAL
from lk_migrate.manifests.names import Kind, kind_of, scope_of
from lk_migrate.manifests.policy import Code, Remark
from lk_migrate.manifests.requirement import Addition, Edits, Requirement, parse, write_text
from lk_migrate.model import Action, FileChange, Finding, Place

#: Every rule of the manifests (rules/manifests/).
MANIFEST_RULES = frozenset(
    {
        policy.RAISED,
        policy.REMOVED,
        policy.ADDED,
        policy.CONFLICT,
        locks.LOCKED,
        python_floor.PYTHON,
        COMMAND,
    }
)

_READERS = {
    Kind.REQUIREMENTS: requirements_txt.read,
    Kind.PYPROJECT: toml.read_pyproject,
    Kind.PIPFILE: toml.read_pipfile,
    Kind.SETUP_CFG: setup_cfg.read,
    Kind.CONDA: environment_yml.read,
    Kind.DOCKERFILE: dockerfile.read,
}
_TAILS = {Kind.REQUIREMENTS: requirements_txt.tail, Kind.PYPROJECT: toml.array_tail}

#: In which order a folder's files are asked to take a new requirement.
_HOMES = (Kind.PYPROJECT, Kind.REQUIREMENTS, Kind.PIPFILE, Kind.SETUP_CFG, Kind.CONDA, Kind.DOCKERFILE)


@dataclass(frozen=True, slots=True)
class ManifestResult:
    """What a conversion does to the files that name a project's dependencies, and what is left for a person."""

    changes: tuple[FileChange, ...] = ()
    findings: tuple[Finding, ...] = ()


@dataclass
class _Manifest:
    """One file on its way; `code` is what it serves."""

    path: str
    kind: Kind
    encoded: Encoded
    requirements: Sequence[Requirement]
    code: Code
    compiled: bool = False
    changed: dict[int, Requirement | None] = field(default_factory=dict)
    added: list[Addition] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)


def plan_manifests(
    files: Mapping[str, bytes],
    imported: Mapping[str, frozenset[str]],
    rules: Collection[str] = MANIFEST_RULES,
) -> ManifestResult:
    """Raise, remove and add LiveKit's packages; report what a person has to do.

    `files`: path → bytes; those that are no manifest are passed over. `imported`: what the converted code imports,
    by path (`imports.imported_modules`); a manifest answers for the code in its folder and below, up to the next
    folder with LiveKit in a manifest of its own. `rules`: ids of the rules that act. Never raises for what a file
    contains: a file that cannot be read is a finding, and stays as it is.
    """
    findings: list[Finding] = []
    files = {path: files[path] for path in files if kind_of(path) is not None}  # (of thousands of others)
    manifests = _read(files, imported, findings)
    for manifest in manifests:
        _judge(manifest, rules)
    if policy.ADDED in rules:
        _add_missing(manifests)
    changes = []
    for manifest in manifests:
        change = _write(manifest, rules)
        if change is not None:
            changes.append(change)
        findings += _found(manifest.path, manifest.remarks)
    findings += _look_around(files, imported, rules, {c.path for c in changes}, manifests)
    known = {f for f in findings if f.rule in rules}
    return ManifestResult(
        tuple(sorted(changes, key=lambda c: c.path)),
        tuple(sorted(known, key=lambda f: (f.place.path, f.place.line, f.rule, f.message))),
    )


# --- reading


def _read(
    files: Mapping[str, bytes], imported: Mapping[str, frozenset[str]], findings: list[Finding]
) -> list[_Manifest]:
    read: list[_Manifest] = []
    for path in sorted(files):
        kind = kind_of(path)
        reader = _READERS.get(kind) if kind is not None else None
        if kind is None or reader is None:
            continue
        encoded = decode(files[path])
        try:
            requirements = reader(encoded.text)
        except toml.NotToml as error:
            text = f"the file cannot be read and is left as it was: {error}"
            findings.append(_finding(path, Remark(policy.RAISED, Action.TODO, 1, text)))
            continue
        manifest = _Manifest(path, kind, encoded, requirements, Code(frozenset()))
        manifest.compiled = kind is Kind.REQUIREMENTS and requirements_txt.is_compiled(encoded.text)
        read.append(manifest)
    scopes = {scope_of(m.path) for m in read if any(r.name.startswith("livekit") for r in m.requirements)}
    if not scopes:  # a hand-rolled project that never named LiveKit: the outermost folder with a manifest
        scopes = {min((scope_of(m.path) for m in read), key=len, default="")}
    # A project that carries a plugin's source does not install it.
    own = {m for m in set().union(*imported.values()) if target.package_of_module(m) and _has_source(m, imported)}
    served: dict[str, frozenset[str]] = {}
    for path, modules in imported.items():
        scope = _nearest(path, scopes)
        if scope is not None:
            served[scope] = served.get(scope, frozenset()) | (modules - own)
    with_agents = {scope_of(m.path) for m in read if any(policy.is_of_agents(r) for r in m.requirements)}
    for manifest in read:
        scope = scope_of(manifest.path)
        manifest.code = Code(served.get(scope, frozenset()), scope in with_agents)
    return read


def _has_source(module: str, paths: Iterable[str]) -> bool:
    folder = module.removesuffix(OPTIONAL).replace(".", "/")
    return any(f"{folder}/" in path for path in paths)


def _nearest(path: str, scopes: Collection[str]) -> str | None:
    """The innermost of these folders that the path lies in."""
    for folder in PurePosixPath(path).parents:
        name = "" if folder == PurePosixPath(".") else folder.as_posix()
        if name in scopes:
            return name
    return None


# --- judging


def _judge(manifest: _Manifest, rules: Collection[str]) -> None:
    if manifest.compiled:
        return
    for index, requirement in enumerate(manifest.requirements):
        verdict = policy.only(policy.judge(requirement, manifest.code), requirement, rules)
        manifest.remarks += verdict.remarks
        if verdict.requirement != requirement:
            manifest.changed[index] = verdict.requirement
        if verdict.requirement is None:
            manifest.remarks += _comment_above(manifest, requirement)


def _comment_above(manifest: _Manifest, gone: Requirement) -> Iterable[Remark]:
    """The comment above a line that goes stays: whether it spoke of that line alone is for a person to say."""
    above = manifest.encoded.text.splitlines()[: gone.line - 1]
    if above and above[-1].lstrip().startswith("#"):
        text = f"`{above[-1].strip()}` stood above `{gone.name}`, which is gone: take it out if it spoke of that alone"
        yield Remark(policy.REMOVED, Action.NOTE, gone.line - 1, text)


def _add_missing(manifests: Sequence[_Manifest]) -> None:
    for scope in sorted({scope_of(m.path) for m in manifests}):
        inside = [m for m in manifests if scope_of(m.path) == scope]
        declared = [r for m in inside if not m.compiled for r in m.requirements]
        # What a folder further out installs is there for this one, too.
        outside = [r for m in manifests if _is_around(scope_of(m.path), scope) for r in m.requirements]
        lacking = policy.missing(inside[0].code, [*declared, *outside])
        home = _home(inside) if lacking else None
        if home is None:
            continue
        current = [
            new if (new := home.changed.get(i, r)) is not None else _GONE for i, r in enumerate(home.requirements)
        ]
        edits, remarks = policy.additions(lacking, current)
        home.changed.update(edits.changed)
        home.added += edits.added
        home.remarks += remarks


#: Stands for a requirement that goes, so that indices remain; it is like no LiveKit package.
_GONE = Requirement("", (), "", 0, None)


def _is_around(outer: str, inner: str) -> bool:
    return outer != inner and (outer == "" or inner.startswith(outer + "/"))


def _home(inside: Sequence[_Manifest]) -> _Manifest | None:
    """The file that a new requirement goes to: one that has livekit-agents, a LiveKit package, or anything at all."""

    def rank(manifest: _Manifest) -> tuple[int, int, int, str]:
        names = [r.name for r in manifest.requirements if not r.group]
        livekit = 0 if target.AGENTS in names else 1 if any(n.startswith("livekit") for n in names) else 2
        extra = any(w in manifest.path for w in ("dev", "test", "doc", "constraint"))
        return (livekit, int(extra), _HOMES.index(manifest.kind), manifest.path)

    fit = [m for m in inside if not m.compiled and "constraint" not in m.path and _can_take(m)]
    return min(fit, key=rank, default=None)


def _can_take(manifest: _Manifest) -> bool:
    tail = _TAILS.get(manifest.kind)
    main = any(not r.group and r.at is not None for r in manifest.requirements)
    return main or (tail is not None and tail(manifest.encoded.text) is not None)


# --- writing


def _write(manifest: _Manifest, rules: Collection[str]) -> FileChange | None:
    text = manifest.encoded.text
    edits = Edits(manifest.changed, tuple(_placed(manifest)))
    after = text
    if edits:
        tail = _TAILS.get(manifest.kind)
        after = write_text(text, manifest.requirements, edits, tail(text) if tail is not None else None)
        if not _is_as_meant(manifest, after, edits):
            manifest.remarks = [_not_written(remark) for remark in manifest.remarks]
            after = text
    if python_floor.PYTHON in rules:
        after, remarks = python_floor.with_python_floor(after, manifest.kind)
        manifest.remarks += remarks
    return FileChange(manifest.path, manifest.encoded.data, manifest.encoded.encode(after)) if after != text else None


def _placed(manifest: _Manifest) -> Iterable[Addition]:
    """Additions after the last requirement of the main list when there is no LiveKit package to follow."""
    main = [i for i, r in enumerate(manifest.requirements) if not r.group and r.at is not None]
    main = [i for i in main if manifest.changed.get(i, _GONE) is not None] or main
    for addition in manifest.added:
        after = addition.after if addition.after is not None else (main[-1] if main else None)
        yield Addition(addition.name, addition.extras, addition.pins, after)


def _is_as_meant(manifest: _Manifest, after: str, edits: Edits) -> bool:
    """The promise that the edits are there and everything else is as it was, checked before anything is written."""
    before = manifest.encoded.text
    try:
        found = _READERS[manifest.kind](after)
    except toml.NotToml:
        return False
    if _named(found) != _named(_expected(manifest, edits)):
        return False
    touched = {manifest.requirements[i].name for i in edits.changed} | {a.name for a in edits.added}
    if manifest.kind in (Kind.PYPROJECT, Kind.PIPFILE):
        return toml.same_meaning(before, after, touched) and not _comments(before) - _comments(after)
    return _others(before, touched) == _others(after, touched)


def _expected(manifest: _Manifest, edits: Edits) -> Iterable[Requirement | Addition]:
    for index, requirement in enumerate(manifest.requirements):
        new = edits.changed.get(index, requirement)
        if new is not None:
            yield new
    yield from edits.added


def _named(requirements: Iterable[Requirement | Addition]) -> Counter[tuple[str, tuple[str, ...], str]]:
    return Counter((r.name, r.extras, r.pins.removeprefix("*")) for r in requirements)


def _comments(text: str) -> Counter[str]:
    """Lines that are only comment."""
    return Counter(line for line in text.splitlines() if line.lstrip().startswith("#"))


def _others(text: str, touched: set[str]) -> list[str]:
    """Lines that name none of the packages; a Dockerfile's last line may lose its backslash."""
    lines = (line.rstrip().rstrip("\\").rstrip() for line in text.splitlines())
    return [line for line in lines if line and not any(n in line.lower().replace("_", "-") for n in touched)]


def _not_written(remark: Remark) -> Remark:
    if remark.action in (Action.TODO, Action.NOTE):
        return remark
    text = f"to be done by hand, the file's layout is in the way: {remark.message}"
    return Remark(remark.rule, Action.TODO, remark.line, text)


# --- what is only reported


def _look_around(
    files: Mapping[str, bytes],
    imported: Mapping[str, frozenset[str]],
    rules: Collection[str],
    changed: set[str],
    manifests: Sequence[_Manifest],
) -> list[Finding]:
    found: list[Finding] = []
    for manifest in manifests:
        if manifest.compiled:
            found += _found(manifest.path, _judge_compiled(manifest))
    for path in sorted(files):
        kind = kind_of(path)
        if kind in (Kind.COMMANDS, Kind.DOCKERFILE, Kind.PYPROJECT):
            document = PurePosixPath(path).suffix.lower() in (".md", ".rst") or "README" in path
            found += _found(path, changed_commands(decode(files[path]).text, imported, document=document))
        if kind is Kind.LOCK:
            beside = any(scope_of(p) == scope_of(path) and kind_of(p) is not Kind.DOCKERFILE for p in changed)
            found += _found(path, locks.judge_lock(path, decode(files[path]).text, manifest_changes=beside))
        if kind in (Kind.SETUP_PY, Kind.PYTHON_PIN):
            text = decode(files[path]).text
            found += _found(path, python_floor.with_python_floor(text, kind)[1])
            if kind is Kind.SETUP_PY:
                found += _found(path, _judge_setup_py(text))
    return [f for f in found if f.rule in rules]


def _judge_compiled(manifest: _Manifest) -> Iterable[Remark]:
    """A requirements file that a tool wrote, or with hashes: its sources are edited, it is made anew."""
    for requirement in manifest.requirements:
        if any(r.rule == policy.RAISED for r in policy.judge(requirement, manifest.code).remarks):
            command = requirements_txt.compile_command(manifest.encoded.text)
            how = f"run `{command}`" if command else "make it anew with the tool that wrote it"
            text = f"it was compiled, and holds `{requirement.name}{requirement.pins}`: {how}; it is not edited"
            yield Remark(locks.LOCKED, Action.TODO, requirement.line, text)
            return


def _judge_setup_py(text: str) -> Iterable[Remark]:
    """setup.py is a program: what its `install_requires` and `extras_require` name is reported where it stands."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return
    lists = [
        k.value
        for k in ast.walk(tree)
        if isinstance(k, ast.keyword) and k.arg in ("install_requires", "extras_require")
    ]
    texts = [n for value in lists for n in ast.walk(value) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
    requirements = [r for n in texts if (r := parse(str(n.value), n.lineno, None)) is not None]
    code = Code(frozenset(), any(policy.is_of_agents(r) for r in requirements))
    for requirement in requirements:
        for remark in policy.judge(requirement, code).remarks:
            message = f"setup.py is a program and is not edited; to be done by hand: {remark.message}"
            yield Remark(remark.rule, Action.TODO, requirement.line, message)


def _found(path: str, remarks: Iterable[Remark]) -> list[Finding]:
    return [_finding(path, remark) for remark in remarks]


def _finding(path: str, remark: Remark) -> Finding:
    return Finding(remark.rule, remark.action, Place(path, remark.line, remark.line), remark.message)

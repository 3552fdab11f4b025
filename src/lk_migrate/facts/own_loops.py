"""A voice loop of the project's own around no assistant class: audio in, a language model, audio out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import libcst as cst

from lk_migrate.facts.agent_class import AgentClass, Role
from lk_migrate.facts.agents import find_agents
from lk_migrate.facts.importers import importing_the_same
from lk_migrate.facts.literals import text_of
from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project
from lk_migrate.facts.sessionless import is_replaced, names_session
from lk_migrate.facts.testcode import is_test

_HEARS = ("AudioStream", "from_track", "from_participant")
_SPEAKS = re.compile(rb"^[^#\n]*\.capture_frame\(", re.MULTILINE)
#: Requests to a model: of OpenAI's, Anthropic's, Google's SDK, by HTTP, of LangChain, of a model in the same process.
_THINKS = re.compile(
    rb"^[^#\n]*(?:\bchat\.completions\b|/chat/completions\b|/api/(?:chat|generate)\b|\bgenerate_content"
    rb"|\b(?:messages|responses)\.(?:create|stream)\b|\bollama\.(?:chat|generate)\b"
    rb"|\b(?:create_)?chat_completion\(|\bChat(?:OpenAI|Ollama|Anthropic|Groq|GoogleGenerativeAI)\()",
    re.MULTILINE,
)
_THINKING = (b"completion", b"/chat", b"/generate", b"_content", b"messages.", b"responses.", b"ollama.", b"Chat")
_MODEL = re.compile(r"gpt-|o\d\b|chatgpt-")


@dataclass(frozen=True)
class OwnLoop:
    """`node`: the class or function that listens; `prompt`: the file with its prompt; `model`: that of OpenAI's."""

    module: Module
    node: cst.ClassDef | cst.FunctionDef
    prompt: str | None
    model: str | None


def own_loop(project: Project) -> OwnLoop | None:
    """The first one of a program that has neither a session nor an assistant class. Memoise with `project.fact`.

    Files that name the loop can have its session, and those that import what it imports: an old program beside the new
    one. One that only imports a base class from it is another program's, and that import may go with the base.
    """
    if not project.paths_with([b"AudioStream"]) or not project.paths_with([b"capture_frame"]):
        return None
    code = {p: data for p, data in sorted(project.files.items()) if not is_test(p)}
    speaking = code.keys() & project.paths_with([b"capture_frame"])
    thinking = code.keys() & project.paths_with(_THINKING)
    if not (_say(_SPEAKS, code, speaking) and _say(_THINKS, code, thinking)):
        return None
    found = next((loop for p in code if b"AudioStream" in code[p] for loop in _loops(project, p)), None)
    if found is None or project.fact(is_replaced):
        return None
    of_loop = frozenset(code) & {found[0].path, *project.paths_naming([found[1].name.value])}
    assistants = [a for a in find_agents(project) if a.role is Role.AGENT]
    beside = code.keys() & importing_the_same(project, found[0].path)
    if any(names_session(code[p]) for p in of_loop | beside) or any(_meets(project, of_loop, a) for a in assistants):
        return None
    modules = list(project.modules(iter(code)))
    prompt = next((place for m in modules for place in _prompts(m)), None)
    return OwnLoop(*found, prompt, next((name for m in modules for name in _models(m)), None))


def _say(said: re.Pattern[bytes], code: Mapping[str, bytes], paths: Iterable[str]) -> bool:
    return any(said.search(code[path]) for path in paths)


def _meets(project: Project, paths: frozenset[str], assistant: AgentClass) -> bool:
    """Whether one of the files means the assistant by its name: a class of their own of that name is another."""
    own = re.compile(rb"^class\s+%s\b" % assistant.name.encode(), re.MULTILINE)
    naming = paths.intersection(project.paths_naming([assistant.name]))
    return any(path == assistant.module.path or own.search(project.files[path]) is None for path in naming)


def _loops(project: Project, path: str) -> Iterator[tuple[Module, cst.ClassDef | cst.FunctionDef]]:
    """What reads an `rtc.AudioStream`, by its class or its outermost function."""
    module = project.module(path)
    for call in (c for name in _HEARS for c in module.calls.get(name, ())) if module is not None else ():
        assert module is not None
        name = project.full_name(module, call.func) or ""
        if name.startswith("livekit.rtc.AudioStream") or name == "livekit.rtc.audio_stream.AudioStream":
            around = [a for a in module.index.ancestors(call) if isinstance(a, (cst.ClassDef, cst.FunctionDef))]
            if around:
                yield module, next((a for a in around if isinstance(a, cst.ClassDef)), around[-1])


def _prompts(module: Module) -> Iterator[str]:
    """`{"role": "system", "content": …}`."""
    for node in module.index.of(cst.Dict):
        said = {text_of(e.key): e.value for e in node.elements if isinstance(e, cst.DictElement)}
        if text_of(said.get("role")) == "system" and "content" in said:
            yield module.path


def _models(module: Module) -> Iterator[str]:
    """`create(model="gpt-4o-mini")`."""
    for call in module.keywords.get("model", ()):
        given = next(a.value for a in call.args if a.keyword is not None and a.keyword.value == "model")
        name = text_of(given) or ""
        if _MODEL.match(name):
            yield name

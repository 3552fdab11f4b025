"""Models that a project wraps itself: classes around the OpenAI SDK's chat, transcription and speech calls.

Recognised by what they do, not by their names: a method that calls `….chat.completions.create(model=self.x, …)`.
The keywords of that call, followed back through `self.x = parameter`, say what the plugin's model gets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import libcst as cst

from lk_migrate.facts.classes import method
from lk_migrate.facts.clients import Address, openai_address
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project
from lk_migrate.facts.walk import find

#: SDK call → (keyword of `AgentSession`, class of livekit.plugins.openai).
_ENDPOINTS = {
    "audio.transcriptions.create": ("stt", "STT"),
    "chat.completions.create": ("llm", "LLM"),
    "audio.speech.create": ("tts", "TTS"),
}
#: SDK keyword → keyword of the plugin's class (livekit-plugins-openai 1.8.9).
_KEYWORDS = {
    "STT": {"model": "model", "language": "language", "prompt": "prompt"},
    "LLM": {"model": "model", "temperature": "temperature", "max_tokens": "max_completion_tokens"},
    "TTS": {"model": "model", "voice": "voice", "speed": "speed", "instructions": "instructions"},
}


@dataclass(frozen=True)
class OwnModel:
    """`role`: stt, llm or tts; `plugin`: the class of livekit.plugins.openai.

    `keywords`: the plugin's keyword → the wrapper's parameter; `defaults`: of the wrapper's parameters; `fixed`: the
    plugin's keyword → what the wrapper's client is given whatever the parameters are.
    """

    role: str
    plugin: str
    keywords: dict[str, str]
    parameters: tuple[str, ...]
    defaults: dict[str, cst.BaseExpression]
    fixed: dict[str, cst.BaseExpression]


def own_model(project: Project, module: Module, call: cst.Call) -> OwnModel | None:
    """The wrapper class that `call` makes an instance of; None for anything else, and for one of another provider."""
    symbol = project.resolve(module, call.func)
    node = symbol.node if symbol is not None else None
    if not isinstance(node, cst.ClassDef) or symbol is None or symbol.module is None:
        return None
    for inner in find(node, cst.Call):
        for endpoint, (role, plugin) in _ENDPOINTS.items():
            client = _client(inner.func, endpoint)
            if client is not None:
                init = method(node, "__init__")
                params = [*init.params.params[1:], *init.params.kwonly_params] if init is not None else []
                address = openai_address(project, symbol.module, node, [p.name.value for p in params], client)
                return _read(init, params, inner, role, plugin, address) if address is not None else None
    return None


def _client(func: cst.BaseExpression, endpoint: str) -> cst.BaseExpression | None:
    """What `.chat.completions.create` is asked of: a name, `self.client`, `client()`."""
    for name in reversed(endpoint.split(".")):
        if not isinstance(func, cst.Attribute) or func.attr.value != name:
            return None
        func = func.value
    return func


def _read(
    init: cst.FunctionDef | None,
    params: Sequence[cst.Param],
    call: cst.Call,
    role: str,
    plugin: str,
    address: Address,
) -> OwnModel:
    kept: dict[str, str] = {}
    for assign in find(init.body, cst.Assign) if init is not None else ():
        target = dotted(assign.targets[0].target) or ""
        if target.startswith("self.") and isinstance(assign.value, cst.Name):
            kept[target] = assign.value.value
    keywords = dict(address.given)
    for arg in call.args:
        ours = _KEYWORDS[plugin].get(arg.keyword.value) if arg.keyword is not None else None
        parameter = kept.get(dotted(arg.value) or "")
        if ours is not None and parameter is not None:
            keywords[ours] = parameter
    defaults = {p.name.value: p.default for p in params if p.default is not None}
    return OwnModel(role, plugin, keywords, tuple(p.name.value for p in params), defaults, address.fixed)


def plugin_arguments(model: OwnModel, call: cst.Call) -> list[tuple[str, cst.BaseExpression]]:
    """The plugin's keywords with the expressions that `call` gives, or the wrapper's own."""
    given = dict(zip(model.parameters, (a.value for a in call.args if a.keyword is None and not a.star), strict=False))
    given.update((a.keyword.value, a.value) for a in call.args if a.keyword is not None)
    found = []
    for keyword, parameter in model.keywords.items():
        value = given.get(parameter)
        if value is None:
            value = model.defaults.get(parameter)
            if value is None or isinstance(value, cst.Name):  # None, or a name of another module
                continue
        found.append((keyword, value))
    return [*found, *model.fixed.items()]

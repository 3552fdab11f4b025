"""The type of a tool's parameter that nobody wrote down: from its schema, its default, the docstring or its use."""

from __future__ import annotations

import re
from dataclasses import dataclass

import libcst as cst

from lk_migrate.facts.imports import dotted
from lk_migrate.facts.json_types import PythonType
from lk_migrate.facts.literals import string_value
from lk_migrate.facts.tools import Tool
from lk_migrate.facts.walk import find

_WORDS = {
    "str": "str", "string": "str", "text": "str", "int": "int", "integer": "int", "float": "float", "number": "float",
    "bool": "bool", "boolean": "bool", "list": "list[str]", "dict": "dict[str, Any]",
}  # fmt: skip
_TYPE = re.compile(r"^[A-Za-z_][\w.]*(\[[\w\[\]., |\"']*\])?(\s*\|\s*[A-Za-z_][\w.\[\], ]*)*$")
_STRING_METHODS = frozenset(dir(str)) - frozenset(dir(list)) - frozenset(dir(dict)) - frozenset(dir(int))


@dataclass(frozen=True)
class Guess:
    """A type, and where it comes from; `sure` is False for the fallback to `str`."""

    type: PythonType
    source: str
    sure: bool = True


def parameter_type(tool: Tool, param: cst.Param) -> Guess:
    """The type that `param` should have; that it may be None is for its default to say."""
    schema = tool.schema.parameter(param.name.value) if tool.schema is not None else None
    if schema is not None:
        return Guess(schema.type, "the JSON schema")
    if param.annotation is not None and is_bare_list(tool.module.tree.code_for_node(param.annotation.annotation)):
        return Guess(_plain("list[str]"), "nothing", sure=False)
    by_default = _default_type(param.default)
    if by_default is not None:
        return Guess(_plain(by_default), "its default")
    by_docstring = _documented_type(tool.node.get_docstring() or "", param.name.value)
    if by_docstring is not None:
        return Guess(_plain(by_docstring), "the docstring")
    by_use = _used_type(tool.node, param.name.value)
    if by_use is not None:
        return Guess(_plain(by_use), "its use")
    return Guess(_plain("str"), "nothing", sure=False)


def _plain(annotation: str) -> PythonType:
    return PythonType(annotation, frozenset({"typing.Any"}) if "Any" in annotation else frozenset())


#: Annotations that say nothing about what is inside.
_OPEN = re.compile(
    r"Any|object|((dict|Dict|Mapping|list|List|Sequence)(\[(str,)?(Any|object|dict|Dict)(\[str,(Any|object)\])?\])?)"
)
#: Those that may stand for one of a schema's `enum`.
_PLAIN_TYPES = frozenset({"str", "int", "list", "List", "list[str]", "List[str]", "list[int]", "List[int]"})


def schema_type(tool: Tool, param: cst.Param) -> PythonType | None:
    """The type from the tool's JSON schema, if it says more than the annotation that the parameter has."""
    schema = tool.schema.parameter(param.name.value) if tool.schema is not None else None
    if schema is None or param.annotation is None:
        return schema.type if schema is not None else None
    spelt = bare_annotation(tool.module.tree.code_for_node(param.annotation.annotation))
    more = schema.type.needs & {"typing.Literal"} and spelt in _PLAIN_TYPES
    inside = schema.type.objects or (schema.type.source.startswith("list[") and not schema.type.loose)
    return schema.type if more or (inside and _OPEN.fullmatch(spelt)) else None


def bare_annotation(text: str) -> str:
    """`typing.Optional[List[str]]` and `list[str] | None` → the type without white space and None."""
    text = re.sub(r"\s|typing\.|\|None\b|\bNone\|", "", text)
    match = re.fullmatch(r"Optional\[(.*)\]", text)
    return match[1] if match else text


def is_open(text: str) -> bool:
    """Whether what an annotation takes may hold whatever, or an object of whatever keys (`dict[str, int]`)."""
    return bool(re.search(r"\b(Any|object|dict|Dict|Mapping)\b|^(Optional\[)?(list|List)\b(?!\[)", text))


def is_bare_list(text: str) -> bool:
    """A list of whatever: OpenAI refuses arrays without a type for their items."""
    return bare_annotation(text) in ("list", "List", "Sequence")


def may_be_none(param: cst.Param, code: str) -> bool:
    """Whether the parameter's default or its annotation (`code`) says that it may be None."""
    return is_none(param.default) or bool(re.search(r"\bOptional\[|\bNone\b", code))


def is_none(default: cst.BaseExpression | None) -> bool:
    return isinstance(default, cst.Name) and default.value == "None"


def is_documented(docstring: str, name: str) -> bool:
    """Whether a docstring says what a parameter means: `day: …`, `day (str): …`, `:param str day: …`, `day : str`."""
    quoted = re.escape(name)
    return bool(re.search(rf"^\s*(:param\s+(\S+\s+)?)?\*{{0,2}}{quoted}\s*(\([^)]*\))?\s*:", docstring, re.MULTILINE))


def _default_type(default: cst.BaseExpression | None) -> str | None:
    if isinstance(default, cst.UnaryOperation):
        default = default.expression
    if isinstance(default, (cst.SimpleString, cst.ConcatenatedString, cst.FormattedString)):
        return "str"
    if isinstance(default, cst.Integer):
        return "int"
    if isinstance(default, cst.Float):
        return "float"
    if isinstance(default, cst.Name) and default.value in ("True", "False"):
        return "bool"
    if isinstance(default, (cst.List, cst.Tuple)):
        first = _default_type(default.elements[0].value) if default.elements else "str"
        return f"list[{first or 'str'}]"
    if isinstance(default, cst.Dict):
        return "dict[str, Any]"
    return None


def _documented_type(docstring: str, name: str) -> str | None:
    """`day (str): …`, `:param str day:`, `:type day: str`, NumPy's `day : str`."""
    quoted = re.escape(name)
    for pattern in (
        rf"^\s*{quoted}\s*\(([^)]*?)(?:,\s*optional)?\)\s*:",
        rf":param\s+(\S+)\s+{quoted}\s*:",
        rf":type\s+{quoted}\s*:\s*(.+?)\s*$",
        rf"^\s*{quoted}\s+:\s+(.+?)(?:,\s*optional)?\s*$",
    ):
        match = re.search(pattern, docstring, re.MULTILINE)
        if match:
            text = match.group(1).strip().strip("`")
            if text.lower() in _WORDS:
                return _WORDS[text.lower()]
            if _TYPE.match(text) and re.sub(r"[^a-z]", "", text.split("[")[0].lower()) in _WORDS:
                return text
    return None


def _used_type(function: cst.FunctionDef, name: str) -> str | None:
    """What the body does with the parameter, when only one type can do that."""
    for node in find(function, cst.Attribute):
        if isinstance(node.value, cst.Name) and node.value.value == name and node.attr.value in _STRING_METHODS:
            return "str"
    for call in find(function, cst.Call):
        if isinstance(call.func, cst.Attribute) and call.func.attr.value == "join" and len(call.args) == 1:
            value = call.args[0].value
            if isinstance(value, cst.Name) and value.value == name:
                return "list[str]"
    for operation in find(function, cst.BinaryOperation):
        if isinstance(operation.operator, cst.Add):
            sides = (operation.left, operation.right)
            texts = [s for s in sides if isinstance(s, (cst.SimpleString, cst.ConcatenatedString, cst.FormattedString))]
            if texts and any(isinstance(s, cst.Name) and s.value == name for s in sides):
                return "str"
    for operation in find(function, cst.BinaryOperation):
        if isinstance(operation.operator, (cst.Subtract, cst.Divide, cst.Multiply, cst.Modulo)):
            sides = (operation.left, operation.right)
            numbers = [s for s in sides if isinstance(s, (cst.Integer, cst.Float))]
            if numbers and any(isinstance(s, cst.Name) and s.value == name for s in sides):
                return "float" if isinstance(numbers[0], cst.Float) else "int"
    return _compared_type(function, name) or _converted_type(function, name) or _iterated_type(function, name)


def _compared_type(function: cst.FunctionDef, name: str) -> str | None:
    """`0 <= hour < 24` is about a number."""
    for test in find(function, cst.Comparison):
        sides = [test.left, *(c.comparator for c in test.comparisons)]
        ordered = all(isinstance(c.operator, _ORDERS) for c in test.comparisons)
        numbers = [s for s in sides if isinstance(s, (cst.Integer, cst.Float))]
        if ordered and numbers and any(isinstance(s, cst.Name) and s.value == name for s in sides):
            return "float" if any(isinstance(s, cst.Float) for s in numbers) else "int"
    return None


_ORDERS = (cst.LessThan, cst.LessThanEqual, cst.GreaterThan, cst.GreaterThanEqual)


def _converted_type(function: cst.FunctionDef, name: str) -> str | None:
    """`int(hour)`, except where a `try` is ready for other texts than numbers."""
    ready = {call for attempt in find(function, cst.Try) for call in find(attempt.body, cst.Call)}
    for call in find(function, cst.Call):
        value = call.args[0].value if len(call.args) == 1 else None
        kind = call.func.value if isinstance(call.func, cst.Name) else ""
        if kind in ("int", "float") and isinstance(value, cst.Name) and value.value == name and call not in ready:
            return kind
    return None


def _iterated_type(function: cst.FunctionDef, name: str) -> str | None:
    """`for item in items`; going through a `phone` letter by letter, as for its digits, makes no list of it."""
    every: list[cst.For | cst.CompFor] = [*find(function, cst.For), *find(function, cst.CompFor)]
    loops = [n for n in every if isinstance(n.iter, cst.Name) and n.iter.value == name]
    each = {dotted(n.target) for n in loops}
    letters = any(n.attr.value in _OF_LETTERS and dotted(n.value) in each for n in find(function, cst.Attribute))
    return "list[str]" if loops and name.endswith("s") and not name.endswith("ss") and not letters else None


_OF_LETTERS = frozenset({"isdigit", "isalpha", "isalnum", "isspace", "isnumeric", "isdecimal"})


def keys_read(function: cst.CSTNode, name: str) -> dict[str, bool]:
    """The keys that the body reads, and whether it needs them: `kwargs["day"]` does, `kwargs.get("day")` does not."""
    needed: dict[str, bool] = {}
    optional: dict[str, bool] = {}
    for call in find(function, cst.Call):
        func = call.func
        if isinstance(func, cst.Attribute) and isinstance(func.value, cst.Name) and func.value.value == name:
            if func.attr.value in ("get", "pop") and call.args and isinstance(call.args[0].value, cst.SimpleString):
                optional[str(string_value(call.args[0].value))] = False
            else:
                return {}
    for item in find(function, cst.Subscript):
        if isinstance(item.value, cst.Name) and item.value.value == name:
            index = item.slice[0].slice
            if not (isinstance(index, cst.Index) and isinstance(index.value, cst.SimpleString)):
                return {}
            needed[str(string_value(index.value))] = True
    return {**needed, **{k: v for k, v in optional.items() if k not in needed}}

"""Building today's chat messages from 0.x arguments (shared by LK220 and LK221)."""

from __future__ import annotations

import libcst as cst

from lk_migrate.facts.imports import dotted
from lk_migrate.facts.roles import role_of
from lk_migrate.rewrite.arguments import Brackets, keyword, keyword_arg, of_call, to_call

_TODAY = {"text": "content", "": "content", "image": "images"}
_PLAIN = frozenset({"role", "text", "content", "images", "id", "image"})


def convertible(call: cst.Call) -> bool:
    """Whether every argument has a place in today's message, and one only."""
    return not says_twice(call) and all(not a.star and (keyword(a) in _PLAIN or _is_first(call, a)) for a in call.args)


def says_twice(call: cst.Call) -> bool:
    """Whether two arguments have the same place in today's message: `text="…", content=[…]`."""
    given = [keyword(a) for i, a in enumerate(call.args) if not a.star and (keyword(a) or i == 0)]
    names = [_TODAY.get(name, name) for name in given]
    return len(set(names)) < len(names)


def _is_first(call: cst.Call, arg: cst.Arg) -> bool:
    return not keyword(arg) and call.args.index(arg) == 0 and not any(keyword(a) == "text" for a in call.args)


def message_arguments(updated: cst.Call, as_list: bool, default_role: str, keep_content: bool = False) -> cst.Call:
    """`text=`, `images=` and `content=` as one `content=`; `role=` is given even if it was the default.

    `as_list`: the content must be a list (`ChatMessage`); otherwise a text alone stays a text (`add_message`).
    `keep_content`: the content is a list already.
    """
    brackets = of_call(updated)
    text = _find(brackets, "text", "content")
    images = _find(brackets, "images", "image")
    role = _find(brackets, "role")
    if text is None and brackets.items and not keyword(brackets.items[0]):
        text = 0
    content = _content(brackets, text, images, as_list, keep_content)
    if content is not None:
        place = text if text is not None else images
        assert place is not None
        brackets = brackets.with_item(place, keyword_arg("content", content))
        if text is not None and images is not None:
            brackets = brackets.without(images)
    if role is not None:
        role = _find(brackets, "role")
        assert role is not None
        arg = brackets.items[role]
        name = role_of(arg.value)
        if name and not isinstance(arg.value, cst.SimpleString):
            brackets = brackets.with_item(role, arg.with_changes(value=cst.SimpleString(f'"{name}"')))
    elif default_role:
        new = keyword_arg("role", cst.SimpleString(f'"{default_role}"'))
        items = (new, *brackets.items)
        gap = brackets.gaps[1] if len(brackets.gaps) > 2 else cst.SimpleWhitespace(" ")
        middle = gap if brackets.items and len(brackets.items) > 1 else _between(brackets)
        brackets = Brackets(items, (brackets.gaps[0], middle, *brackets.gaps[1:]), brackets.trailing_comma)
    return to_call(updated, brackets)


def _between(brackets: Brackets) -> cst.BaseParenthesizableWhitespace:
    first = brackets.gaps[0]
    return first if isinstance(first, cst.ParenthesizedWhitespace) else cst.SimpleWhitespace(" ")


def _find(brackets: Brackets, *names: str) -> int | None:
    return next((i for i, a in enumerate(brackets.items) if keyword(a) in names), None)


def _content(
    brackets: Brackets, text: int | None, images: int | None, as_list: bool, keep: bool
) -> cst.BaseExpression | None:
    given = brackets.items[text].value if text is not None else None
    pictures = brackets.items[images].value if images is not None else None
    if given is None and pictures is None:
        return None
    if pictures is None:
        if given is None or keep or isinstance(given, (cst.List, cst.ListComp)):
            return given
        if dotted(given) == "None":
            return cst.List([])
        return cst.List([cst.Element(_unwrapped(given))]) if as_list else given
    elements: list[cst.BaseElement] = []
    if given is not None and dotted(given) != "None":
        elements.append(cst.Element(given))
    if isinstance(pictures, cst.List):
        elements += [e.with_changes(comma=cst.MaybeSentinel.DEFAULT) for e in pictures.elements]
    else:
        elements.append(cst.StarredElement(pictures))
    return cst.List(elements)


def _unwrapped(value: cst.BaseExpression) -> cst.BaseExpression:
    return value

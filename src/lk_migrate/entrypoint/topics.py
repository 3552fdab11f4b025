"""Helpers of a large support module that belong together get a module of their own, named by what they speak of.

What belongs together shows in the headings that people write (`# ----- phone numbers -----`), and where there are none
in the names that they give: `build_n8n_payload` and `send_n8n_webhook` share `n8n`. State that functions re-bind, what
stands in the way of a clean order of imports, and helpers without a heading or a word stay.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

import libcst as cst

from lk_migrate.entrypoint.layout import Layout, TopLevel
from lk_migrate.facts.walk import find, own_scope

#: A support module of at most so many lines stays in one piece.
LARGE = 400
#: A module of its own has at least so many lines.
_WORTH = 50
#: A class of so many lines gets a module to itself.
_LONG_CLASS = 150
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+")
#: A line drawn across the page.
_RULE = re.compile(r"[-=#*~_]{4,}")
#: Words that say what is done, or nothing at all.
_SAYS_NOTHING = frozenset(
    _WORD.findall(
        "add all and any apply async await base build by call calls check choose clean clear close compute "
        "config convert constant count create current data default delete determine dict do end ensure env "
        "extract fetch file find fix for format from generate get handle has helper id if in info init insert "
        "into is item items json key list load log main make map maybe merge name new no normalize normalise "
        "not obj of off on open or parse prepare print process put raw read remove render request resolve "
        "response result run safe save send set setup simple start stop store str string sync test text the "
        "to try type update upsert use user util utils value values wait with write sources utility utilities "
        "helpers misc miscellaneous constants configuration settings stuff other section after before only own "
        "what kind small things when where each during"
    )
)


def topics(
    layout: Layout, items: Sequence[TopLevel], lines: Callable[[TopLevel], int]
) -> Mapping[str, tuple[TopLevel, ...]]:
    """Word → the definitions that go to its module; nothing for a module that is not large.

    `items`: what is to be parted, in its order.
    """
    if sum(map(lines, items)) <= LARGE:
        return {}
    names = {id(i): _names(i) for i in items}
    free = [i for i in items if i.kind == "definition" and not names[id(i)] & layout.rebound]
    headings = _headings(layout)
    torn = {headings[id(i)] for i in items if i.kind == "definition" and i not in free}
    prepared = _after_effects(items)
    free = [i for i in free if id(i) not in prepared]
    topic = {id(i): headings[id(i)] for i in free if headings[id(i)] not in ("", *torn)}
    topic.update(
        {
            id(i): _snake(cst.ensure_type(i.node, cst.ClassDef).name.value)
            for i in free
            if _is_long_class(i, lines) and id(i) not in topic
        }
    )
    while True:
        left = [i for i in free if id(i) not in topic and isinstance(i.node, cst.FunctionDef)]
        found = _largest(left, lines, set(topic.values()))
        if found is None:
            break
        topic.update({id(i): found for i in left if found in _words(i)})
    small = {""}
    while small:
        _untangle(items, names, topic)
        sizes: dict[str, int] = {}
        for item in items:
            word = topic.get(id(item), "")
            sizes[word] = sizes.get(word, 0) + lines(item)
        small = {word for word in topic.values() if sizes[word] < _WORTH}
        topic = {key: word for key, word in topic.items() if word not in small}
    return {word: tuple(i for i in items if topic.get(id(i)) == word) for word in dict.fromkeys(topic.values())}


def _after_effects(items: Sequence[TopLevel]) -> set[int]:
    """The definitions that compute something once an effect has run: a module of their own may be imported before."""
    found: set[int] = set()
    has_run = False
    for item in items:
        has_run = has_run or item.kind == "effect"
        if has_run and _computes(item.node):
            found.add(id(item))
    return found


def _computes(node: cst.CSTNode) -> bool:
    """Whether running the statement calls or looks up something; the body of a function does not run with it."""
    parts: list[cst.CSTNode] = [node]
    if isinstance(node, cst.FunctionDef):
        defaults = [p.default for p in find(node.params, cst.Param) if p.default is not None]
        parts = [*node.decorators, *defaults]
    return any(isinstance(n, (cst.Call, cst.Subscript)) for part in parts for n in (part, *own_scope(part)))


def _is_long_class(item: TopLevel, lines: Callable[[TopLevel], int]) -> bool:
    return isinstance(item.node, cst.ClassDef) and lines(item) >= _LONG_CLASS


def _snake(name: str) -> str:
    """`CallHandler` → `handler`: the module's name begins with `call_` already."""
    return "_".join(w.lower() for w in _WORD.findall(name)).removeprefix("call_")


def _headings(layout: Layout) -> dict[int, str]:
    """Statement → the first telling words of the heading that it stands under."""
    found: dict[int, str] = {}
    current = ""
    for item in layout.items:
        comments = [line.comment.value for line in getattr(item.node, "leading_lines", ()) if line.comment is not None]
        drawn = [i for i, text in enumerate(comments) if _RULE.search(text)]
        if drawn:
            current = _slug(" ".join(comments[drawn[0] : drawn[-1] + 1]))
        found[id(item)] = current
    return found


def _slug(heading: str) -> str:
    """`# ---- Phone numbers (E.164) ----` → `phone_numbers`: the first telling word, and the next if it tells."""
    words = re.findall(r"\w+|[(,:;.&/]", _RULE.sub("", heading))
    first = next((i for i, word in enumerate(words) if _telling(word)), len(words))
    return "_".join(word.lower() for word in words[first : first + 2] if _telling(word))


def _telling(text: str) -> list[str]:
    """The words of a text that say what it is about."""
    words = [w.lower() for w in _WORD.findall(text)]
    return [w for w in words if w not in _SAYS_NOTHING and len(w) > 2 and not w.isdigit() and w.isascii()]


def _largest(items: Sequence[TopLevel], lines: Callable[[TopLevel], int], taken: set[str]) -> str | None:
    """The word that covers most lines: of several functions, and enough of them."""
    sizes: dict[str, list[int]] = {}
    for item in items:
        for word in _words(item) - taken:
            sizes.setdefault(word, []).append(lines(item))
    worth = {w: sum(s) for w, s in sizes.items() if len(s) > 1 and sum(s) >= _WORTH}
    return max(sorted(worth), key=lambda w: worth[w]) if worth else None


def _untangle(items: Sequence[TopLevel], names: Mapping[int, set[str]], topic: dict[int, str]) -> None:
    """Take back into the support module what it needs itself, and what would make modules import each other."""
    home = {name: item for item in items for name in item.binds}
    while True:
        needs: dict[str, set[str]] = {}
        back: list[int] = []
        for item in items:
            mine = topic.get(id(item), "")
            for name in names[id(item)] & home.keys():
                theirs = topic.get(id(home[name]), "")
                if not mine and theirs:
                    back.append(id(home[name]))
                elif mine and theirs and mine != theirs:
                    needs.setdefault(mine, set()).add(theirs)
        circle = next((w for w in sorted(needs) if _reaches(needs, w, w)), None)
        if circle is not None:
            back.extend(k for k, w in topic.items() if w == circle)
        if not back:
            return
        for key in back:
            topic.pop(key, None)


def _reaches(needs: Mapping[str, set[str]], start: str, goal: str) -> bool:
    seen: set[str] = set()
    queue = list(needs.get(start, ()))
    while queue:
        word = queue.pop()
        if word == goal:
            return True
        if word not in seen:
            seen.add(word)
            queue.extend(needs.get(word, ()))
    return False


def _names(item: TopLevel) -> set[str]:
    """Every module-level name that a statement speaks of, what it re-binds included."""
    return {o.name for o in item.found if o.owner is None} - (
        item.binds if isinstance(item.node, (cst.FunctionDef, cst.ClassDef)) else frozenset()
    )


def _words(item: TopLevel) -> set[str]:
    """What the name of a function speaks of; plural and singular are one."""
    words = _telling(cst.ensure_type(item.node, cst.FunctionDef).name.value)
    singular = (w[:-1] if w.endswith("s") and not w.endswith(("ss", "us", "is")) and len(w) > 3 else w for w in words)
    return {w for w in singular if w not in _SAYS_NOTHING}

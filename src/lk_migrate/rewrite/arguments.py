"""Editing what stands between brackets: a call's arguments, a dict's elements, with comments and lines as they were.

LibCST keeps the white space and comments *between* two items in the comma of the first one. Here a bracketed list
is items with the *gaps* around them, so that an item can be taken out together with its own comments, and its
neighbours keep theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import libcst as cst

Gap = cst.BaseParenthesizableWhitespace


@dataclass(frozen=True)
class Comments:
    """What a person wrote about an item: lines above it, and a remark behind it on its line."""

    above: tuple[str, ...] = ()
    behind: str = ""

    def __bool__(self) -> bool:
        return bool(self.above or self.behind)


NO_COMMENTS = Comments()
_SPACE = cst.SimpleWhitespace(" ")


@dataclass(frozen=True)
class Brackets:
    """`gaps[i]` stands before `items[i]`, the last one before the closing bracket. Items carry no white space."""

    items: tuple[Any, ...]
    gaps: tuple[Gap, ...]
    trailing_comma: bool

    def comments(self, i: int) -> Comments:
        """The comments of item `i`."""
        before, after = self.gaps[i], self.gaps[i + 1]
        above = (
            tuple(line.comment.value for line in before.empty_lines if line.comment is not None)
            if isinstance(before, cst.ParenthesizedWhitespace)
            else ()
        )
        return Comments(above, _behind(after))

    def without(self, i: int) -> Brackets:
        """Item `i` and its own comments taken out."""
        before, after = self.gaps[i], self.gaps[i + 1]
        last = i == len(self.items) - 1
        items = (*self.items[:i], *self.items[i + 1 :])
        gap = _joined(before, after, last)
        if last and not items and not isinstance(after, cst.ParenthesizedWhitespace):
            gap = cst.SimpleWhitespace("")
        return replace(
            self,
            items=items,
            gaps=(*self.gaps[:i], gap, *self.gaps[i + 2 :]),
            trailing_comma=self.trailing_comma and bool(items),
        )

    def without_but_comments(self, i: int) -> Brackets:
        """Item `i` taken out; its comments become lines before the next item (or the closing bracket)."""
        comments = self.comments(i)
        shorter = self.without(i)
        gap = shorter.gaps[i]
        if not comments or not isinstance(gap, cst.ParenthesizedWhitespace):
            return shorter
        indent = gap.last_line if i < len(shorter.items) else cst.SimpleWhitespace(self.pad or "")
        texts = [*comments.above, *([comments.behind] if comments.behind else [])]
        lines = [cst.EmptyLine(whitespace=indent, comment=cst.Comment(text)) for text in texts]
        gap = gap.with_changes(empty_lines=[*lines, *gap.empty_lines])
        return replace(shorter, gaps=(*shorter.gaps[:i], gap, *shorter.gaps[i + 1 :]))

    def with_item(self, i: int, item: Any, *, behind: str | None = None) -> Brackets:
        """Item `i` replaced; `behind` replaces the remark behind it ("" takes it away)."""
        gaps = list(self.gaps)
        if behind is not None:
            gaps[i + 1] = _with_behind(gaps[i + 1], behind)
        return replace(self, items=(*self.items[:i], item, *self.items[i + 1 :]), gaps=tuple(gaps))

    def without_remark(self, i: int) -> Brackets:
        """What is said behind item `i` taken away."""
        gaps = list(self.gaps)
        gaps[i + 1] = _with_behind(gaps[i + 1], "")
        return replace(self, gaps=tuple(gaps))

    def without_lines_above(self, i: int) -> Brackets:
        """What is said above item `i` taken away."""
        gaps = list(self.gaps)
        before = gaps[i]
        if isinstance(before, cst.ParenthesizedWhitespace):
            gaps[i] = before.with_changes(empty_lines=[line for line in before.empty_lines if line.comment is None])
        return replace(self, gaps=tuple(gaps))

    def appended(self, item: Any) -> Brackets:
        """`item` after the last one, on a line of its own if the others have theirs."""
        if not self.items:
            return replace(self, items=(item,), gaps=(*self.gaps, cst.SimpleWhitespace("")))
        own_line = isinstance(self.gaps[-1], cst.ParenthesizedWhitespace) and isinstance(
            self.gaps[len(self.items) - 1], cst.ParenthesizedWhitespace
        )
        if not own_line:
            return replace(
                self,
                items=(*self.items, item),
                gaps=(*self.gaps[:-1], cst.SimpleWhitespace(" "), self.gaps[-1]),
            )
        pattern, closing = self.gaps[len(self.items) - 1], self.gaps[-1]
        assert isinstance(pattern, cst.ParenthesizedWhitespace) and isinstance(closing, cst.ParenthesizedWhitespace)
        # The remark behind the old last item stays with it; own-line comments stay before the bracket.
        between = pattern.with_changes(first_line=closing.first_line, empty_lines=[])
        return replace(
            self,
            items=(*self.items, item),
            gaps=(*self.gaps[:-1], between, _with_behind(closing, "")),
            trailing_comma=True,
        )

    @property
    def pad(self) -> str | None:
        """The white space before an item that has a line of its own (within the block's indentation), or None."""
        for gap in self.gaps[:-1]:
            if isinstance(gap, cst.ParenthesizedWhitespace):
                return gap.last_line.value
        return None


def of_call(call: cst.Call) -> Brackets:
    """The arguments of a call."""
    gaps: list[Gap] = [call.whitespace_before_args]
    items = []
    for arg in call.args:
        gap: Gap = arg.whitespace_after_arg
        if isinstance(arg.comma, cst.Comma):
            gap = arg.comma.whitespace_after
        gaps.append(gap)
        items.append(arg.with_changes(comma=cst.MaybeSentinel.DEFAULT, whitespace_after_arg=cst.SimpleWhitespace("")))
    comma = bool(call.args) and isinstance(call.args[-1].comma, cst.Comma)
    return Brackets(tuple(items), tuple(gaps), comma)


def to_call(call: cst.Call, brackets: Brackets) -> cst.Call:
    """`call` with these arguments."""
    args = []
    for i, arg in enumerate(brackets.items):
        gap = brackets.gaps[i + 1]
        if i < len(brackets.items) - 1 or brackets.trailing_comma:
            args.append(arg.with_changes(comma=cst.Comma(whitespace_after=gap)))
        else:
            args.append(arg.with_changes(whitespace_after_arg=gap))
    return call.with_changes(args=args, whitespace_before_args=brackets.gaps[0])


def of_display(display: cst.Dict | cst.List) -> Brackets:
    """The elements of a dict or list display."""
    opening = display.lbrace if isinstance(display, cst.Dict) else display.lbracket
    closing = display.rbrace if isinstance(display, cst.Dict) else display.rbracket
    gaps: list[Gap] = [opening.whitespace_after]
    items: list[Any] = []
    for i, element in enumerate(display.elements):
        last = i == len(display.elements) - 1
        if last:
            gaps.append(closing.whitespace_before)
        else:
            gaps.append(element.comma.whitespace_after if isinstance(element.comma, cst.Comma) else _SPACE)
        items.append(element.with_changes(comma=cst.MaybeSentinel.DEFAULT))
    comma = bool(display.elements) and isinstance(display.elements[-1].comma, cst.Comma)
    return Brackets(tuple(items), tuple(gaps), comma)


def to_display(display: Any, brackets: Brackets) -> Any:
    """The dict or list display with these elements."""
    elements = []
    count = len(brackets.items)
    for i, element in enumerate(brackets.items):
        if i < count - 1:
            elements.append(element.with_changes(comma=cst.Comma(whitespace_after=brackets.gaps[i + 1])))
        else:
            comma = cst.Comma() if brackets.trailing_comma else cst.MaybeSentinel.DEFAULT
            elements.append(element.with_changes(comma=comma))
    if isinstance(display, cst.Dict):
        opening, closing = "lbrace", "rbrace"
    else:
        opening, closing = "lbracket", "rbracket"
    first = brackets.gaps[0]
    return display.with_changes(
        elements=elements,
        **{
            opening: getattr(display, opening).with_changes(whitespace_after=first),
            closing: getattr(display, closing).with_changes(
                whitespace_before=brackets.gaps[-1] if count else cst.SimpleWhitespace("")
            ),
        },
    )


def keyword(arg: cst.Arg) -> str:
    """The keyword of an argument, "" if it is positional or starred."""
    return arg.keyword.value if arg.keyword is not None else ""


def find_keyword(call: cst.Call, name: str) -> cst.Arg | None:
    """The argument `name=…`."""
    return next((a for a in call.args if keyword(a) == name), None)


def keyword_arg(name: str, value: cst.BaseExpression) -> cst.Arg:
    """`name=value`, spelled as PEP 8 wants it."""
    tight = cst.AssignEqual(whitespace_before=cst.SimpleWhitespace(""), whitespace_after=cst.SimpleWhitespace(""))
    return cst.Arg(value=value, keyword=cst.Name(name), equal=tight)


def without_keywords(call: cst.Call, drop: Callable[[cst.Arg], bool]) -> cst.Call:
    """`call` without the arguments that `drop` names, and without their comments."""
    brackets = of_call(call)
    for i in reversed(range(len(brackets.items))):
        if drop(brackets.items[i]):
            brackets = brackets.without(i)
    return to_call(call, brackets)


def with_keyword(call: cst.Call, name: str, value: cst.BaseExpression) -> cst.Call:
    """`call` with `name=value`: in place of an argument of that name, else before any `**kwargs`, else last."""
    brackets = of_call(call)
    new = keyword_arg(name, value)
    for i, arg in enumerate(brackets.items):
        if keyword(arg) == name:
            return to_call(call, brackets.with_item(i, arg.with_changes(value=value)))
    return to_call(call, brackets.appended(new))


def _behind(gap: Gap) -> str:
    if isinstance(gap, cst.ParenthesizedWhitespace) and gap.first_line.comment is not None:
        return gap.first_line.comment.value
    return ""


def _with_behind(gap: Gap, comment: str) -> Gap:
    if not isinstance(gap, cst.ParenthesizedWhitespace):
        return gap
    line = gap.first_line.with_changes(
        whitespace=cst.SimpleWhitespace("  " if comment else ""), comment=cst.Comment(comment) if comment else None
    )
    return gap.with_changes(first_line=line)


def _joined(before: Gap, after: Gap, last: bool) -> Gap:
    """The gap that is left when the item between the two is taken out: its own comments are in neither."""
    if isinstance(before, cst.ParenthesizedWhitespace):
        if isinstance(after, cst.ParenthesizedWhitespace):
            return after.with_changes(first_line=before.first_line)
        if last:
            return after
        return before.with_changes(empty_lines=[line for line in before.empty_lines if line.comment is None])
    if isinstance(after, cst.ParenthesizedWhitespace):
        return _with_behind(after, "")
    return after if last else before


def shifted(node: Any, by: int) -> Any:
    """`node` with the continuation lines of its brackets moved `by` columns; text inside strings stays."""
    return node.visit(_Shift(by)) if by else node


class _Shift(cst.CSTTransformer):
    def __init__(self, by: int) -> None:
        super().__init__()
        self.by = by

    def leave_ParenthesizedWhitespace(
        self, original_node: cst.ParenthesizedWhitespace, updated_node: cst.ParenthesizedWhitespace
    ) -> cst.ParenthesizedWhitespace:
        lines = [self._line(line) for line in updated_node.empty_lines]
        return updated_node.with_changes(last_line=self._white(updated_node.last_line), empty_lines=lines)

    def _line(self, line: cst.EmptyLine) -> cst.EmptyLine:
        return line.with_changes(whitespace=self._white(line.whitespace)) if line.comment is not None else line

    def _white(self, space: cst.SimpleWhitespace) -> cst.SimpleWhitespace:
        width = len(space.value) + self.by
        return cst.SimpleWhitespace(" " * max(0, width)) if "\t" not in space.value else space


def lines_of(comments: Sequence[str]) -> list[cst.EmptyLine]:
    """Comment lines as LibCST wants them above a statement."""
    return [cst.EmptyLine(comment=cst.Comment(text)) for text in comments]

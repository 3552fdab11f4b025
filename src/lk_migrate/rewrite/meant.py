"""Only what we meant: the old and the new file say the same, but for the statements that a finding speaks of.

Black's promise (it compares the two syntax trees and refuses to write), for a tool that does change the tree: the
old file's statements are a pattern in which what an edit touched stands for anything; the new file must match it.
The check knows nothing of how the edits were made. It compares what `ast` reads in the two texts; where this
Python is older than the file's syntax, what LibCST reads.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from lk_migrate.rewrite.statements import Statement


@dataclass(frozen=True)
class Touched:
    """The lines (1-based) of the legacy file on which a touched statement begins.

    `whole`: the statement stands for anything with all that is in it. `header`: its own line may change, and its
    list of statements; the statements in it that are not touched must still be there, in their order.
    """

    whole: frozenset[int] = frozenset()
    header: frozenset[int] = frozenset()


def only_what_we_meant(before: Sequence[Statement], after: Sequence[Statement], touched: Touched) -> int | None:
    """None when `after` is `before` but for what was touched, else the legacy line of a statement that is not.

    Import statements at module level may come anywhere; one that was not touched must still be there.
    """
    marks = _marked(before, touched)
    if 0 in marks.header:
        return _Match(marks).within([s for s in before if not s.is_import], after)
    mine = [s for s in before if s.is_import and s.line not in touched.whole | touched.header]
    texts = {s.text for s in after if s.is_import}
    gone = next((s.line for s in mine if s.text not in texts), None)
    if gone is not None:
        return gone
    return _Match(marks).block([s for s in before if not s.is_import], [s for s in after if not s.is_import])


def _marked(before: Sequence[Statement], touched: Touched) -> Touched:
    """The touches as lines on which a statement begins.

    A touch of a line that begins none (`else:`, `finally:`) is one of the statement around it; 0 is the module.
    """
    header = {owner for line in touched.header for owner in _owners(before, line)}
    return Touched(touched.whole, frozenset(header))


def _owners(block: Iterable[Statement], line: int) -> Iterator[int]:
    """The lines of the statements whose own text is on `line`: several for `if ready: go()`."""
    around, found = 0, False
    inner = _at(block, line)
    while inner is not None:
        around = inner.line
        if line in (inner.line, inner.header_line):
            found = True
            yield inner.line
        inner = _at(inner.children(), line)
    if not found:
        yield around


def _at(block: Iterable[Statement], line: int) -> Statement | None:
    """The statement on the line; where one ends and the next begins (`); go(`), the one that begins."""
    here = [s for s in block if s.line <= line <= s.end_line]
    return next((s for s in here if line in (s.line, s.header_line)), here[0] if here else None)


@dataclass
class _Match:
    """One comparison. Blocks are matched as a shell matches a pattern: `*` is a run of touched statements."""

    touched: Touched
    known: dict[tuple[int, int], bool] = field(default_factory=dict)

    def block(self, before: Sequence[Statement], after: Sequence[Statement]) -> int | None:
        """None, or the line of the first statement for which there is no place.

        A shell's pattern is matched from the left, each run of fixed statements at its first place; the last run
        stands at the end. What was touched before it must be found before that place.
        """
        runs = list(self._runs(before))
        at, star, waiting = 0, False, []
        for number, (is_touched, run) in enumerate(runs):
            if is_touched:
                star, waiting = True, run
                continue
            last = number == len(runs) - 1
            places = (
                [len(after) - len(run)] if last and star else range(at, len(after) - len(run) + 1) if star else [at]
            )
            lost = None
            for start in places:
                if start >= at and self._fits(run, after, start):
                    missing = self.within(waiting, after[at:start])
                    if missing is None:
                        break
                    lost = lost or missing  # one that looks like it came first, perhaps
            else:
                return lost or (self._first_misfit(run, after, at) if not star else run[0].line)
            at, star, waiting = start + len(run), False, []
        if star:
            return self.within(waiting, after[at:])
        return None if at == len(after) else (before[-1].line if before else 1)

    def _runs(self, before: Iterable[Statement]) -> Iterator[tuple[bool, list[Statement]]]:
        """Neighbours that are touched, and neighbours that are not."""
        run: list[Statement] = []
        kind = False
        for statement in before:
            if run and self._is_touched(statement) is not kind:
                yield kind, run
                run = []
            kind = self._is_touched(statement)
            run.append(statement)
        if run:
            yield kind, run

    def _is_touched(self, statement: Statement) -> bool:
        return statement.line in self.touched.whole or statement.line in self.touched.header

    def _fits(self, run: Sequence[Statement], after: Sequence[Statement], start: int) -> bool:
        return start + len(run) <= len(after) and all(self.same(b, after[start + i]) for i, b in enumerate(run))

    def _first_misfit(self, run: Sequence[Statement], after: Sequence[Statement], at: int) -> int:
        pairs = zip(run, after[at:], strict=False)
        return next((b.line for b, a in pairs if not self.same(b, a)), run[-1].line)

    def same(self, before: Statement, after: Statement) -> bool:
        """Whether the two say the same; what was touched inside `before` may be anything."""
        if before.text == after.text:
            return True
        key = (id(before), id(after))
        if key not in self.known:
            self.known[key] = self._same(before, after)
        return self.known[key]

    def _same(self, before: Statement, after: Statement) -> bool:
        if not before.blocks and not after.blocks:
            return before.says_the_same_as(after)
        if len(before.blocks) != len(after.blocks) or not before.says_the_same_as(after):
            return False
        pairs = zip(before.blocks, after.blocks, strict=True)
        return all(self.block(b, _without_new_imports(a, b)) is None for b, a in pairs)

    def within(self, touched: Iterable[Statement], after: Iterable[Statement]) -> int | None:
        """The line of an untouched statement inside the touched ones that is nowhere in `after`, in order.

        A docstring may be anywhere: it stays on top when its function is parted in two.
        """
        everything = list(descendants(after))
        found = iter(everything)
        for statement in self._untouched(touched):
            if not any(self.same(statement, other) for other in (everything if statement.is_text else found)):
                return statement.line
        return None

    def _untouched(self, statements: Iterable[Statement]) -> Iterator[Statement]:
        for statement in statements:
            if statement.line in self.touched.whole:
                continue
            if statement.line in self.touched.header:
                yield from self._untouched(statement.children())
            else:
                yield statement


def _without_new_imports(after: Iterable[Statement], before: Iterable[Statement]) -> list[Statement]:
    """A new import may stand beside the imports of a block that are its package's (rewrite/import_homes.py)."""
    known = {s.text for s in before if s.is_import}
    return [s for s in after if not s.is_import or s.text in known]


def descendants(statements: Iterable[Statement]) -> Iterator[Statement]:
    """The statements and all that are inside them, in source order."""
    for statement in statements:
        yield statement
        yield from descendants(statement.children())


def lines_of(ranges: Collection[tuple[int, int]]) -> frozenset[int]:
    """Every line of these inclusive ranges."""
    return frozenset(n for first, last in ranges for n in range(first, last + 1))

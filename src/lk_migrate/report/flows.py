"""The ledger as a picture: legacy files on the left, new ones on the right, ribbons as wide as the lines that flow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from lk_migrate.model import Fate, LedgerEntry

WIDTH, HEIGHT = 760, 420
_BAR, _GAP, _LABEL = 14, 10, 200
#: More files than this on a side are drawn as one.
_MOST = 14
GONE = "removed"


@dataclass(frozen=True)
class Node:
    """A file's bar: `x`, `y`, `height` in user units; `lines` of code and comment."""

    name: str
    x: float
    y: float
    height: float
    lines: int
    left: bool


@dataclass(frozen=True)
class Ribbon:
    """A flow between two bars as an SVG path."""

    source: str
    target: str
    fate: str
    lines: int
    path: str


@dataclass(frozen=True)
class Picture:
    """What is drawn, and the same as numbers for the table beside it."""

    nodes: tuple[Node, ...]
    ribbons: tuple[Ribbon, ...]
    flows: tuple[tuple[str, str, str, int], ...]
    height: int = HEIGHT


def picture(ledger: Iterable[LedgerEntry]) -> Picture:
    """Bars and ribbons; nothing when there is no ledger."""
    exact: Counter[tuple[str, str, Fate]] = Counter()
    for entry in ledger:
        target = entry.to.path if entry.to is not None else GONE if entry.fate is Fate.REMOVED else entry.place.path
        exact[entry.place.path, target, entry.fate] += entry.place.end_line - entry.place.line + 1
    listed = tuple((s, t, f.value, n) for (s, t, f), n in sorted(exact.items(), key=lambda kv: (kv[0][0], -kv[1])))
    if not exact:
        return Picture((), (), ())
    flows = _grouped(exact)
    lefts, rights = _order(flows)
    total = sum(flows.values())
    most = max(len(lefts), len(rights))
    height = max(HEIGHT, 34 * most)
    scale = (height - _GAP * (most + 1)) / total
    left = _bars(lefts, {n: sum(v for (s, _, _), v in flows.items() if s == n) for n in lefts}, scale, height, True)
    right = _bars(rights, {n: sum(v for (_, t, _), v in flows.items() if t == n) for n in rights}, scale, height, False)
    return Picture((*left.values(), *right.values()), tuple(_ribbons(flows, left, right, scale)), listed, height)


Flows = Counter[tuple[str, str, Fate]]


def _grouped(exact: Flows) -> Flows:
    """Small files of a large project as one bar per side."""
    sizes: Counter[str] = Counter()
    for (source, _, _), n in exact.items():
        sizes[source] += n
    changed: Counter[str] = Counter()
    for (source, _, fate), n in exact.items():
        changed[source] += n if fate is not Fate.KEPT else 0
    ranked = sorted(sizes, key=lambda s: (-changed[s], -sizes[s], s))
    kept = set(ranked[:_MOST])
    rest = f"{len(ranked) - len(kept)} more files"
    flows: Flows = Counter()
    for (source, target, fate), n in exact.items():
        known = target == GONE or target in kept or target not in sizes
        flows[source if source in kept else rest, target if known else rest, fate] += n
    return flows


def _order(flows: Flows) -> tuple[list[str], list[str]]:
    """Big files first; a new file stands at the height of those it comes from; what is gone, last."""
    sizes: Counter[str] = Counter()
    for (source, _, _), n in flows.items():
        sizes[source] += n
    lefts = [s for s, _ in sorted(sizes.items(), key=lambda kv: (-kv[1], kv[0]))]
    weight: dict[str, list[float]] = {}
    for (source, target, _), n in flows.items():
        pair = weight.setdefault(target, [0.0, 0.0])
        pair[0] += n * lefts.index(source)
        pair[1] += n
    return lefts, sorted(weight, key=lambda t: (t == GONE, weight[t][0] / weight[t][1], -weight[t][1], t))


def _bars(names: list[str], sizes: dict[str, int], scale: float, height: int, left: bool) -> dict[str, Node]:
    x = _LABEL if left else WIDTH - _LABEL - _BAR
    used = sum(sizes.values()) * scale
    gap = (height - used) / (len(names) + 1)
    bars, y = {}, gap
    for name in names:
        bars[name] = Node(name, x, round(y, 1), max(1.0, round(sizes[name] * scale, 1)), sizes[name], left)
        y += sizes[name] * scale + gap
    return bars


def _ribbons(flows: Flows, left: dict[str, Node], right: dict[str, Node], scale: float) -> Iterable[Ribbon]:
    from_y = {name: node.y for name, node in left.items()}
    to_y = {name: node.y for name, node in right.items()}
    rights = list(right)
    fates = list(Fate)
    # Ribbons leave a bar in the order of the bars that they go to, so that they do not cross needlessly.
    for (source, target, fate), n in sorted(
        flows.items(), key=lambda kv: (list(left).index(kv[0][0]), rights.index(kv[0][1]), fates.index(kv[0][2]))
    ):
        thick = max(0.6, n * scale)
        x0, x1 = left[source].x + _BAR, right[target].x
        y0, y1 = from_y[source], to_y[target]
        from_y[source] += n * scale
        to_y[target] += n * scale
        middle = (x0 + x1) / 2
        path = (
            f"M{x0},{y0:.1f} C{middle},{y0:.1f} {middle},{y1:.1f} {x1},{y1:.1f} "
            f"L{x1},{y1 + thick:.1f} C{middle},{y1 + thick:.1f} {middle},{y0 + thick:.1f} {x0},{y0 + thick:.1f} Z"
        )
        yield Ribbon(source, target, fate.value, n, path)

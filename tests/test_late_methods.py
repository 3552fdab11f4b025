"""What is compiled late does what `dataclasses` would have made at once."""

from __future__ import annotations

import dataclasses
import inspect
import pickle
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from lk_migrate.late_methods import _init, made_late
from lk_migrate.rules.registry import all_rules


def at_once(cls: type, **options: bool) -> type:
    return dataclass(**options)(cls)  # type: ignore[call-overload, no-any-return]


def build(make: Callable[..., Any]) -> dict[str, Any]:
    """The same classes by either maker."""

    class Plain:
        number: int
        words: list[str] = field(default_factory=list, compare=False)
        name: str = "x"
        known: dict[str, int] = field(init=False, default_factory=dict, repr=False, compare=False)

        def __post_init__(self) -> None:
            self.known["made"] = self.number

    plain = make(Plain, frozen=True)

    class Below(plain):  # type: ignore[misc, valid-type]
        more: int = 0

        def __repr__(self) -> str:
            return "mine"

    class Slim:
        one: int
        other: str = "b"

    class Loose:
        one: int

    class Same:
        one: int

    return {
        "plain": plain,
        "below": make(Below, frozen=True),
        "slim": make(Slim, frozen=True, slots=True),
        "loose": make(Loose),
        "same": make(Same, frozen=True, eq=False),
    }


def seen(make: Callable[..., Any]) -> list[Any]:
    """What can be observed of them."""
    made = build(make)
    plain, below, slim, loose, same = (made[n] for n in ("plain", "below", "slim", "loose", "same"))
    one = plain(1, name="y")

    def refused(act: Callable[[], object]) -> str:
        with pytest.raises((TypeError, AttributeError)) as caught:
            act()
        return f"{caught.type.__name__}: {caught.value}"

    return [
        repr(one),
        (one.number, one.words, one.name, one.known, plain(1).words is plain(1).words),
        (one == plain(1, ["z"], "y"), one != plain(2, name="y"), one == below(1, name="y"), one == 1),
        hash(one) == hash(plain(1, ["z"], "y")),
        {one, plain(1, name="y")} == {one},
        repr(dataclasses.replace(plain(1), number=2)),
        [f.name for f in dataclasses.fields(below)],
        dataclasses.asdict(below(1, more=3)),
        (repr(below(1)), below(1, more=2) == below(1, more=2), below(1) == below(1, more=2)),
        below.__match_args__,
        refused(plain),
        refused(lambda: plain(1, known={})),
        refused(lambda: setattr(one, "number", 2)),
        refused(lambda: delattr(one, "number")),
        (repr(slim(1)), slim(1) == slim(1), hash(slim(1)) == hash(slim(1)), hasattr(slim(1), "__dict__")),
        refused(lambda: setattr(slim(1), "one", 2)),
        slim.__reduce_ex__(slim(1, "c"), 4)[2],
        (loose(1) == loose(1), repr(loose(1)), refused(lambda: hash(loose(1)))),
        (same(1) == same(1), len({same(1), same(1)}), repr(same(1))),
    ]


def test_what_they_do() -> None:
    assert seen(made_late) == seen(at_once)


def test_both_kinds_inherit_from_each_other() -> None:
    for above, below in ((made_late, at_once), (at_once, made_late)):
        base = above(type("Base", (), {"__annotations__": {"one": "int"}}), frozen=True)
        heir = below(type("Heir", (base,), {"__annotations__": {"other": "int"}}), frozen=True)
        found = heir(1, 2)
        assert (found.one, found.other, found == heir(1, 2)) == (1, 2, True)
        with pytest.raises(dataclasses.FrozenInstanceError):
            found.one = 2
        with pytest.raises(TypeError, match="cannot inherit non-frozen"):
            at_once(type("Loose", (base,), {}))


def test_a_slim_one_travels() -> None:
    found = Travelling(1)
    assert pickle.loads(pickle.dumps(found)) == found


class _Travelling:
    one: int


_Travelling.__qualname__ = _Travelling.__name__ = "Travelling"
Travelling: Any = made_late(_Travelling, frozen=True, slots=True)


def test_every_class_of_ours_and_of_libcst_is_made_with_the_same_arguments() -> None:
    all_rules()
    found, queue = set(), [object]
    while queue:
        fresh = set(type.__subclasses__(queue.pop())) - found
        found |= fresh
        queue.extend(fresh)
    known = [
        c for c in found if "__dataclass_fields__" in vars(c) and c.__module__.startswith(("libcst.", "lk_migrate."))
    ]
    assert len(known) > 300
    for cls in known:
        made = vars(cls).get("__init__")
        if made is not None and made.__code__.co_filename == "<string>":
            ours, theirs = (inspect.signature(each).parameters.values() for each in (_init(cls), made))
            assert [(p.name, p.kind, p.default is p.empty) for p in ours] == [
                (p.name, p.kind, p.default is p.empty) for p in theirs
            ]


_STARTED = """
from lk_migrate.late_methods import methods_when_called
with methods_when_called():
    import libcst as cst
    from lk_migrate.model import Place
    from lk_migrate.rules.registry import all_rules
    all_rules()
import dataclasses
assert dataclasses.dataclass.__module__ == "dataclasses"
for cls in (cst.Yield, Place):
    assert "exec" not in cls.__init__.__code__.co_filename and cls.__init__.__name__ == "method", cls
name = cst.Name("x")
assert name.with_changes(value="y").value == "y" and Place("a", 1, 2) == Place("a", 1, 2)
assert cst.Name.__init__.__name__ == Place.__init__.__name__ == "__init__"
assert cst.Name.__setattr__ is object.__setattr__  # (what a parse makes thousands of)
for wrong in (lambda: cst.Name(""), lambda: setattr(Place("a", 1, 2), "path", "z")):
    try:
        wrong()
    except (cst.CSTValidationError, dataclasses.FrozenInstanceError):
        continue
    raise SystemExit("not refused")
tree = cst.parse_module("async def f(a, *, b=2):\\n    with x as y, z:\\n        return [i for i in a]\\n")
assert tree.deep_equals(tree.deep_clone()) and "Name(" in repr(name) and name != cst.Name("x")
"""


def test_libcst_works_when_its_methods_come_late() -> None:
    subprocess.run([sys.executable, "-c", _STARTED], check=True)


_RUN = """
import atexit, sys
from lk_migrate.__main__ import main
sys.argv[1:] = ["rules"]
def say():
    import libcst
    print(libcst.Yield.__init__.__name__)
atexit.register(say)
main()
"""


def test_a_command_starts_so() -> None:
    done = subprocess.run([sys.executable, "-c", _RUN], check=True, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "method"

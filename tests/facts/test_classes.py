"""The table of classes: whatever derives from a class in it is in it, too."""

from __future__ import annotations

from itertools import permutations

from lk_migrate.facts.classes import class_table
from lk_migrate.facts.project import Project

_FILES = {
    "base.py": b"class Base:\n    pass\n",
    "desk.py": b"from base import Base\n\n\nclass Desk(Base):\n    pass\n",
    "other.py": b"from base import Base\n\n\nclass Other(Base):\n    pass\n",
    "far.py": b"from other import Other\n\n\nclass Far(Other):\n    pass\n",
}


def test_the_order_of_the_files_decides_nothing() -> None:
    for count in (1, 2, 3):
        for seeds in permutations(["base.py", "desk.py", "other.py"], count):
            table = class_table(Project(_FILES), iter(seeds))
            (base,) = (ref for ref in table.refs.values() if ref.name == "Base")
            assert {ref.name for ref in table.descendants(base)} == {"Desk", "Other", "Far"}, seeds

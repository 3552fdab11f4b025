"""Who inherits from whom, found without reading the files whose classes nobody asks about."""

from __future__ import annotations

import libcst as cst

from lk_migrate.facts.lineage import lineages
from lk_migrate.facts.project import Project

FILES = {
    "base.py": b"class Desk:\n    pass\n",
    "hotel.py": b"from base import Desk as Counter\n\n\nclass Hotel(Counter):\n    pass\n",
    "spa.py": b"import hotel\n\nHouse = hotel.Hotel\n\n\nclass Spa(House):\n    pass\n",
    "other.py": b"class Ledger:\n    pass\n",
}


def _class(project: Project, path: str) -> cst.ClassDef:
    module = project.module(path)
    assert module is not None
    found = module.index.of(cst.ClassDef)[0]
    assert isinstance(found, cst.ClassDef)
    return found


def test_heirs_by_whatever_name_the_base_goes() -> None:
    project = Project(FILES)
    heirs = project.fact(lineages).heirs(_class(project, "base.py"))
    assert sorted(" < ".join(c.name for c in line) for line in heirs) == ["Desk", "Hotel < Desk", "Spa < Hotel < Desk"]


def test_a_class_comes_before_those_it_inherits_from() -> None:
    project = Project(FILES)
    line = project.fact(lineages).of(_class(project, "spa.py"))
    assert [c.module.path for c in line] == ["spa.py", "hotel.py", "base.py"]


def test_a_file_that_nobody_asks_about_is_not_parsed() -> None:
    project = Project({**FILES, "other.py": b"class Ledger:\n    this is no Python\n"})
    project.fact(lineages).heirs(_class(project, "base.py"))
    assert not project.skipped

"""A module that Python imports although a comment is not UTF-8 is converted, and its stray bytes stay."""

from __future__ import annotations

from lk_migrate.facts.project import Project
from lk_migrate.facts.stray_bytes import has_stray_bytes
from lk_migrate.rewrite.engine import convert_file
from lk_migrate.rules.registry import all_rules

SOURCE = (
    "# für die Praxis\n".encode("latin-1")
    + "GREETING = 'schön'\n".encode()
    + b"async def entrypoint(ctx):\n    await ctx.connect(e2ee=None)  # na\xefve \x98\n"
)


def test_stray_bytes_in_comments_survive_a_conversion() -> None:
    [rule] = [r for r in all_rules() if r.id == "LK320"]
    result = convert_file("main.py", Project({"main.py": SOURCE}), [rule])
    assert result.skipped is None
    assert result.change is not None
    assert result.change.after == SOURCE.replace(b"e2ee", b"encryption")


def test_what_python_does_not_compile_has_no_stray_bytes() -> None:
    assert has_stray_bytes(SOURCE)
    assert not has_stray_bytes(b"name = 'caf\xe9'\n")
    assert not has_stray_bytes(b"# \xe9\ndef\n")

"""A new main module and what left the old one hold none of its keys."""

from __future__ import annotations

from pathlib import Path

from lk_migrate.model import Action
from lk_migrate.plan import ConvertOptions, make_plan

APP = Path(__file__).parents[2] / "fixtures" / "legacy" / "mixins"
KEY = b"sk-proj-8Zk2QmT4vX7bN1rYc9Lw"


def test_the_new_main_names_the_variable_only() -> None:
    files = {p.relative_to(APP).as_posix(): p.read_bytes() for p in APP.rglob("*.py")}
    for call in (b"openai.LLM(", b"openai.TTS("):
        assert call in files["main.py"]
        files["main.py"] = files["main.py"].replace(call, call + b'api_key="' + KEY + b'", ')
    plan = make_plan(files, ConvertOptions())
    assert plan.main is not None
    assert not plan.skipped
    written = [c.after for c in plan.changes if c.after is not None]
    assert not any(KEY in data for data in written)
    assert any(b'api_key=os.environ["OPENAI_API_KEY"]' in data for data in written)
    told = [f for f in plan.findings if f.rule == "LK125" and f.action is Action.TODO]
    assert told and all("OPENAI_API_KEY" in f.message and KEY.decode() not in f.message for f in told)

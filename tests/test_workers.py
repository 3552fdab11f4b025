"""A plan that several processes make is the plan that one makes, and none of them outlives it or costs a small run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lk_migrate import processes, workers
from lk_migrate.conversion import OneByOne
from lk_migrate.facts.groups import groups
from lk_migrate.model import UserError
from lk_migrate.options import ConvertOptions
from lk_migrate.plan import make_plan
from lk_migrate.read import read_project

LEGACY = Path(__file__).parents[1] / "fixtures" / "legacy"
OPTIONS = ConvertOptions()


@pytest.fixture(params=["forked", "started"])
def made(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """Every process that is made meanwhile, by either way."""
    found: list[Any] = []
    if request.param == "forked" and not workers.FORKS:
        pytest.skip("no process can be forked here")
    monkeypatch.setattr(workers, "FORKS", request.param == "forked")
    monkeypatch.setattr(workers, "_WORTH", 1)
    real = processes.Worker

    def worker(process: Any, *pipes: Any) -> Any:
        found.append(process)
        return real(process, *pipes)

    monkeypatch.setattr(processes, "Worker", worker)
    yield found
    for process in found:
        with pytest.raises(ChildProcessError):  # nobody waits for it any more
            os.waitpid(process.pid, os.WNOHANG)


def _many() -> dict[str, bytes]:
    """Several programs in one project: hand-rolled, 0.x and early 1.x."""
    apps = ("early_1x", "pipeline_0x", "mixins")
    return {
        f"{app}/{path.relative_to(LEGACY / app).as_posix()}": path.read_bytes()
        for app in apps
        for path in sorted((LEGACY / app).rglob("*"))
        if path.suffix in (".py", ".txt", ".toml")
    }


def test_the_plan_is_the_same(made: list[Any]) -> None:
    files, told = _many(), []
    with workers.several(2) as convert:
        plan = make_plan(files, OPTIONS, progress=lambda what, done, total: told.append(what), convert=convert)
    assert made
    assert plan == make_plan(files, OPTIONS)
    assert plan.main is not None
    assert {c.path for c in plan.changes if c.path.endswith(".py") and c.before is not None} <= set(told)


def test_the_files_of_one_group_are_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy of the process converts some of them; what it cannot read is reported here."""
    if not workers.FORKS:
        pytest.skip("no process can be forked here")
    monkeypatch.setattr(workers, "_WORTH", 1)
    copies, real = [], processes.forked
    monkeypatch.setattr(processes, "forked", lambda answer: copies.append(real(answer)) or copies[-1])
    root = LEGACY / "mixins"
    files = {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.rglob("*.py"))}
    files |= {
        f"broken{n}.py": b"from livekit.agents import Agent\nimport agents.base\ndef broken(:\n" for n in range(9)
    }
    options = ConvertOptions(no_main=True)
    with workers.several(2) as convert:
        plan = make_plan(files, options, convert=convert)
    assert len(copies) == len(groups(files)) == 1
    assert plan == make_plan(files, options)
    assert len(plan.skipped) == 9 and plan.changes


@pytest.mark.parametrize(
    ("jobs", "size", "others"),
    [(None, 900, 0), (2, 900, 0), (1, 50_000, 0), (2, 50_000, 1), (9, 4_300, 3), (None, 4_300, 2)],
)
def test_as_many_as_pay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: list[Any], jobs: int | None, size: int, others: int
) -> None:
    """A small tree is converted by one process, whatever is asked for."""
    monkeypatch.setattr(workers, "available", lambda: 3)
    monkeypatch.setattr(workers, "_WORTH", 1_000)
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    text = b"'''livekit'''\n"
    (tmp_path / "agent.py").write_bytes(text + b"#" * (size - len(text)) + b"\n")
    (tmp_path / "home.py").write_bytes(text)
    (tmp_path / "other.py").write_bytes(b"#" * 200_000)
    read_project(tmp_path, []).plan(jobs=jobs)
    assert len(made) == others


def test_a_setting_says_how_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int | None] = []
    real = workers.converter

    def converter(jobs: int | None, files: Any) -> Any:
        asked.append(jobs)
        return real(jobs, files)

    monkeypatch.setattr("lk_migrate.read.converter", converter)
    (tmp_path / "pyproject.toml").write_text("[tool.lk-migrate]\njobs = 3\n")
    project = read_project(tmp_path, [])
    project.plan()
    project.plan(jobs=1)
    assert asked == [3, 1]


def test_nothing_of_the_project_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: list[Any]) -> None:
    """A new Python looks for modules in the current folder first, and that is the person's."""
    for name in ("struct", "pickle", "queue", "socket", "lk_migrate", "libcst", "sitecustomize"):
        (tmp_path / f"{name}.py").write_text(f"open('{name} was run', 'w')\n")
    monkeypatch.chdir(tmp_path)
    assert _converted([{"a.py": b"import livekit\n"}, {"b.py": b"import livekit\n"}]) == ["a.py", "b.py"]
    assert len(made) == 1
    assert not list(tmp_path.glob("* was run"))


def _converted(groups: list[dict[str, bytes]], told: Callable[[str], None] = lambda path: None) -> list[str]:
    with workers.several(2) as convert:
        return sorted(path for outcome in convert.groups(groups, OPTIONS, told, lambda: None) for path in outcome.paths)


def test_what_is_raised_is_the_same() -> None:
    wrong: Any = [{f"{name}.py": None} for name in "abcdefgh"]
    with pytest.raises(Exception) as here:
        OneByOne().groups(wrong, OPTIONS, lambda path: None, lambda: None)
    answer = processes._answered((wrong[:1], OPTIONS), workers._converted)
    assert (type(answer.error), str(answer.error)) == (here.type, str(here.value))
    assert "convert_group" in answer.text


@pytest.mark.parametrize(("end", "said"), [("os._exit(3)", "with code 3"), ("os.kill(os.getpid(), 9)", "by signal 9")])
def test_a_process_that_dies_is_one_clear_error(
    monkeypatch: pytest.MonkeyPatch, made: list[Any], end: str, said: str
) -> None:
    monkeypatch.setattr(workers, "_START", f"import os; {end}")
    monkeypatch.setattr(workers, "_converted", lambda asked: exec(end))

    def told(path: str) -> None:
        time.sleep(0.2)

    with pytest.raises(UserError, match=f"{said} while it converted .*--jobs 1"):
        _converted([{f"{number}.py": b"import livekit\n"} for number in range(50)], told)


def test_an_interruption_ends_the_others(made: list[Any]) -> None:
    def told(path: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _converted([{f"{number}.py": b"import livekit\n"} for number in range(4)], told)
    assert [process.returncode for process in made] == [-signal.SIGKILL]


@pytest.mark.parametrize("forks", [True, False])
def test_they_end_when_the_first_one_is_killed(forks: bool) -> None:
    """They hold its standard error open as long as they live."""
    code = (
        "import os\nfrom lk_migrate import workers\nfrom lk_migrate.options import ConvertOptions\n"
        f"workers.FORKS = {forks} and workers.FORKS\nworkers._WORTH = 1\n"
        "groups = [{f'{number}.py': b'import livekit\\n'} for number in range(9)]\n"
        "def end():\n    print('here', flush=True)\n    os.kill(os.getpid(), 9)\n"
        "with workers.several(3) as convert:\n    convert.groups(groups, ConvertOptions(), lambda path: None, end)\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (-9, b"here\n", b"")


def test_portions_become_smaller_so_that_all_end_together() -> None:
    sizes = [40_000, *[3_000] * 90, 20_000, *[200] * 30]
    portions = list(workers._portions(range(len(sizes)), sizes, 2))
    assert sorted(item for portion in portions for item in portion) == list(range(len(sizes)))
    work = [sum(sizes[item] for item in portion) for portion in portions]
    assert work[0] > sum(sizes) // 6 and work[-1] <= workers._LEAST + 200
    for done, portion in enumerate(
        work
    ):  # whoever takes the last of its size has others to wait for it at most so long
        assert portion <= max(workers._LEAST, sum(work[done:]) // 6) + 3_000 or done == 0
    assert [max(sizes[i] for i in p) for p in portions] == sorted(
        (max(sizes[i] for i in p) for p in portions), reverse=True
    )


def test_a_file_counts_although_it_is_short() -> None:
    """A hundred short files take longer than a long one of as many bytes."""
    assert workers._work([100] * 100) > 10 * workers._work([10_000])


def test_threads_wait_for_each_other_no_longer_than_a_moment() -> None:
    before = sys.getswitchinterval()
    with workers.several(2):
        assert sys.getswitchinterval() < before / 10
    assert sys.getswitchinterval() == before

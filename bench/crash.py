"""Kill lk-migrate hundreds of times, and look at what is left.

    python bench/crash.py [RUNS] [SEED]

Each run makes a random tree and a random plan, starts back-up-and-write in a child process, and kills it with
SIGKILL: after a random effect, or after a random time from outside. Half of the runs also kill the recovery.
Then the next command's recovery must leave the old tree or the new one, nothing between, and `restore` must
give the old tree back, byte, mode, mtime and link. Ends with exit code 1 at the first run that does not.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "project"))

from crash import is_clean, killed_at, recover
from disk_tree import Seen, contents, look

from lk_migrate.model import FileChange
from lk_migrate.project.backup import create_backup
from lk_migrate.project.discover import project_files
from lk_migrate.project.lock import exclusive
from lk_migrate.project.restore import apply_restore, plan_restore
from lk_migrate.project.snapshot import list_backups
from lk_migrate.project.writer import apply_changes

Files = dict[str, bytes | str]


def random_tree(root: Path, dice: random.Random) -> list[str]:
    """Regular files, some read-only for others, some hard links and links."""
    root.mkdir()
    names = []
    for number in range(dice.randint(1, 12)):
        folder = dice.choice(["", "a/", "a/b/", "ü x/"])
        path = f"{folder}f{number}.py"
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(dice.randbytes(dice.choice([0, 10, 5000, 300_000])))
        (root / path).chmod(dice.choice([0o644, 0o755, 0o600]))
        names.append(path)
    if dice.random() < 0.5:
        os.link(root / names[0], root / "twin.py")
    if dice.random() < 0.5:
        (root / "link.py").symlink_to(names[-1])
    return names


def random_plan(root: Path, names: list[str], dice: random.Random) -> tuple[list[FileChange], Files]:
    """Some changes, and how the tree is to be after them."""
    after = contents(root)
    plan = []
    for path in dice.sample(names, dice.randint(0, len(names))):
        before = (root / path).read_bytes()
        new = None if dice.random() < 0.2 and path != names[-1] else dice.randbytes(dice.choice([1, 9000]))
        plan.append(FileChange(path, before, new))
        if new is None:
            del after[path]
        else:
            after[path] = new
    for number in range(dice.randint(0, 4)):
        path = f"{dice.choice(['', 'a/', 'fresh/', 'fresh/deep/'])}new{number}.py"
        data = dice.randbytes(dice.choice([0, 700]))
        plan.append(FileChange(path, None, data))
        after[path] = data
    return plan, after


def killed_after(seconds: float, work: Callable[[], object]) -> bool:
    """Like `killed_at`, from outside: wherever it happens to be."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:
            os._exit(9)
        os._exit(0)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)  # it is not reaped yet, so the number is still its own
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def one_run(root: Path, dice: random.Random) -> str:
    """Which side the tree came out on."""
    names = random_tree(root, dice)
    plan, after = random_plan(root, names, dice)
    old = look(root)

    def command() -> None:
        with exclusive(root, "convert"):
            apply_changes(root, plan, create_backup(root, project_files(root).files, reason="convert"))

    if dice.random() < 0.5:
        killed = killed_at(dice.randint(0, 60), command)
    else:
        killed = killed_after(dice.uniform(0, 0.06), command)
    if dice.random() < 0.5:
        killed_at(dice.randint(0, 12), lambda: recover(root))
    recover(root)
    side = _side(root, old, after)
    for backup in list_backups(root).backups[:1]:
        if dice.random() < 0.5:
            killed_at(dice.randint(0, 50), lambda backup=backup: apply_restore(plan_restore(backup)))
            recover(root)
        apply_restore(plan_restore(backup))
        assert look(root) == old, "restore did not give the old tree back"
    create_backup(root, names[:1])
    assert is_clean(root), "leftovers"
    return f"{side}, {'killed' if killed else 'ended before the kill'}"


def _side(root: Path, old: dict[str, Seen], after: Files) -> str:
    if look(root) == old:
        return "old tree"
    assert contents(root) == after, "half a tree"
    return "new tree"


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(10**6)
    print(f"seed {seed}")
    tally: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        for number in range(runs):
            try:
                tally[one_run(Path(folder).resolve() / str(number), random.Random(f"{seed}-{number}"))] += 1
            except AssertionError as error:
                sys.exit(f"run {number} of seed {seed}: {error}")
    for outcome, count in sorted(tally.items()):
        print(f"{count:6}  {outcome}")


if __name__ == "__main__":
    main()

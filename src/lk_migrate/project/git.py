"""What git says about a project: only asked, never changed."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class GitState:
    """The commit that is checked out (empty before the first), and whether tracked files differ from it."""

    commit: str
    dirty: bool


def git_state(root: Path) -> GitState | None:
    """None without git, outside a repository, or when git takes longer than ten seconds."""
    status = _git(root, "status", "--porcelain", "--untracked-files=no")
    if status is None:
        return None
    return GitState((_git(root, "rev-parse", "--verify", "--quiet", "HEAD") or "").strip(), bool(status.strip()))


def _git(root: Path, *arguments: str) -> str | None:
    # A repository may name a program to watch its files; asking must not start anything of the person's.
    command = ["git", "-c", "core.fsmonitor=false", "-C", os.fspath(root), *arguments]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="surrogateescape",
            timeout=10,
            check=False,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None

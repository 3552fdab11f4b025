"""Which files name what a project needs, by their paths alone."""

from __future__ import annotations

import re
from enum import Enum
from pathlib import PurePosixPath

#: Manifests with a fixed name.
MANIFEST_NAMES = frozenset(
    {"pyproject.toml", "setup.py", "setup.cfg", "Pipfile", "environment.yml", "environment.yaml", "conda.yml"}
)
LOCK_NAMES = frozenset({"poetry.lock", "uv.lock", "Pipfile.lock", "pdm.lock"})
PYTHON_PIN_NAMES = frozenset({".python-version", "runtime.txt"})

_REQUIREMENTS = re.compile(r"(?:.*[-_.])?(?:requirements?|constraints?)(?:[-_.].*)?\.(?:txt|in|pip)", re.I)
_DOCKERFILE = re.compile(r"(?:.*\.)?(?:Dockerfile|Containerfile)(?:[-_.].*)?", re.I)
_COMMANDS = re.compile(
    r"(?:GNU)?Makefile|makefile|.*\.mk|Procfile(?:\..*)?|[Jj]ustfile|Taskfile\.ya?ml|(?:docker-)?compose[\w.-]*\.ya?ml"
    r"|.*\.(?:sh|bash|bat|ps1|service)|README.*|(?:fly|railway|render|nixpacks|livekit)\.(?:toml|ya?ml)|package\.json",
    re.I,
)


class Kind(Enum):
    """How a manifest is read."""

    REQUIREMENTS = "requirements file"
    PYPROJECT = "pyproject.toml"
    PIPFILE = "Pipfile"
    SETUP_CFG = "setup.cfg"
    SETUP_PY = "setup.py"
    CONDA = "environment.yml"
    DOCKERFILE = "Dockerfile"
    LOCK = "lock file"
    PYTHON_PIN = "Python version file"
    COMMANDS = "file with commands"


def kind_of(path: str) -> Kind | None:
    """The kind of manifest or deployment file; None for all others."""
    if path.endswith(".py"):  # there may be thousands, and `PurePosixPath` costs as much as reading a small file
        name = path.rpartition("/")[2]
        if name != "setup.py" and not name.lower().startswith("readme"):
            return None
    place = PurePosixPath(path)
    name = place.name
    if name in ("pyproject.toml", "Pipfile", "setup.cfg", "setup.py"):
        return Kind(name)
    if name in MANIFEST_NAMES:
        return Kind.CONDA
    if name in LOCK_NAMES:
        return Kind.LOCK
    if name in PYTHON_PIN_NAMES:
        return Kind.PYTHON_PIN
    if _REQUIREMENTS.fullmatch(name) or (place.parent.name == "requirements" and place.suffix in (".txt", ".in")):
        return Kind.REQUIREMENTS
    if _DOCKERFILE.fullmatch(name) and place.suffix not in (".py", ".md"):
        return Kind.DOCKERFILE
    if _COMMANDS.fullmatch(name) or (place.suffix.lower() in (".md", ".rst") and "docs" in place.parts[:-1]):
        return Kind.COMMANDS
    if place.parts[:2] == (".github", "workflows") and place.suffix in (".yml", ".yaml"):
        return Kind.COMMANDS
    return None


def is_manifest(path: str) -> bool:
    """Whether `plan_manifests` looks at files of this path: manifests, lock files, deployment files."""
    return kind_of(path) is not None


def scope_of(path: str) -> str:
    """The folder whose code the file serves, "" for the root: its own, or the one around `requirements/`, `docker/`."""
    folder = PurePosixPath(path).parent
    if folder.name in ("requirements", "docker", "deploy", "dependencies", "docs", "scripts"):
        folder = folder.parent
    return "" if folder == PurePosixPath(".") else folder.as_posix()

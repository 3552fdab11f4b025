"""Which of LiveKit's plugins a project's manifests name, from their bytes alone: asked before anything is parsed."""

from __future__ import annotations

import re
from collections.abc import Mapping

from lk_migrate.manifests.names import is_manifest

_PACKAGE = re.compile(rb"^[^#\n]*?\blivekit[-_.]plugins[-_.]([a-z0-9][a-z0-9_.-]*)", re.IGNORECASE | re.MULTILINE)
_EXTRAS = re.compile(rb"^[^#\n]*?\blivekit[-_.]agents\s*\[([^\]#]*)\]", re.IGNORECASE | re.MULTILINE)
_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]*", re.IGNORECASE)


def declared_plugins(files: Mapping[str, bytes]) -> frozenset[str]:
    """`deepgram`, `turn_detector`: as their modules below `livekit.plugins` are called.

    Some packages have modules by other names; these are not found, and count as not declared.
    """
    found: set[str] = set()
    for path, data in files.items():
        if path.endswith(".py") or b"livekit" not in data or not is_manifest(path):
            continue
        extras = b" ".join(_EXTRAS.findall(data)).decode("utf-8", "replace")
        names = [name.decode().rstrip("._-") for name in _PACKAGE.findall(data)]
        found.update(re.sub(r"[-.]", "_", name.lower()) for name in [*names, *_NAME.findall(extras)])
    return frozenset(found)

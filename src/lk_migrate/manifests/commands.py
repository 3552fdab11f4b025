"""Commands that start an agent, where they no longer mean what they did. Reported with file and line, never edited.

Checked on 1.8.9: `--asyncio-debug`, `--watch` and `--no-watch` are gone; `dev` runs without reloading and is
deprecated since 1.6.8; `download-files` of a script is deprecated since 1.5.10; `python -m livekit.agents dev` does
not exist. `start`, `console` and `connect` are as they were.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import PurePosixPath

from lk_migrate.manifests.policy import Remark
from lk_migrate.model import Action

COMMAND = "LK407"

_SEPARATORS = re.compile(r"[\s\"',\[\]`]+")
_ENDS = re.compile(r"&&|\|\||[;|&]")
_FLAGS = {
    "--asyncio-debug": "`--asyncio-debug` is gone: the command fails with it; set PYTHONASYNCIODEBUG=1 instead",
    "--watch": "`--watch` is gone: the command fails with it; `lk agent dev` reloads",
    "--no-watch": "`--no-watch` is gone: the command fails with it; there is nothing to switch off",
}
_DEV = "`dev` no longer reloads and is deprecated: use `lk agent dev` while developing, `start` in production"
_DOWNLOAD = "`download-files` of a script is deprecated: use `python -m livekit.agents download-files`"
_NO_DEV = "`python -m livekit.agents` has no `dev`: use `lk agent dev`, or `start --dev`"


def changed_commands(text: str, scripts: Collection[str], *, document: bool) -> Iterator[Remark]:
    """What there is to say about the commands in a text. `scripts`: paths of the Python files that use LiveKit.

    In a `document` (README, docs) everything is a note; elsewhere a flag that makes the command fail is a todo.
    """
    names = {PurePosixPath(path).name for path in scripts}
    modules = {PurePosixPath(path).with_suffix("").as_posix().replace("/", ".") for path in scripts}
    for number, line in enumerate(text.splitlines(), 1):
        if ".py" not in line and "-m" not in line:
            continue
        for command in _ENDS.split(line):
            words = [w for w in _SEPARATORS.split(command) if w]
            for message, fails in _judge(words, names, modules):
                yield Remark(COMMAND, Action.TODO if fails and not document else Action.NOTE, number, message)


def _judge(words: list[str], names: set[str], modules: set[str]) -> Iterator[tuple[str, bool]]:
    """Message, and whether the command fails."""
    for index, word in enumerate(words):
        after_m = index > 0 and words[index - 1] == "-m"
        rest = words[index + 1 :]
        if after_m and word == "livekit.agents":
            if rest[:1] == ["dev"]:
                yield _NO_DEV, True
        elif (after_m and _is_module(word, modules)) or PurePosixPath(word.replace("\\", "/")).name in names:
            yield from ((_FLAGS[w], True) for w in rest if w in _FLAGS)
            if rest[:1] == ["dev"]:
                yield _DEV, False
            elif rest[:1] == ["download-files"]:
                yield _DOWNLOAD, False
            return


def _is_module(word: str, modules: set[str]) -> bool:
    return any(module == word or module.endswith("." + word) for module in modules)

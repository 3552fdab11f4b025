"""What a person may ask of a conversion, and how progress is told. Imports nothing that parses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lk_migrate.rules.registry import Rule

#: Told what is being done, how much of it is done, and how much there is (0 of 0: it cannot be counted).
Progress = Callable[[str, int, int], None]


def unwatched(what: str, done: int, total: int) -> None:
    """A `Progress` that nobody looks at."""


@dataclass(frozen=True)
class ConvertOptions:
    """What a person may ask of a conversion. `main=None`: find it; `no_main`: leave it where and as it is.

    `declined`: (rule id, path, line) where the person said no. `without`: path → ids of rules, or their beginnings,
    that leave this Python file alone. `plugins`: what the manifests name of LiveKit's; `make_plan` finds it out.
    `traced`: whether anybody asks where each line went. If nobody does, a file has neither ledger nor new places where
    nothing moves and nothing is left to a person.
    """

    targets: frozenset[str] = frozenset()
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    main: str | None = None
    no_main: bool = False
    declined: frozenset[tuple[str, str, int]] = frozenset()
    without: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    plugins: frozenset[str] = frozenset()
    traced: bool = True

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules that run."""
        from lk_migrate.rules.registry import select_rules

        return select_rules(self.select, self.ignore)

"""Prove that a converted agent runs: no network, no key, no microphone.

`verify(Options(root))` yields rows. Stages are data (`STAGES`), each a function from a `Context` to rows.
livekit is
imported only in child processes, in the person's own Python; `child/` is what runs there.
"""

from lk_migrate.verify.rows import Row, Status, any_failed
from lk_migrate.verify.run import STAGES, Options, select, verify

__all__ = ["STAGES", "Options", "Row", "Status", "any_failed", "select", "verify"]

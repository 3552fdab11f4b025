"""`start` and `dev` as a server sees them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lk_migrate.verify import Row, Status

Rows = Callable[[str], list[Row]]
pytestmark = pytest.mark.slow


@pytest.mark.parametrize("mode", ["start", "dev"])
def test_it_registers_accepts_a_job_and_ends(rows_of: Rows, mode: str) -> None:
    rows = {row.name: row for row in rows_of("healthy") if row.stage == "worker"}
    assert "as “clinic”" in rows[f"python main.py {mode}"].detail
    for name in ("job", "SIGTERM"):
        assert rows[f"{mode}: {name}"].status is Status.OK, rows[f"{mode}: {name}"]
    assert "asks to join its room" in rows[f"{mode}: job"].detail


def test_a_process_is_prewarmed(rows_of: Rows) -> None:
    [row] = [row for row in rows_of("healthy") if row.name == "start: prewarm"]
    assert row.status is Status.OK


def test_a_port_that_is_in_use_is_named_and_stops_nothing(rows_of: Rows) -> None:
    """The tests hold port 8081 meanwhile."""
    [row] = [row for row in rows_of("healthy") if row.name == "port in use"]
    assert row.status is Status.SKIPPED and "8081" in row.detail and "AgentServer(port=…)" in row.detail

"""The small project of report_support, converted once."""

from __future__ import annotations

import pytest
from report_support import FILES

from lk_migrate.model import Plan
from lk_migrate.plan import ConvertOptions, make_plan


@pytest.fixture(scope="session")
def plan() -> Plan:
    return make_plan(FILES, ConvertOptions(), "demo")

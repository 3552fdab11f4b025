"""Every app is verified once, two at a time, and the tests read the rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from lk_migrate.verify import Options, Row, verify

APPS = Path(__file__).parent / "apps"
Rows = Callable[[str], list[Row]]

#: Apps whose fault shows in the console only; the rest are read and built as well.
CONSOLE_ONLY = frozenset({"waits", "providers"})


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow: starts a real agent; some seconds")


@pytest.fixture(scope="session")
def rows_of() -> Iterator[Rows]:
    """The rows of static and console for an app under tests/verify/apps, all of which are started at once."""
    with ThreadPoolExecutor(2) as pool:
        futures: dict[str, Future[list[Row]]] = {}

        def rows(app: str) -> list[Row]:
            if not futures:
                for folder in sorted(APPS.iterdir()):
                    skip = ("environment", "static") if folder.name in CONSOLE_ONLY else ("environment",)
                    options = Options(folder, skip=skip)
                    futures[folder.name] = pool.submit(lambda options=options: list(verify(options)))
            return futures[app].result()

        yield rows

"""Every legacy app is converted once, by the real command line, when a test first asks for it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from endtoend_support import APPS, Conversion, convert

Converted = Callable[[str], Conversion]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow: starts a real agent; some seconds")


@pytest.fixture(scope="session")
def converted(tmp_path_factory: pytest.TempPathFactory) -> Converted:
    """app → its conversion."""
    done: dict[str, Conversion] = {}

    def conversion(app: str) -> Conversion:
        if app not in done:
            done[app] = convert(app, tmp_path_factory.mktemp(app))
        return done[app]

    return conversion


@pytest.fixture(params=APPS)
def conversion(request: pytest.FixtureRequest, converted: Converted) -> Conversion:
    """Each app in turn."""
    return converted(request.param)

"""Every legacy app is converted once, by the real command line, when a test first asks for it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from conversations import CONVERSATIONS
from endtoend_support import AGENTS, APPS, Answers, Conversion, Converted, Talked, convert, talk


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


@pytest.fixture(scope="session")
def talked(converted: Converted) -> Talked:
    """app → for each of its agents its schemas and then what became of each conversation; before and after."""
    done: dict[str, tuple[Answers, Answers]] = {}

    def answers(app: str) -> tuple[Answers, Answers]:
        if app not in done:
            conversion = converted(app)
            jobs = {
                agent: [{"agent": agent, "schemas": True}, *({"agent": agent, "calls": c} for c in conversations)]
                for agent in AGENTS[app]
                if (conversations := CONVERSATIONS[app, agent])
            }
            flat = [job for those in jobs.values() for job in those]
            with ThreadPoolExecutor(2) as pool:
                before = pool.submit(talk, app, conversion.legacy, (), flat)
                after = pool.submit(talk, app, conversion.folder, conversion.support, flat)
                both = [iter(before.result()), iter(after.result())]
            old, new = ({agent: [next(one) for _ in those] for agent, those in jobs.items()} for one in both)
            done[app] = old, new
        return done[app]

    return answers

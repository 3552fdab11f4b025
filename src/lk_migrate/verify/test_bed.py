"""The environment variables under which the person's code runs."""

from __future__ import annotations

import os
import re
from pathlib import Path

from lk_migrate.verify.context import Context
from lk_migrate.verify.needs import names_in_plugin, set_in_dotenv, variables_read

CHILD = Path(__file__).parent / "child"
_SECRET = re.compile(r"(KEY|TOKEN|SECRET|PASSWORD|SID|CREDENTIALS?)$")
_PLACE = re.compile(r"(URL|URI|HOST|ENDPOINT)$")
DUMMY = "stand-in-secret-of-at-least-32-bytes"


def observed(context: Context, events: Path) -> dict[str, str]:
    """The person's own environment plus the test bed that observes; models, keys and network are theirs."""
    path = [str(CHILD), *filter(None, [os.environ.get("PYTHONPATH")])]
    temporary = context.scratch / "tmp"
    temporary.mkdir(exist_ok=True)
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(path),
        **_bytecode(context),
        "PYTHONUNBUFFERED": "1",
        "TMPDIR": str(temporary),
        "LK_MIGRATE_EVENTS": str(events),
        "LK_MIGRATE_ROOT": str(context.workspace),
    }


def _bytecode(context: Context) -> dict[str, str]:
    """Nothing is written beside the person's modules; what has to be compiled is compiled once for all processes.

    Importing livekit-agents takes twice as long without bytecode."""
    if context.python.compiled:
        return {"PYTHONDONTWRITEBYTECODE": "1"}
    prefix = os.environ.get("PYTHONPYCACHEPREFIX", str(context.bytecode))
    return {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": prefix}


def stood_in(context: Context, events: Path, server: str) -> dict[str, str]:
    """As `observed`, but models are at `server`, keys are dummies, and other machines are out of reach."""
    environment = {
        name: value for name, value in observed(context, events).items() if not name.lower().endswith("_proxy")
    }
    return {
        **environment,
        **_dummies(context, server, environment),
        "OPENAI_BASE_URL": f"{server}/v1",
        "OPENAI_API_KEY": DUMMY,
        "LIVEKIT_INFERENCE_URL": f"{server}/v1",
        "LIVEKIT_URL": server.replace("http", "ws", 1),
        "LIVEKIT_API_KEY": "stand-in",
        "LIVEKIT_API_SECRET": DUMMY,
        "NO_PROXY": "*",
        "LK_MIGRATE_STANDIN": server,
    }


def _dummies(context: Context, server: str, environment: dict[str, str]) -> dict[str, str]:
    """Dummies for the keys of installed plugins, set or not, and for what the code requires and nobody has set.

    A variable of the code's own that is set keeps its value (it may decrypt something), and one that the code
    can do without stays unset (it may switch something on)."""
    folders = context.python.plugins.values()
    keys = {name for folder in folders for name in names_in_plugin(Path(folder)) if _SECRET.search(name)}
    uses = [use for file in context.files for use in variables_read(context.workspace / file)]
    is_set = {name for name, value in environment.items() if value} | set_in_dotenv(context.root).keys()
    missing = {use.name for use in uses if use.required} - is_set - keys
    return {
        **dict.fromkeys(keys, DUMMY),
        **{name: server if _PLACE.search(name) else DUMMY for name in missing},
    }

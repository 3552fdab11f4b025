"""`python -m lk_migrate` and the `lk-migrate` script."""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line; the imports are here so that nothing is paid twice."""
    from lk_migrate.late_methods import methods_when_called

    try:
        with methods_when_called():
            from lk_migrate.cli.app import run

            run()
    except SystemExit as end:
        _leave(end.code)


def _leave(code: object) -> NoReturn:
    """End this process, without what Python does last: taking all apart that it holds takes as long as reading a
    project. What is registered for the end is done, and what is written is written."""
    if not isinstance(code, int):
        sys.exit(str(code))
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, OSError, ValueError):  # closed, or nobody reads it any more
            stream.flush()
    os._exit(code)


if __name__ == "__main__":
    from pathlib import Path

    # `-m` puts the current folder first: that is the person's project, and nothing of it is to be imported.
    if Path(sys.path[0]).resolve() == Path.cwd():
        del sys.path[0]
    main()

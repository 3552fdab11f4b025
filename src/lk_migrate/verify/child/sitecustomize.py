"""Python imports this first in every process that `verify` starts: it puts the person's app into its test
bed.

`verify` puts this folder first in PYTHONPATH and says where observations go in LK_MIGRATE_EVENTS; without
that
variable nothing happens. Standard library only until the app itself imports livekit.
"""

import importlib.machinery
import importlib.util
import os
import sys
from pathlib import Path

_HERE = Path(__file__).absolute().parent

if os.environ.get("LK_MIGRATE_EVENTS"):
    from lk_migrate_child import test_bed

    test_bed.install()

# The person (or the distribution) may have a sitecustomize of their own, which this one hides.
_others = [entry for entry in sys.path if Path(entry).absolute() != _HERE]
_spec = importlib.machinery.PathFinder.find_spec("sitecustomize", _others)
if _spec is not None and _spec.loader is not None:
    _spec.loader.exec_module(importlib.util.module_from_spec(_spec))

"""Puts one process of the app into the test bed; called before any of its own code."""

from __future__ import annotations

import os

from lk_migrate_child import audio, imports, network, own_requests, waiting, watch, writes


def install() -> None:
    """Watch the framework always; refuse the network only where models are stood in for."""
    if "LK_MIGRATE_STANDIN" in os.environ:
        network.install()
        writes.install()
        imports.around_import({"aiohttp.client": own_requests.import_aiohttp})
    waiting.install()
    imports.around_import({"sounddevice": audio.import_sounddevice, "livekit.agents": watch.import_agents})

"""Only this machine may be contacted: every other connection is refused, and reported.

An audit hook (PEP 578) sees connections however they are made in Python, asyncio and C extensions using the
socket module included, and cannot be taken out by the app. Libraries with a network stack of their own (gRPC,
LiveKit's Rust core) are not seen.
"""

from __future__ import annotations

import ipaddress
import socket
import sys
from typing import Any

from lk_migrate_child.events import emit_once, place_of_caller

#: The machines that this process tried to reach, in order.
refused: list[str] = []

_LOCAL_NAMES = frozenset({"", "localhost", "localhost.localdomain", "ip6-localhost"})


def is_local(host: object) -> bool:
    """Whether a host name or address means this machine."""
    if host is None:
        return True
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host)
    if name.lower() in _LOCAL_NAMES or name == socket.gethostname():
        return True
    try:
        address = ipaddress.ip_address(name.split("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def _audit(event: str, args: tuple[Any, ...]) -> None:
    if event == "socket.getaddrinfo":
        host, port = args[0], args[1]
    elif event in ("socket.connect", "socket.sendto") and isinstance(args[1], tuple):
        host, port = args[1][0], args[1][1]
    else:
        return
    if is_local(host):
        return
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host)
    refused.append(f"{name}:{port}")
    emit_once("refused", host=name, port=port, **place_of_caller())
    raise ConnectionRefusedError(f"lk-migrate verify: {name}:{port} is outside this machine")


def install() -> None:
    """Refuse connections to other machines, for the life of this process."""
    sys.addaudithook(_audit)

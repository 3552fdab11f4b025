"""The LiveKit server that the person's environment names: which one it is, and whether it answers.

Asked before a worker is sent there, by a bare HTTP GET: no key goes along, and no redirect is followed.
"""

from __future__ import annotations

import os
import ssl
import urllib.request
from http.client import HTTPException
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

from dotenv import dotenv_values

from lk_migrate.verify.needs import NEEDED_BY_WORKER

_ANSWERS_IN = 5.0  # seconds
_AS_HTTP = {"ws": "http", "wss": "https", "http": "http", "https": "https"}


def settings(root: Path) -> dict[str, str]:
    """What a worker connects with, as far as it is set; the environment wins over .env, as with load_dotenv()."""
    found: dict[str, str | None] = {}
    for file in (root / ".env", root / ".env.local"):
        if file.is_file():
            found |= dotenv_values(stream=StringIO(file.read_text(encoding="utf-8", errors="replace")))
    found |= {name: value for name, value in os.environ.items() if value}
    return {name: value for name in NEEDED_BY_WORKER if (value := found.get(name))}


def why_not(known: dict[str, str]) -> str:
    """Why no worker can be sent to that server; "" when it answers, whatever it says."""
    unset = [name for name in NEEDED_BY_WORKER if name not in known]
    if unset:
        return f"{' and '.join(unset)} {'is' if len(unset) == 1 else 'are'} not set"
    try:
        url = urlsplit(known["LIVEKIT_URL"])
        host, scheme = url.hostname, _AS_HTTP.get(url.scheme)
    except ValueError:
        host = scheme = None
    if not host or not scheme:
        return "LIVEKIT_URL is no ws:// or wss:// address"
    reason = _silence(f"{scheme}://{url.netloc.rpartition('@')[2]}{url.path or '/'}")
    return f"LIVEKIT_URL does not answer: {host}: {reason}" if reason else ""


def _silence(url: str) -> str:
    try:
        urllib.request.build_opener(_NoRedirect).open(url, timeout=_ANSWERS_IN).close()
    except HTTPError:  # an answer, if not a friendly one
        return ""
    except (OSError, HTTPException, ValueError) as error:
        reason = error.reason if isinstance(error, URLError) else error
        if isinstance(reason, ssl.SSLCertVerificationError):  # which certificates are good is for the framework to say
            return ""
        return getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
    return ""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """No other server is asked."""

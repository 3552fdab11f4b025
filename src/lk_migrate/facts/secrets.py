"""What looks like a secret: keys that vendors mark by a prefix, and values that stand where a key stands.

Used where generated code would repeat one, and where a report would show one. Text only: nothing is parsed.
Prefixes are the vendors' own (OpenAI `sk-`, Anthropic `sk-ant-`, Groq `gsk_`, Google `AIza`, GitHub `gh?_`, AWS `AKIA`,
Slack `xox?-`, Hugging Face `hf_`, LiveKit `API…` beside its secret), as secret scanners list them.
"""

from __future__ import annotations

import re

#: prefix → the environment variable that its vendor's client reads.
_VENDORS = {
    "sk-ant-": "ANTHROPIC_API_KEY",
    "sk_car_": "CARTESIA_API_KEY",
    "sk_": "ELEVEN_API_KEY",
    "sk-": "OPENAI_API_KEY",
    "gsk_": "GROQ_API_KEY",
    "AIza": "GOOGLE_API_KEY",
    "xai-": "XAI_API_KEY",
    "hf_": "HF_TOKEN",
    "AKIA": "AWS_ACCESS_KEY_ID",
    "xoxb-": "SLACK_BOT_TOKEN",
    "ghp_": "GITHUB_TOKEN",
    "github_pat_": "GITHUB_TOKEN",
}
_PREFIXED = re.compile(
    r"(?<![\w-])(?:sk-ant-|sk-proj-|sk-|sk_car_|sk_|pk_|gsk_|xai-|hf_|github_pat_|gh[pousr]_|xox[abprs]-)[A-Za-z0-9_-]{16,}"
    r"|(?<![\w-])AIza[A-Za-z0-9_-]{30,}"
    r"|(?<![\w-])(?:AKIA|ASIA)[A-Z0-9]{16}(?!\w)"
    r"|(?<![\w-])eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}"
)
#: `postgres://user:password@host`
_URL_PASSWORD = re.compile(r"(?<=://)([^/\s:@'\"]+):([^/\s@'\"{}]{3,})(?=@)")
_NAMED = re.compile(r"(?:api|secret|access|auth|private)_?(?:key|token)|secret|token|passw(?:or)?d|credential", re.I)
#: `api_key="…"`, `TOKEN = '…'`, `"password": "…"`
_ASSIGNED = re.compile(r"(?<!\w)(\w{1,60})(['\"]?\]?\s*[:=]\s*)(['\"])([^'\"\s]{8,})(?=\3)")
#: No literal of fewer characters is taken for a key.
SHORTEST_SECRET = 16
_EXAMPLE = re.compile(r"your|example|placeholder|change|dummy|fake|test|xxx|\.\.\.|<|\{|\$|stand-?in|^[A-Z_]+$", re.I)


def names_a_secret(name: str) -> bool:
    """Whether a variable, keyword or dict key of this name holds one (`max_tokens` does not)."""
    return _NAMED.search(name) is not None and not re.search(r"tokens|_name|_url|_path|_file|_id$|_env", name, re.I)


def is_secret(value: str, name: str = "") -> bool:
    """Whether a literal is a key: by its own looks, or because it stands under a name of one and is no word.

    `name`: the keyword, variable or dict key that it is given to, if any.
    """
    if _PREFIXED.search(value) and not _EXAMPLE.search(value):
        return True
    if not names_a_secret(name) or len(value) < SHORTEST_SECRET or _EXAMPLE.search(value) or re.search(r"\s", value):
        return False
    return any(c.isdigit() for c in value) and any(c.isalpha() for c in value) and "/" not in value[:8]


def variable_for(value: str, name: str = "", vendor: str = "") -> str:
    """The environment variable for a key: its vendor's, else one after the name that it stands under."""
    by_prefix = next((v for prefix, v in _VENDORS.items() if value.startswith(prefix)), None)
    if by_prefix is not None:
        return by_prefix
    plain = re.sub(r"\W+", "_", name).strip("_").upper() or "API_KEY"
    vendor = re.sub(r"\W+", "_", vendor).upper()
    return plain if not vendor or plain.startswith(vendor) else f"{vendor}_{plain}"


def mask(text: str) -> str:
    """`text` for a report: of what looks like a secret only the first letters are shown."""
    text = _PREFIXED.sub(lambda m: _hidden(m.group()), text)
    text = _URL_PASSWORD.sub(lambda m: f"{m.group(1)}:***", text)
    return _ASSIGNED.sub(_masked_value, text)


def _masked_value(match: re.Match[str]) -> str:
    name, between, quote, value = match.groups()
    return f"{name}{between}{quote}{_hidden(value) if is_secret(value, name) else value}"


def _hidden(value: str) -> str:
    return f"{value[:4]}***"

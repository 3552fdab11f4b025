"""Where each field of `WorkerOptions` stands on `AgentServer(...)` and `server.rtc_session(...)` (LK340).

Checked on 1.8.9 (`livekit/agents/worker.py`, `AgentServer.from_server_options`).
"""

from __future__ import annotations

#: Arguments of `rtc_session`.
SESSION_FIELDS = {"agent_name": "agent_name", "request_fnc": "on_request", "worker_type": "type"}
#: Arguments of `AgentServer`.
SERVER_FIELDS = {"prewarm_fnc": "setup_fnc"} | {
    name: name
    for name in (
        "load_fnc",
        "job_executor_type",
        "load_threshold",
        "job_memory_warn_mb",
        "job_memory_limit_mb",
        "drain_timeout",
        "num_idle_processes",
        "shutdown_process_timeout",
        "session_end_timeout",
        "initialize_process_timeout",
        "permissions",
        "max_retry",
        "ws_url",
        "api_key",
        "api_secret",
        "host",
        "port",
        "http_proxy",
        "multiprocessing_context",
        "preload_modules",
        "prometheus_port",
        "prometheus_multiproc_dir",
        "log_level",
    )
}
ENTRYPOINT = "entrypoint_fnc"

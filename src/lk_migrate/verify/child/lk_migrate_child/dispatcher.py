"""`python -m lk_migrate_child.dispatcher`: the part of a LiveKit server that workers register with, on loopback.

Speaks the worker's protocol (livekit.protocol.agent) on `/agent`: registers whoever comes, offers one job, assigns it
when it is accepted. There are no rooms: who asks to join one is refused, and that is an observation. Until standard
input ends.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys

from aiohttp import WSMsgType, web
from livekit.api import AccessToken, VideoGrants
from livekit.protocol import agent, models

from lk_migrate_child.events import emit

ROOM = "lk-migrate-verify"


class Worker:
    """One connected worker, and the one job that it is offered."""

    def __init__(self, number: int, url: str, socket: web.WebSocketResponse) -> None:
        self._url = url
        self._socket = socket
        self._job = agent.Job(
            id=f"AJ_lk_migrate_{number}",
            type=agent.JobType.JT_ROOM,
            room=models.Room(sid=f"RM_{number}", name=ROOM),
        )

    async def answer(self, message: agent.WorkerMessage) -> None:
        """One step of the protocol."""
        kind = message.WhichOneof("message")
        if kind == "register":
            self._job.agent_name = message.register.agent_name
            emit("registered", agent=message.register.agent_name, version=message.register.version)
            info = models.ServerInfo(version="0.0.0", protocol=16)
            answer = agent.RegisterWorkerResponse(worker_id="AW_lk_migrate", server_info=info)
            await self._send(agent.ServerMessage(register=answer))
            await self._send(agent.ServerMessage(availability=agent.AvailabilityRequest(job=self._job)))
        elif kind == "availability":
            yes = message.availability
            emit("availability", available=yes.available, identity=yes.participant_identity)
            if yes.available:
                assignment = agent.JobAssignment(job=self._job, url=self._url, token=_token(yes.participant_identity))
                await self._send(agent.ServerMessage(assignment=assignment))
        elif kind == "update_job":
            emit("job_status", status=agent.JobStatus.Name(message.update_job.status), error=message.update_job.error)
        elif kind == "update_worker":
            emit("worker_status", status=agent.WorkerStatus.Name(message.update_worker.status))

    async def terminate(self) -> None:
        """End the job, as a server does when its room is gone."""
        await self._send(agent.ServerMessage(termination=agent.JobTermination(job_id=self._job.id)))

    async def _send(self, message: agent.ServerMessage) -> None:
        await self._socket.send_bytes(message.SerializeToString())


def _token(identity: str) -> str:
    token = AccessToken().with_identity(identity).with_kind("agent")
    return token.with_grants(VideoGrants(room_join=True, room=ROOM, agent=True)).to_jwt()


class Server:
    """The WebSocket endpoint, and whoever is connected last."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._count = 0
        self.worker: Worker | None = None

    async def on_agent(self, request: web.Request) -> web.StreamResponse:
        """A worker, from its connection to its end."""
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self._count += 1
        self.worker = worker = Worker(self._count, self._url, socket)
        async for message in socket:
            if message.type == WSMsgType.BINARY:
                await worker.answer(agent.WorkerMessage.FromString(message.data))
        emit("worker_gone")
        return socket

    async def on_other(self, request: web.Request) -> web.StreamResponse:
        """Somebody wants to join a room, or calls the server's API."""
        emit("room_asked" if request.path.startswith("/rtc") else "api_asked", path=request.path)
        return web.Response(status=401, text="lk-migrate verify has no rooms")


async def _serve(listening: socket.socket) -> None:
    server = Server(f"ws://127.0.0.1:{listening.getsockname()[1]}")
    app = web.Application()
    app.router.add_get("/agent", server.on_agent)
    app.router.add_route("*", "/{rest:.*}", server.on_other)
    runner = web.AppRunner(app, shutdown_timeout=0.5)
    await runner.setup()
    await web.SockSite(runner, listening).start()
    emit("listening", port=listening.getsockname()[1])
    commands = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    while line := await commands.readline():
        if json.loads(line)["do"] == "terminate" and server.worker is not None:
            await server.worker.terminate()
    await runner.cleanup()


def main() -> None:
    """Serve until standard input ends."""
    asyncio.run(_serve(socket.create_server(("127.0.0.1", 0))))


if __name__ == "__main__":
    main()

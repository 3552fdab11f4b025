"""Its model is OpenAI's, asked by a request of the app's own."""

from __future__ import annotations

import os
from typing import Any

import aiohttp
from livekit.agents import Agent, AgentServer, AgentSession, JobContext, cli
from livekit.plugins import openai

ADDRESS = "https://api.openai.com/v1/chat/completions"


class Desk(Agent):
    def __init__(self) -> None:
        super().__init__(instructions="You run the desk.")

    async def llm_node(self, chat_ctx: Any, tools: Any, model_settings: Any) -> str:
        messages = [{"role": m.role, "content": m.text_content} for m in chat_ctx.messages()]
        headers = {"Authorization": f"Bearer {os.environ['OPENAI_API_KEY']}"}
        body = {"model": "gpt-4o-mini", "messages": messages}
        async with (
            aiohttp.ClientSession(headers=headers) as http,
            http.post(ADDRESS, json=body) as answer,
        ):
            choices = (await answer.json())["choices"]
        return str(choices[0]["message"]["content"])


server = AgentServer()


@server.rtc_session()
async def entrypoint(ctx: JobContext) -> None:
    session: AgentSession = AgentSession(llm=openai.LLM())
    await session.start(agent=Desk(), room=ctx.room)


if __name__ == "__main__":
    cli.run_app(server)

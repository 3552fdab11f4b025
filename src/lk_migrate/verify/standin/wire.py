"""The OpenAI API's two dialects of a model request, to and from the words of `script`. Pure.

Fields as in OpenAI's API reference (chat completions, responses), as far as the openai SDK and LiveKit read
them.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from email import message_from_bytes
from typing import Any

from lk_migrate.verify.standin.script import Call, Request, Say, Tool

Json = dict[str, Any]
_numbers = itertools.count(1)
_CREATED = 1_700_000_000
_USAGE = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
_RESPONSES_USAGE = {
    "input_tokens": 10,
    "input_tokens_details": {"cached_tokens": 0},
    "output_tokens": 5,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": 15,
}


def uploaded(raw: bytes, content_type: str) -> bytes:
    """The file in the body of a request, which is all of it or a part of a form."""
    if not content_type.startswith("multipart/"):
        return raw
    form = message_from_bytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + raw)
    parts = form.get_payload() if form.is_multipart() else []
    files = (part.get_payload(decode=True) for part in parts if part.get_filename())  # type: ignore[union-attr]
    return next((file for file in files if isinstance(file, bytes)), b"")


def _plain(content: object) -> str:
    """The text of a message's content, which is a string or a list of parts."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    return "\n".join(str(part["text"]) for part in content if isinstance(part, dict) and "text" in part)


def _user_turns(messages: object) -> tuple[str, ...]:
    if isinstance(messages, str):
        return (messages,)
    if not isinstance(messages, list):
        return ()
    return tuple(
        _plain(message.get("content"))
        for message in messages
        if isinstance(message, dict) and message.get("role") == "user"
    )


def _tool(description: Json) -> Tool:
    return Tool(
        str(description.get("name", "")),
        str(description.get("description") or ""),
        description.get("parameters") or {"type": "object", "properties": {}},
    )


def _may_call(body: Json) -> bool:
    return body.get("tool_choice", "auto") != "none"


def _json_schema(style: object) -> Json | None:
    """The schema in chat's `response_format` or responses' `text.format`, if JSON is asked for."""
    if not isinstance(style, dict) or style.get("type") not in ("json_schema", "json_object"):
        return None
    schema = style.get("schema") or style.get("json_schema", {}).get("schema")
    return schema or {"type": "object", "properties": {}}


def read_chat(body: Json) -> Request:
    """A request to /chat/completions."""
    tools = [_tool(tool["function"]) for tool in body.get("tools") or () if tool.get("type") == "function"]
    schema = _json_schema(body.get("response_format"))
    return Request(_user_turns(body.get("messages")), tuple(tools), _may_call(body), schema)


def read_response(body: Json) -> Request:
    """A request to /responses."""
    tools = [_tool(tool) for tool in body.get("tools") or () if tool.get("type") == "function"]
    schema = _json_schema((body.get("text") or {}).get("format"))
    return Request(_user_turns(body.get("input")), tuple(tools), _may_call(body), schema)


def _chat_message(reply: Say | Call) -> tuple[Json, str]:
    if isinstance(reply, Say):
        return {"role": "assistant", "content": reply.text}, "stop"
    call = {
        "index": 0,
        "id": f"call_{next(_numbers)}",
        "type": "function",
        "function": {"name": reply.tool, "arguments": json.dumps(reply.arguments)},
    }
    return {"role": "assistant", "content": None, "tool_calls": [call]}, "tool_calls"


def chat_completion(reply: Say | Call, model: str) -> Json:
    """The whole answer of /chat/completions."""
    message, reason = _chat_message(reply)
    return {
        "id": f"chatcmpl-{next(_numbers)}",
        "object": "chat.completion",
        "created": _CREATED,
        "model": model,
        "choices": [{"index": 0, "message": message, "finish_reason": reason, "logprobs": None}],
        "usage": _USAGE,
    }


def chat_chunks(reply: Say | Call, model: str) -> Iterator[str]:
    """The `data` of each server-sent event of a streamed chat completion."""
    identity = f"chatcmpl-{next(_numbers)}"
    message, reason = _chat_message(reply)

    def chunk(choices: list[Json], **rest: Any) -> str:
        return json.dumps(
            {
                "id": identity,
                "object": "chat.completion.chunk",
                "created": _CREATED,
                "model": model,
                "choices": choices,
                **rest,
            }
        )

    def choice(delta: Json, reason: str | None = None) -> list[Json]:
        return [{"index": 0, "delta": delta, "finish_reason": reason, "logprobs": None}]

    if isinstance(reply, Say):
        for number, word in enumerate(reply.text.split(" ")):
            yield chunk(choice({"role": "assistant", "content": f" {word}" if number else word}))
    else:
        yield chunk(choice(message))
    yield chunk(choice({}, reason))
    yield chunk([], usage=_USAGE)
    yield "[DONE]"


def _output_item(reply: Say | Call) -> Json:
    if isinstance(reply, Say):
        part = {"type": "output_text", "text": reply.text, "annotations": []}
        return {
            "type": "message",
            "id": f"msg_{next(_numbers)}",
            "role": "assistant",
            "status": "completed",
            "content": [part],
        }
    return {
        "type": "function_call",
        "id": f"fc_{next(_numbers)}",
        "call_id": f"call_{next(_numbers)}",
        "name": reply.tool,
        "arguments": json.dumps(reply.arguments),
        "status": "completed",
    }


def _response(model: str, output: list[Json], status: str) -> Json:
    return {
        "id": f"resp_{next(_numbers)}",
        "object": "response",
        "created_at": _CREATED,
        "model": model,
        "status": status,
        "output": output,
        "parallel_tool_calls": False,
        "tool_choice": "auto",
        "tools": [],
        "usage": _RESPONSES_USAGE,
    }


def response(reply: Say | Call, model: str) -> Json:
    """The whole answer of /responses."""
    return _response(model, [_output_item(reply)], "completed")


def response_events(reply: Say | Call, model: str) -> Iterator[str]:
    """The `data` of each server-sent event of a streamed response."""
    item = _output_item(reply)
    events: list[Json] = [
        {"type": "response.created", "response": _response(model, [], "in_progress")},
        {"type": "response.output_item.added", "output_index": 0, "item": item},
    ]
    where = {"item_id": item["id"], "output_index": 0}
    if isinstance(reply, Say):
        text = {**where, "content_index": 0}
        events += [
            {"type": "response.output_text.delta", "delta": reply.text, "logprobs": [], **text},
            {"type": "response.output_text.done", "text": reply.text, "logprobs": [], **text},
        ]
    else:
        done = {"type": "response.function_call_arguments.done", "arguments": item["arguments"]}
        events.append({**done, "name": reply.tool, **where})
    events.append({"type": "response.output_item.done", "output_index": 0, "item": item})
    events.append({"type": "response.completed", "response": _response(model, [item], "completed")})
    for number, event in enumerate(events):
        yield json.dumps({**event, "sequence_number": number})


def embeddings(body: Json) -> Json:
    """Vectors of the asked-for length: the same text gets the same one."""
    texts = body.get("input")
    texts = texts if isinstance(texts, list) and not all(isinstance(t, int) for t in texts) else [texts]
    size = int(body.get("dimensions") or 1536)
    vectors = [_vector(str(text), size) for text in texts]
    return {
        "object": "list",
        "model": body.get("model", "stand-in"),
        "data": [{"object": "embedding", "index": n, "embedding": v} for n, v in enumerate(vectors)],
        "usage": {"prompt_tokens": 1, "total_tokens": 1},
    }


def _vector(text: str, size: int) -> list[float]:
    vector = [0.0] * size
    for word in text.lower().split():
        vector[sum(word.encode()) % size] += 1.0
    length = sum(x * x for x in vector) ** 0.5
    return [x / length for x in vector] if length else [1.0, *vector[1:]]

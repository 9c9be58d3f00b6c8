"""Holds replies against the published shapes of their dialects, as the official SDKs have them.

Standard input has one reply per line: `name`, `dialect`, `stream` and `body` (a JSON text, or the
text of a stream). Standard output names, for each reply that departs from its shape, where it does.
The SDKs' own parsing is lenient; here every type is checked, and every member must be known.
"""

import json
import sys

import anthropic.types
import openai.types.chat
import openai.types.responses
import pydantic
from google.genai import types as google

# What programs expect, or the providers themselves send, beyond the published shape.
EXTENSIONS = {
    "chat": {"reasoning_content", "native_finish_reason", "images", "annotations"},
    "responses": {"store", "name", "bytes"},
}

WHOLE = {
    "chat": openai.types.chat.ChatCompletion,
    "responses": openai.types.responses.Response,
    "messages": anthropic.types.Message,
    "gemini": google.GenerateContentResponse,
}
EVENT = {
    "chat": openai.types.chat.ChatCompletionChunk,
    "responses": openai.types.responses.ResponseStreamEvent,
    "messages": anthropic.types.RawMessageStreamEvent,
    "gemini": google.GenerateContentResponse,
}


# Building one costs more than using it.
ADAPTERS = {id(shape): pydantic.TypeAdapter(shape) for shape in (*WHOLE.values(), *EVENT.values())}


def events(body):
    """The data of each event of a stream."""
    for frame in body.split("\n\n"):
        data = [line[6:] for line in frame.split("\n") if line.startswith("data: ")]
        if data and data != ["[DONE]"]:
            yield json.loads("\n".join(data))


def unknown(value, path=""):
    """The members that a checked value has beyond its shape."""
    if isinstance(value, pydantic.BaseModel):
        for name in value.model_extra or {}:
            yield f"{path}.{name}"
        for name in type(value).model_fields:
            yield from unknown(getattr(value, name), f"{path}.{name}")
    elif isinstance(value, list):
        for item in value:
            yield from unknown(item, f"{path}[]")
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from unknown(item, f"{path}.{name}")


def departures(dialect, shape, value):
    if value.get("type") in ("ping", "error") or "error" in value and "id" not in value:
        return
    usage = (value.get("response") or value).get("usage") or {}
    # Nothing is said of what was written to a cache where the provider says nothing of it.
    usage.get("input_tokens_details", {}).setdefault("cache_write_tokens", 0)
    try:
        checked = ADAPTERS[id(shape)].validate_python(value)
    except pydantic.ValidationError as error:
        for one in error.errors():
            yield f"{'.'.join(map(str, one['loc']))}: {one['msg']}"
        return
    for path in unknown(checked):
        if path.rsplit(".", 1)[-1] not in EXTENSIONS.get(dialect, ()):
            yield f"{path}: not in the published shape"


def main():
    for line in sys.stdin:
        reply = json.loads(line)
        dialect = reply["dialect"]
        if reply["stream"]:
            values, shape = events(reply["body"]), EVENT[dialect]
        else:
            values, shape = [json.loads(reply["body"])], WHOLE[dialect]
        found = {text for value in values for text in departures(dialect, shape, value)}
        if found:
            print(json.dumps({"name": reply["name"], "departures": sorted(found)}), flush=True)


if __name__ == "__main__":
    main()

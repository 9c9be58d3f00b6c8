"""Google's SDK."""

import sys

from google import genai
from google.genai import types

import play

client = genai.Client(api_key=play.KEY, http_options=types.HttpOptions(base_url=play.URL, timeout=30_000))
FINISH = {"STOP": "stop", "MAX_TOKENS": "length", "SAFETY": "filter"}


def contents(turns):
    for kind, *what in turns:
        if kind == "user":
            yield types.UserContent(what[0])
        elif kind == "picture":
            picture = types.Part.from_bytes(data=what[1], mime_type="image/png")
            yield types.UserContent([types.Part(text=what[0]), picture])
        elif kind == "model":
            yield what[0]
        else:
            yield types.UserContent([
                types.Part(function_response=types.FunctionResponse(
                    id=call["id"], name=call["name"], response={"result": text}))
                for call, text in what[0]])


def ask(model, turns, stream=False, tools=(), thinking=False):
    config = types.GenerateContentConfig(
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True))
    if tools:
        functions = [types.FunctionDeclaration(name=name, description=name,
                                               parameters_json_schema=play.SCHEMA) for name in tools]
        config.tools = [types.Tool(function_declarations=functions)]
    if thinking:
        config.thinking_config = types.ThinkingConfig(include_thoughts=True, thinking_level="HIGH")
    options = {"model": model, "contents": list(contents(turns)), "config": config}
    if stream:
        chunks = list(client.models.generate_content_stream(**options))
    else:
        chunks = [client.models.generate_content(**options)]
    candidates = [chunk.candidates[0] for chunk in chunks if chunk.candidates]
    parts = [part for candidate in candidates if candidate.content
             for part in candidate.content.parts or []]
    calls = [play.call(part.function_call.id, part.function_call.name, part.function_call.args)
             for part in parts if part.function_call]
    ended = [candidate.finish_reason.name for candidate in candidates if candidate.finish_reason]
    finish = "calls" if calls and ended == ["STOP"] else FINISH[ended[-1]] if ended else None
    usage = chunks[-1].usage_metadata
    output = (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0)
    spoken = lambda thought: "".join(part.text or "" for part in parts if bool(part.thought) == thought)
    again = types.Content(role="model", parts=parts)
    return play.said(spoken(False), spoken(True), calls, finish, [usage.prompt_token_count, output], again)


if __name__ == "__main__":
    play.main(sys.modules[__name__])

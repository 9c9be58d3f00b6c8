"""OpenAI's SDK, chat completions."""

import base64
import json
import sys

import openai

import play

client = openai.OpenAI(base_url=f"{play.URL}/v1", api_key=play.KEY, max_retries=0, timeout=30)
FINISH = {"stop": "stop", "length": "length", "tool_calls": "calls", "content_filter": "filter"}


def messages(turns):
    for kind, *what in turns:
        if kind == "user":
            yield {"role": "user", "content": what[0]}
        elif kind == "picture":
            url = "data:image/png;base64," + base64.b64encode(what[1]).decode()
            yield {"role": "user", "content": [{"type": "text", "text": what[0]},
                                               {"type": "image_url", "image_url": {"url": url}}]}
        elif kind == "model":
            yield what[0]
        else:
            for call, text in what[0]:
                yield {"role": "tool", "tool_call_id": call["id"], "content": text}


def ask(model, turns, stream=False, tools=(), thinking=False):
    options = {"model": model, "messages": list(messages(turns))}
    if tools:
        options["tools"] = [{"type": "function", "function": {
            "name": name, "description": name, "parameters": play.SCHEMA}} for name in tools]
    if thinking:
        options["reasoning_effort"] = "high"
    thoughts = ""
    if stream:
        options["stream_options"] = {"include_usage": True}
        with client.chat.completions.stream(**options) as events:
            try:
                for event in events:
                    if event.type == "chunk":
                        for choice in event.chunk.choices:
                            thoughts += (choice.delta.model_extra or {}).get("reasoning_content") or ""
            except openai.LengthFinishReasonError:
                pass
            reply = final(events)
    else:
        reply = client.chat.completions.create(**options)
        thoughts = (reply.choices[0].message.model_extra or {}).get("reasoning_content") or ""
    choice = reply.choices[0]
    calls = [play.call(call.id, call.function.name, json.loads(call.function.arguments))
             for call in choice.message.tool_calls or []]
    again = {"role": "assistant", "content": choice.message.content}
    if calls:
        again["tool_calls"] = [{"id": call.id, "type": "function", "function": {
            "name": call.function.name, "arguments": call.function.arguments}}
            for call in choice.message.tool_calls]
    usage = reply.usage and [reply.usage.prompt_tokens, reply.usage.completion_tokens]
    return play.said(choice.message.content or choice.message.refusal or "", thoughts, calls,
                     FINISH[choice.finish_reason], usage, again)


def final(events):
    """The whole reply; the SDK raises one that was cut short."""
    try:
        return events.get_final_completion()
    except openai.LengthFinishReasonError as error:
        return error.completion


if __name__ == "__main__":
    play.main(sys.modules[__name__])

"""Anthropic's SDK."""

import base64
import sys

import anthropic

import play

client = anthropic.Anthropic(base_url=play.URL, api_key=play.KEY, max_retries=0, timeout=30)
FINISH = {"end_turn": "stop", "stop_sequence": "stop", "max_tokens": "length", "tool_use": "calls",
          "refusal": "filter"}


def messages(turns):
    for kind, *what in turns:
        if kind == "user":
            yield {"role": "user", "content": what[0]}
        elif kind == "picture":
            source = {"type": "base64", "media_type": "image/png",
                      "data": base64.b64encode(what[1]).decode()}
            yield {"role": "user", "content": [{"type": "text", "text": what[0]},
                                               {"type": "image", "source": source}]}
        elif kind == "model":
            yield {"role": "assistant", "content": what[0]}
        else:
            yield {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": call["id"], "content": text}
                for call, text in what[0]]}


def ask(model, turns, stream=False, tools=(), thinking=False):
    options = {"model": model, "messages": list(messages(turns)), "max_tokens": 8000}
    if tools:
        options["tools"] = [{"name": name, "description": name, "input_schema": play.SCHEMA}
                            for name in tools]
    if thinking:
        options["thinking"] = {"type": "enabled", "budget_tokens": 4000}
    if stream:
        with client.messages.stream(**options) as events:
            reply = events.get_final_message()
    else:
        reply = client.messages.create(**options)
    of = lambda kind: [block for block in reply.content if block.type == kind]
    calls = [play.call(block.id, block.name, block.input) for block in of("tool_use")]
    usage = reply.usage
    prompt = (usage.input_tokens + (usage.cache_read_input_tokens or 0)
              + (usage.cache_creation_input_tokens or 0))
    again = [{name: value for name, value in block.to_dict().items() if name != "parsed_output"}
             for block in reply.content]
    return play.said("".join(block.text for block in of("text")),
                     "".join(block.thinking for block in of("thinking")), calls,
                     FINISH[reply.stop_reason], [prompt, usage.output_tokens], again)


if __name__ == "__main__":
    play.main(sys.modules[__name__])

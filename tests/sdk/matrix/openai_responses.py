"""OpenAI's SDK, Responses."""

import base64
import json
import sys

import openai

import play

client = openai.OpenAI(base_url=f"{play.URL}/v1", api_key=play.KEY, max_retries=0, timeout=30)


def items(turns):
    for kind, *what in turns:
        if kind == "user":
            yield {"role": "user", "content": what[0]}
        elif kind == "picture":
            url = "data:image/png;base64," + base64.b64encode(what[1]).decode()
            yield {"role": "user", "content": [{"type": "input_text", "text": what[0]},
                                               {"type": "input_image", "image_url": url, "detail": "auto"}]}
        elif kind == "model":
            yield from what[0]
        else:
            for call, text in what[0]:
                yield {"type": "function_call_output", "call_id": call["id"], "output": text}


def ask(model, turns, stream=False, tools=(), thinking=False):
    options = {"model": model, "input": list(items(turns)), "store": False}
    if tools:
        options["tools"] = [{"type": "function", "name": name, "description": name, "strict": False,
                             "parameters": play.SCHEMA} for name in tools]
    if thinking:
        options["reasoning"] = {"effort": "high", "summary": "auto"}
        options["include"] = ["reasoning.encrypted_content"]
    if stream:
        reply = streamed(options)
    else:
        reply = client.responses.create(**options)
    calls = [play.call(item.call_id, item.name, json.loads(item.arguments))
             for item in reply.output if item.type == "function_call"]
    thoughts = "".join(part.text for item in reply.output if item.type == "reasoning"
                       for part in item.summary)
    refusals = [part.refusal for item in reply.output if item.type == "message"
                for part in item.content if part.type == "refusal"]
    again = [item.model_dump(exclude_none=True, exclude={"parsed_arguments"}, mode="json")
             for item in reply.output]
    for item in again:
        for part in item.get("content") or []:
            part.pop("parsed", None)
    usage = reply.usage and [reply.usage.input_tokens, reply.usage.output_tokens]
    return play.said(reply.output_text or "".join(refusals), thoughts, calls,
                     finish(reply, calls, refusals), usage, again)


def streamed(options):
    """The final response; for a broken stream what was told of it is raised."""
    with client.responses.stream(**options) as events:
        for event in events:
            if event.type == "response.incomplete":
                return event.response
            if event.type == "response.failed":
                raise RuntimeError(event.response.error.message)
        return events.get_final_response()


def finish(reply, calls, refusals):
    if reply.status == "incomplete":
        return {"max_output_tokens": "length"}.get(reply.incomplete_details.reason, "filter")
    if reply.status == "failed":
        raise RuntimeError(reply.error.message)
    return "filter" if refusals else "calls" if calls else "stop"


if __name__ == "__main__":
    play.main(sys.modules[__name__])

"""The official OpenAI SDK as a caller of byokey."""

import asyncio
import base64
import json

import openai
import pydantic

from scenarios import KEY, SCHEMA, URL, WORDS, describe, failure, main, png, scenario

SETTINGS = {"base_url": f"{URL}/v1", "api_key": KEY, "max_retries": 0, "timeout": 30}
client = openai.OpenAI(**SETTINGS)

TOOLS = [
    {
        "type": "function",
        "function": {"name": name, "description": f"Tells the {name}.", "parameters": SCHEMA},
    }
    for name in ("weather", "tides")
]


def user(content):
    return {"role": "user", "content": content}


def ask(model, *messages, **options):
    messages = [user(message) if isinstance(message, str) else message for message in messages]
    return client.chat.completions.create(model=model, messages=messages, **options)


def counts(usage):
    return usage and [usage.prompt_tokens, usage.completion_tokens, usage.total_tokens]


def calls_of(message):
    return [
        {"id": call.id, "name": call.function.name, "arguments": json.loads(call.function.arguments)}
        for call in message.tool_calls or []
    ]


def results(calls):
    return [
        {"role": "tool", "tool_call_id": call["id"], "content": f"{call['name']} result {number}"}
        for number, call in enumerate(calls)
    ]


@scenario
def plain(provider):
    raw = client.chat.completions.with_raw_response.create(
        model=f"{provider}/plain",
        messages=[{"role": "system", "content": "Be brief."}, user("hello"),
                  {"role": "assistant", "content": "hi"}, user(WORDS)],
    )
    reply = raw.parse()
    choice = reply.choices[0]
    return {
        "object": reply.object,
        "role": choice.message.role,
        "text": choice.message.content,
        "finish": choice.finish_reason,
        "usage": counts(reply.usage),
        "route": raw.headers.get("x-byokey-route"),
        "request_id": raw.headers.get("x-byokey-request-id"),
    }


@scenario
def stream(provider):
    chunks = list(ask(f"{provider}/stream", WORDS, stream=True))
    choices = [choice for chunk in chunks for choice in chunk.choices]
    return {
        "chunks": len(chunks),
        "ids": len({chunk.id for chunk in chunks}),
        "objects": sorted({chunk.object for chunk in chunks}),
        "role": choices[0].delta.role,
        "text": "".join(choice.delta.content or "" for choice in choices),
        "finish": [choice.finish_reason for choice in choices if choice.finish_reason],
        "usage": [counts(chunk.usage) for chunk in chunks if chunk.usage],
    }


@scenario
def stream_usage(provider):
    options = {"stream": True, "stream_options": {"include_usage": True}}
    chunks = list(ask(f"{provider}/stream_usage", WORDS, **options))
    whole = ask(f"{provider}/stream_usage", WORDS)
    return {
        "usage": [counts(chunk.usage) for chunk in chunks if chunk.usage],
        "last_has_choices": bool(chunks[-1].choices),
        "whole": counts(whole.usage),
    }


@scenario
async def asynchronous(provider):
    async with openai.AsyncOpenAI(**SETTINGS) as many:

        async def one(number):
            chunks = await many.chat.completions.create(
                model=f"{provider}/asynchronous", messages=[user(f"number {number}")], stream=True
            )
            return "".join([chunk.choices[0].delta.content or "" async for chunk in chunks
                            if chunk.choices])

        whole = await many.chat.completions.create(
            model=f"{provider}/asynchronous", messages=[user(WORDS)]
        )
        texts = await asyncio.gather(*(one(number) for number in range(16)))
    return {"whole": whole.choices[0].message.content, "texts": texts}


@scenario
def tools(provider):
    model = f"{provider}/tools"
    first = ask(model, "weather?", tools=TOOLS).choices[0]
    calls = calls_of(first.message)
    second = ask(model, "weather?", first.message, *results(calls), tools=TOOLS).choices[0]
    return {
        "finish": first.finish_reason,
        "calls": calls,
        "text": second.message.content,
        "second_finish": second.finish_reason,
    }


@scenario
def parallel_tools(provider):
    model = f"{provider}/parallel_tools"
    question = "weather and tides? [[sim parallel]]"
    first = ask(model, question, tools=TOOLS).choices[0]
    calls = calls_of(first.message)
    answered = reversed(results(calls))
    second = ask(model, question, first.message, *answered, tools=TOOLS).choices[0]
    single = ask(model, question, tools=TOOLS, parallel_tool_calls=False).choices[0]
    forced = {"type": "function", "function": {"name": "tides"}}
    named = ask(model, question, tools=TOOLS, tool_choice=forced).choices[0]
    return {
        "calls": calls,
        "text": second.message.content,
        "single": len(calls_of(single.message)),
        "named": [call["name"] for call in calls_of(named.message)],
    }


@scenario
def streamed_tools(provider):
    model = f"{provider}/streamed_tools"
    question = "weather and tides? [[sim parallel]]"
    options = {"model": model, "messages": [user(question)], "tools": TOOLS}
    with client.chat.completions.stream(**options) as events:
        kinds = [event.type for event in events]
        choice = events.get_final_completion().choices[0]
    calls = calls_of(choice.message)
    message = choice.message.model_dump(include={"role", "content", "tool_calls"}, mode="json")
    for call in message["tool_calls"]:
        call["function"].pop("parsed_arguments", None)
        call.pop("index", None)
    second = ask(model, question, message, *results(calls), tools=TOOLS).choices[0]
    return {
        "finish": choice.finish_reason,
        "calls": calls,
        "done": kinds.count("tool_calls.function.arguments.done"),
        "text": second.message.content,
    }


@scenario
def image(provider):
    url = "data:image/png;base64," + base64.b64encode(png()).decode()
    parts = [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": url}}]
    remote = [{"type": "text", "text": "And this?"},
              {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}]
    return {
        "bytes": len(png()),
        "text": ask(f"{provider}/image", user(parts)).choices[0].message.content,
        "remote": ask(f"{provider}/image", user(remote)).choices[0].message.content,
    }


class Trip(pydantic.BaseModel):
    city: str
    days: int


@scenario
def structured(provider):
    reply = client.chat.completions.parse(
        model=f"{provider}/structured", messages=[user("a trip")], response_format=Trip
    )
    return {"parsed": reply.choices[0].message.parsed.model_dump()}


@scenario
def reasoning(provider):
    reply = ask(f"{provider}/reasoning", "hello", reasoning_effort="high")
    details = reply.usage.completion_tokens_details
    return {
        "text": reply.choices[0].message.content,
        "thoughts": (reply.choices[0].message.model_extra or {}).get("reasoning_content"),
        "tokens": details and details.reasoning_tokens,
    }


@scenario
def endings(provider):
    model = f"{provider}/endings"
    stopped = ask(model, "one two three", stop=["two"]).choices[0]
    short = ask(model, "one two three", max_completion_tokens=2).choices[0]
    refused = ask(model, "no [[sim refusal]]").choices[0]
    return {
        "stop": [stopped.message.content, stopped.finish_reason],
        "length": [short.message.content, short.finish_reason],
        "refusal": refused.message.content or refused.message.refusal,
    }


@scenario
def errors(provider):
    model = f"{provider}/errors"
    stranger = openai.OpenAI(**{**SETTINGS, "api_key": "byk_nobodys"})
    told = {
        str(status): failure(lambda: ask(model, f"[[sim status={status} retry_after=7]]"))
        for status in (400, 403, 404, 429, 500, 503)
    }
    return told | {
        "wrong_key": failure(lambda: stranger.models.list()),
        "unknown_model": failure(lambda: ask(f"{provider}-modle", "hi")),
        "needs_login": failure(lambda: ask("locked/errors", "hi")),
        "html": failure(lambda: ask(model, "[[sim html]]")),
        "half": failure(lambda: ask(model, "[[sim half]]")),
        "before_stream": failure(lambda: ask(model, "[[sim status=429]]", stream=True)),
    }


@scenario
def broken_streams(provider):
    def play(control):
        text = ""
        try:
            for chunk in ask(f"{provider}/broken_streams", f"{control} a b c d", stream=True):
                text += "".join(choice.delta.content or "" for choice in chunk.choices)
        except Exception as error:
            return describe(error) | {"text": text}
        return {"class": None, "text": text}

    return {name: play(f"[[sim {name}]]") for name in ("cut=5", "end=5", "error_in_stream")}


@scenario
def retried(provider):
    patient = client.with_options(max_retries=1)
    messages = [user("[[sim status=500]]")]
    return failure(
        lambda: patient.chat.completions.create(model=f"{provider}/retried", messages=messages)
    )


@scenario
def abort(provider):
    chunks = ask(f"{provider}/abort", "[[sim chunks=100000 delay_ms=5]]", stream=True)
    text = ""
    for chunk in chunks:
        text += "".join(choice.delta.content or "" for choice in chunk.choices)
        if "w2" in text:
            break
    chunks.close()
    return {"text": text}


@scenario
async def cancelled(provider):
    async with openai.AsyncOpenAI(**SETTINGS) as many:
        call = many.chat.completions.create(
            model=f"{provider}/cancelled", messages=[user("[[sim silent]]")]
        )
        try:
            await asyncio.wait_for(call, 0.5)
        except asyncio.TimeoutError:
            return {"cancelled": True}
    return {"cancelled": False}


@scenario
def models(provider):
    listed = [model.id for model in client.models.list()]
    one = client.models.retrieve(f"{provider}-model")
    return {
        "listed": listed,
        "one": [one.id, one.object, one.owned_by],
        "unknown": failure(lambda: client.models.retrieve("nothing-like-it")),
    }


@scenario
def large_prompt(provider):
    text = "lorem ipsum 🌍 " * 70_000
    asked = f"{text}[[sim big=1000000]]"
    reply = ask(f"{provider}/large_prompt", asked, max_completion_tokens=400_000)
    return {"sent": len(text.encode()), "received": len(reply.choices[0].message.content)}


if __name__ == "__main__":
    main()

"""The official Anthropic SDK as a caller of byokey."""

import asyncio
import base64

import anthropic

from scenarios import KEY, SCHEMA, URL, WORDS, describe, failure, main, png, scenario

SETTINGS = {"base_url": URL, "api_key": KEY, "max_retries": 0, "timeout": 30}
client = anthropic.Anthropic(**SETTINGS)

TOOLS = [
    {"name": name, "description": f"Tells the {name}.", "input_schema": SCHEMA}
    for name in ("weather", "tides")
]


def user(content):
    return {"role": "user", "content": content}


def body(model, *messages, **options):
    messages = [user(message) if isinstance(message, str) else message for message in messages]
    return {"model": model, "messages": messages, "max_tokens": 4096} | options


def ask(model, *messages, **options):
    return client.messages.create(**body(model, *messages, **options))


def counts(usage):
    return [usage.input_tokens, usage.output_tokens]


def text_of(message):
    return "".join(block.text for block in message.content if block.type == "text")


def calls_of(message):
    return [
        {"id": block.id, "name": block.name, "arguments": block.input}
        for block in message.content
        if block.type == "tool_use"
    ]


def results(calls):
    return user([
        {"type": "tool_result", "tool_use_id": call["id"], "content": f"{call['name']} result {number}"}
        for number, call in enumerate(calls)
    ])


def said(message):
    """A reply as the next request repeats it."""
    return {"role": "assistant", "content": [block.to_dict() for block in message.content]}


@scenario
def plain(provider):
    talk = [user("hello"), {"role": "assistant", "content": "hi"}, user(WORDS)]
    raw = client.messages.with_raw_response.create(
        **body(f"{provider}/plain", *talk, system="Be brief.")
    )
    reply = raw.parse()
    return {
        "type": reply.type,
        "role": reply.role,
        "text": text_of(reply),
        "stop": reply.stop_reason,
        "usage": counts(reply.usage),
        "route": raw.headers.get("x-byokey-route"),
        "request_id": raw.headers.get("x-byokey-request-id"),
    }


@scenario
def stream(provider):
    events = list(ask(f"{provider}/stream", WORDS, stream=True))
    deltas = [event for event in events if event.type == "content_block_delta"]
    last = next(event for event in events if event.type == "message_delta")
    kinds = [event.type for event in events if event.type != "ping"]
    return {
        "order": [kind for at, kind in enumerate(kinds) if at == 0 or kinds[at - 1] != kind],
        "deltas": len(deltas),
        "text": "".join(event.delta.text for event in deltas),
        "stop": last.delta.stop_reason,
        "output": last.usage.output_tokens,
    }


@scenario
def collected(provider):
    whole = ask(f"{provider}/collected", WORDS)
    with client.messages.stream(**body(f"{provider}/collected", WORDS)) as events:
        text = "".join(events.text_stream)
        final = events.get_final_message()
    return {
        "text": text,
        "final": text_of(final),
        "stop": final.stop_reason,
        "usage": counts(final.usage),
        "whole": counts(whole.usage),
    }


@scenario
async def asynchronous(provider):
    async with anthropic.AsyncAnthropic(**SETTINGS) as many:

        async def one(number):
            asked = body(f"{provider}/asynchronous", f"number {number}")
            async with many.messages.stream(**asked) as events:
                return "".join([text async for text in events.text_stream])

        whole = await many.messages.create(**body(f"{provider}/asynchronous", WORDS))
        texts = await asyncio.gather(*(one(number) for number in range(16)))
    return {"whole": text_of(whole), "texts": texts}


@scenario
def tools(provider):
    model = f"{provider}/tools"
    first = ask(model, "weather?", tools=TOOLS)
    calls = calls_of(first)
    second = ask(model, "weather?", said(first), results(calls), tools=TOOLS)
    return {
        "stop": first.stop_reason,
        "calls": calls,
        "text": text_of(second),
        "second_stop": second.stop_reason,
    }


@scenario
def parallel_tools(provider):
    model = f"{provider}/parallel_tools"
    question = "weather and tides? [[sim parallel]]"
    first = ask(model, question, tools=TOOLS)
    calls = calls_of(first)
    answered = user(list(reversed(results(calls)["content"])))
    second = ask(model, question, said(first), answered, tools=TOOLS)
    one = {"type": "auto", "disable_parallel_tool_use": True}
    single = ask(model, question, tools=TOOLS, tool_choice=one)
    named = ask(model, question, tools=TOOLS, tool_choice={"type": "tool", "name": "tides"})
    return {
        "calls": calls,
        "text": text_of(second),
        "single": len(calls_of(single)),
        "named": sorted({call["name"] for call in calls_of(named)}),
    }


@scenario
def streamed_tools(provider):
    model = f"{provider}/streamed_tools"
    question = "weather and tides? [[sim parallel]]"
    with client.messages.stream(**body(model, question, tools=TOOLS)) as events:
        indexes = [event.index for event in events if event.type == "content_block_start"]
        final = events.get_final_message()
    calls = calls_of(final)
    second = ask(model, question, said(final), results(calls), tools=TOOLS)
    return {
        "stop": final.stop_reason,
        "calls": calls,
        "indexes": indexes,
        "text": text_of(second),
    }


@scenario
def failed_tool(provider):
    model = f"{provider}/failed_tool"
    first = ask(model, "weather?", tools=TOOLS)
    broken = {"type": "tool_result", "tool_use_id": calls_of(first)[0]["id"], "is_error": True,
              "content": [{"type": "text", "text": "no network"}]}
    second = ask(model, "weather?", said(first), user([broken]), tools=TOOLS)
    return {"text": text_of(second)}


@scenario
def image(provider):
    data = base64.b64encode(png()).decode()
    inline = {"type": "base64", "media_type": "image/png", "data": data}
    remote = {"type": "url", "url": "https://example.org/a.png"}

    def describe_image(source):
        parts = [{"type": "image", "source": source}, {"type": "text", "text": "What is this?"}]
        return text_of(ask(f"{provider}/image", user(parts)))

    return {"bytes": len(png()), "text": describe_image(inline), "remote": describe_image(remote)}


@scenario
def thinking(provider):
    model = f"{provider}/thinking"
    options = {"thinking": {"type": "enabled", "budget_tokens": 2048}, "tools": TOOLS}
    with client.messages.stream(**body(model, "weather?", **options)) as events:
        kinds = {event.delta.type for event in events if event.type == "content_block_delta"}
        first = events.get_final_message()
    calls = calls_of(first)
    second = ask(model, "weather?", said(first), results(calls), **options)
    whole = ask(model, "hello", thinking=options["thinking"])
    return {
        "kinds": sorted(kinds),
        "blocks": [block.type for block in first.content],
        "thoughts": [block.thinking for block in whole.content if block.type == "thinking"],
        "signed": [bool(block.signature) for block in whole.content if block.type == "thinking"],
        "text": text_of(second),
    }


@scenario
def cached(provider):
    system = [{"type": "text", "text": "Be brief. " * 50, "cache_control": {"type": "ephemeral"}}]

    def usage():
        return ask(f"{provider}/cached", "hi", system=system).usage

    first, second = usage(), usage()
    return {"written": first.cache_creation_input_tokens, "read": second.cache_read_input_tokens}


@scenario
def endings(provider):
    model = f"{provider}/endings"
    stopped = ask(model, "one two three", stop_sequences=["two"])
    short = ask(model, "one two three", max_tokens=2)
    refused = ask(model, "no [[sim refusal]]")
    return {
        "stop": [text_of(stopped), stopped.stop_reason],
        "length": [text_of(short), short.stop_reason],
        "refusal": text_of(refused),
    }


@scenario
def errors(provider):
    model = f"{provider}/errors"
    stranger = anthropic.Anthropic(**{**SETTINGS, "api_key": "byk_nobodys"})
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
            for event in ask(f"{provider}/broken_streams", f"{control} a b c d", stream=True):
                if event.type == "content_block_delta":
                    text += event.delta.text
        except Exception as error:
            return describe(error) | {"text": text}
        return {"class": None, "text": text}

    return {name: play(f"[[sim {name}]]") for name in ("cut=5", "end=5", "error_in_stream")}


@scenario
def retried(provider):
    patient = client.with_options(max_retries=1)
    asked = body(f"{provider}/retried", "[[sim status=500]]")
    return failure(lambda: patient.messages.create(**asked))


@scenario
def abort(provider):
    events = ask(f"{provider}/abort", "[[sim chunks=100000 delay_ms=5]]", stream=True)
    text = ""
    for event in events:
        if event.type == "content_block_delta":
            text += event.delta.text
        if "w2" in text:
            break
    events.close()
    return {"text": text}


@scenario
async def cancelled(provider):
    async with anthropic.AsyncAnthropic(**SETTINGS) as many:
        call = many.messages.create(**body(f"{provider}/cancelled", "[[sim silent]]"))
        try:
            await asyncio.wait_for(call, 0.5)
        except asyncio.TimeoutError:
            return {"cancelled": True}
    return {"cancelled": False}


@scenario
def models(provider):
    page = client.models.list()
    one = client.models.retrieve(f"{provider}-model")
    return {
        "listed": [model.id for model in page],
        "one": [one.id, one.type],
        "unknown": failure(lambda: client.models.retrieve("nothing-like-it")),
    }


@scenario
def large_prompt(provider):
    text = "lorem ipsum 🌍 " * 70_000
    asked = body(f"{provider}/large_prompt", f"{text}[[sim big=1000000]]", max_tokens=400_000)
    with client.messages.stream(**asked) as events:
        received = len(events.get_final_text())
    return {"sent": len(text.encode()), "received": received}


if __name__ == "__main__":
    main()

"""Plays the same scenarios through any Python SDK and prints what came of each as a line of JSON.

A driver is a module with `ask(model, turns, stream=…, tools=…, thinking=…)`. It talks to byokey with
its SDK and returns what was said in words that all dialects have. Nothing is judged here.
"""

import json
import os
import pathlib
import sys
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

URL = os.environ["BYOKEY_URL"]
KEY = os.environ["BYOKEY_KEY"]
WORDS = "grüezi 你好 😀 \"quoted\" \\ and\na second line"
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["city", "days"],
    "additionalProperties": False,
}


def said(text="", thoughts="", calls=(), finish=None, usage=None, again=None):
    """A reply: its text, its reasoning, its calls, why it ended, what it cost, and itself."""
    return {"text": text, "thoughts": thoughts, "calls": list(calls), "finish": finish,
            "usage": usage, "again": again}


def call(id, name, arguments):
    return {"id": id, "name": name, "arguments": arguments}


def told(reply):
    return {name: fact for name, fact in reply.items() if name != "again"}


def text(driver, model, stream):
    return told(driver.ask(model, [("user", WORDS)], stream=stream))


def tools(driver, model, stream, question="weather?", **options):
    asked = [("user", question)]
    first = driver.ask(model, asked, stream=stream, tools=("weather", "tides"), **options)
    results = [(one, f"{one['name']} it is") for one in first["calls"]]
    turns = [*asked, ("model", first["again"]), ("results", results)]
    second = driver.ask(model, turns, stream=stream, tools=("weather", "tides"), **options)
    return {"first": told(first), "second": told(second)}


def parallel(driver, model, stream):
    return tools(driver, model, stream, "weather and tides? [[sim parallel]]")


def thinking(driver, model, stream):
    return tools(driver, model, stream, "weather? [[sim think]]", thinking=True)


def image(driver, model, stream):
    from scenarios import png

    reply = driver.ask(model, [("picture", "What is this?", png())], stream=stream)
    return told(reply) | {"bytes": len(png())}


def length(driver, model, stream):
    return told(driver.ask(model, [("user", "a story [[sim length]]")], stream=stream))


def failure(driver, model, stream, control):
    try:
        reply = driver.ask(model, [("user", f"a b c d e f {control}")], stream=stream)
    except Exception as error:
        status = getattr(error, "status_code", None) or getattr(error, "code", None)
        return {"class": type(error).__name__, "status": status, "message": str(error)}
    return {"class": None, "reply": told(reply)}


def limited(driver, model, stream):
    return failure(driver, model, stream, "[[sim status=429 retry_after=7]]")


def refused(driver, model, stream):
    return failure(driver, model, stream, "[[sim status=400]]")


def within(driver, model, stream):
    return failure(driver, model, stream, "[[sim error_in_stream]]")


SCENARIOS = [text, tools, parallel, thinking, image, length, refused, limited, within]


def main(driver):
    """Plays every scenario with every provider named on the command line, whole and streamed."""
    for provider in sys.argv[1:]:
        for scenario in SCENARIOS:
            for stream in (False, True):
                name = scenario.__name__ + ("-streamed" if stream else "")
                line = {"provider": provider, "scenario": name}
                try:
                    line["facts"] = scenario(driver, f"{provider}/{name}", stream)
                except Exception:
                    line["error"] = traceback.format_exc()
                print(json.dumps(line), flush=True)

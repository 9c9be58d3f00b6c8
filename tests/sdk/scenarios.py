"""Runs named scenarios and prints what came of each as one line of JSON.

A scenario is a function of a provider's id; it returns facts and judges nothing. What the facts
have to be is said by the tests that start these programs, so that each of them counts as one.
Every scenario asks for a model of its own name, by which its requests are found again.
"""

import asyncio
import inspect
import json
import os
import struct
import sys
import traceback
import zlib

WORDS = "grüezi 你好 😀 \"quoted\" \\ and\na second line"
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["city", "days"],
    "additionalProperties": False,
}
URL = os.environ["BYOKEY_URL"]
KEY = os.environ["BYOKEY_KEY"]

_scenarios = {}


def scenario(function):
    """Makes a function a scenario of its own name."""
    _scenarios[function.__name__] = function
    return function


def png():
    """The smallest honest picture: one red pixel."""

    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    head = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0\xff\0\0")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def failure(call):
    """What a call raises, as facts; a call that succeeds is no failure."""
    try:
        result = call()
    except Exception as error:
        return describe(error)
    return {"class": None, "result": repr(result)[:200]}


def describe(error):
    """An SDK's exception as facts."""
    response = getattr(error, "response", None)
    headers = response.headers if response is not None else {}
    return {
        "class": type(error).__name__,
        "status": getattr(error, "status_code", None),
        "message": str(error),
        "body": getattr(error, "body", None),
        "request_id": getattr(error, "request_id", None),
        "retry_after": headers.get("retry-after"),
    }


def main():
    """Plays every scenario with every provider named on the command line."""
    for provider in sys.argv[1:]:
        for name, play in _scenarios.items():
            told = {"provider": provider, "scenario": name}
            try:
                facts = play(provider)
                told["facts"] = asyncio.run(facts) if inspect.iscoroutine(facts) else facts
            except Exception:
                told["error"] = traceback.format_exc()
            print(json.dumps(told), flush=True)

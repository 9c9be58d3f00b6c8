"""What is known to be LangChain's own fault."""

import pytest


def pytest_collection_modifyitems(items):
    for item in items:
        # A streamed chat turn that has text before its call loses the call in LangChain's newer
        # form of messages: the text becomes a list, and the list is then taken for everything.
        if "OpenAIChat" in item.nodeid and "test_tool_calling[model1]" in item.nodeid:
            item.add_marker(pytest.mark.xfail(reason="text and call in one streamed turn"))

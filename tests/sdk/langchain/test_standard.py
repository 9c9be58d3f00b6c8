"""LangChain's standard tests of chat models, for three of byokey's surfaces and every model behind."""

import os

from langchain_anthropic import ChatAnthropic
from langchain_openai import ChatOpenAI
from langchain_tests.integration_tests import ChatModelIntegrationTests

URL, KEY = os.environ["BYOKEY_URL"], os.environ["BYOKEY_KEY"]
MODELS = os.environ["BYOKEY_MODELS"].split()

# What has pictures is left out, for these tests fetch theirs from elsewhere.


class OpenAIChat(ChatModelIntegrationTests):
    @property
    def chat_model_class(self):
        return ChatOpenAI

    @property
    def chat_model_params(self):
        return {"model": self.name, "base_url": f"{URL}/v1", "api_key": KEY, "max_retries": 0,
                "stream_usage": True}


class OpenAIResponses(OpenAIChat):
    @property
    def chat_model_params(self):
        return {"model": self.name, "base_url": f"{URL}/v1", "api_key": KEY, "max_retries": 0,
                "use_responses_api": True}


class AnthropicMessages(ChatModelIntegrationTests):
    @property
    def chat_model_class(self):
        return ChatAnthropic

    @property
    def chat_model_params(self):
        return {"model": self.name, "base_url": URL, "api_key": KEY, "max_retries": 0}


def _classes():
    """A class for each surface and model, under a name that tells both."""
    for surface in (OpenAIChat, OpenAIResponses, AnthropicMessages):
        for model in MODELS:
            dialect = model.rsplit("-", 1)[-1].capitalize()
            yield type(f"Test{surface.__name__}To{dialect}", (surface,), {"name": model})


for _class in _classes():
    globals()[_class.__name__] = _class
del OpenAIChat, OpenAIResponses, AnthropicMessages, ChatModelIntegrationTests, _class

"""The ways that a request can take, and the SDK clients that take them.

`direct` goes to the upstream without a gateway: it proves that the upstream is right, so that a failure on the other
ways is the gateway's.
"""

import anthropic
import openai
import pytest

CLIENT_KEY = "sk-client-placeholder"
# Whose dialect the provider speaks, and how the client reaches it.
OPENAI_ROUTES = {
    "direct": ("openai", ""),
    "v1": ("openai", "openai/"),
    "openai-v1": ("openai", "openai/"),
    "bare": ("openai", ""),
    "cross": ("anthropic", "anthropic/"),
}
ANTHROPIC_ROUTES = {
    "direct": ("anthropic", ""),
    "root": ("anthropic", "anthropic/"),
    "anthropic": ("anthropic", "anthropic/"),
    "cross": ("openai", "openai/"),
}


def user(content):
    """A conversation of one turn, the same in both dialects."""
    return [{"role": "user", "content": content}]


class Way:
    """One way, with a client of the SDK that takes it."""

    def __init__(self, dialect, name, base_url):
        self.dialect, self.name, self.base_url = dialect, name, base_url
        routes = OPENAI_ROUTES if dialect == "openai" else ANTHROPIC_ROUTES
        self.provider, self.prefix = routes[name]
        self.cross = self.provider != dialect
        self.through_gateway = name != "direct"
        self.client = self.make()

    def make(self, asynchronous=False, **options):
        """Another client for the same way; it never retries unless told to."""
        options = {"api_key": CLIENT_KEY, "base_url": self.base_url, "max_retries": 0, "timeout": 15, **options}
        if self.dialect == "openai":
            return (openai.AsyncOpenAI if asynchronous else openai.OpenAI)(**options)
        return (anthropic.AsyncAnthropic if asynchronous else anthropic.Anthropic)(**options)

    def model(self, name):
        """What the client calls the upstream's model of this name."""
        return self.prefix + name

    def __repr__(self):
        return f"{self.dialect}-{self.name}"


def way(request, dialect, name):
    """The way of this name; `request` is a test's, which may have the gateway started."""
    if name == "direct":
        base = request.getfixturevalue("the_upstream").url
    else:
        base = request.getfixturevalue("gateway").url
    paths = {
        "openai": {"direct": "/v1", "v1": "/v1", "openai-v1": "/openai/v1", "bare": "/v1", "cross": "/v1"},
        "anthropic": {"direct": "", "root": "", "anthropic": "/anthropic", "cross": ""},
    }
    return Way(dialect, name, base + paths[dialect][name])


def fixture(dialect, names=None):
    """A fixture that runs its test on every way of a dialect, or on those named."""
    routes = names or list(OPENAI_ROUTES if dialect == "openai" else ANTHROPIC_ROUTES)

    @pytest.fixture(params=routes)
    def ways(request, upstream):
        return way(request, dialect, request.param)

    return ways

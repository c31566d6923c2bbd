import pytest
from envelope import assert_serves
from gateway import Gateway, standard_config

LIMITS = {
    "max_body_bytes": 32 << 20,
    "max_inflight_body_bytes": 64 << 20,
    "header_timeout_ms": 1000,
    "request_timeout_seconds": 4,
    "max_concurrent_requests": 200,
    "max_header_bytes": 16384,
}


@pytest.fixture(scope="session")
def tight_gateway(the_upstream):
    config = standard_config(the_upstream.url, server=LIMITS)
    for provider in config["providers"].values():
        provider["network"].update({"first_byte_timeout_ms": 1500, "stream_idle_timeout_seconds": 1.5})
    with Gateway(config) as gateway:
        yield gateway


@pytest.fixture
def tight(tight_gateway, upstream):
    """A gateway with narrow limits that is expected to serve after each test, whatever the test did to it."""
    yield tight_gateway
    assert_serves(tight_gateway)

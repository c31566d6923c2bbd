"""What all end-to-end tests share: the scripted upstream and the gateway before it."""

import contextlib
import tempfile

import pytest
from gateway import Gateway, standard_config
from stack import GUARD
from upstream import Upstream


@pytest.fixture(scope="session")
def the_upstream():
    upstream = Upstream().start()
    yield upstream
    upstream.stop()


@pytest.fixture
def upstream(the_upstream):
    """The scripted upstream, with nothing in its memory."""
    the_upstream.clear()
    return the_upstream


@pytest.fixture(scope="session")
def gateway(the_upstream):
    """A gateway with the standard config, shared by all tests that do not disturb it."""
    with Gateway(standard_config(the_upstream.url, plugins=[GUARD])) as gateway:
        yield gateway


@pytest.fixture
def start(the_upstream, tmp_path):
    """Starts gateways of a test's own: `start(config, **options)`; without a config, the standard one."""
    with contextlib.ExitStack() as started:

        def start(config=None, ready="/livez", **options):
            config = standard_config(the_upstream.url) if config is None else config
            gateway = Gateway(config, directory=tempfile.mkdtemp(dir=tmp_path), **options)
            started.callback(gateway.close)
            return gateway.start(ready=ready)

        yield start

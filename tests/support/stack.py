#!/usr/bin/env python3
"""A scripted upstream and a gateway before it, for tests in other languages.

Prints the addresses as one line of JSON and runs until its standard input ends. Exit code 1 if the gateway's output
held a secret or a panic.
"""

import json
import sys

from gateway import Gateway, standard_config
from upstream import Upstream

GUARD = {"name": "jailbreak_detector", "models": ["guarded*", "*/guarded*"]}


def main():
    upstream = Upstream().start()
    gateway = Gateway(standard_config(upstream.url, plugins=[GUARD])).start()
    try:
        print(json.dumps({"upstream": upstream.url, "gateway": gateway.url}), flush=True)
        sys.stdin.read()
    finally:
        gateway.close()


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""A guard as a process, in Python: blocks prompts that hold a word of its config.

It reads the texts of the conversation, as docs/abi.md says of the part `texts`. Names, titles and descriptions of tools are
none.

Once, in this folder:

pip install grpcio grpcio-tools grpcio-health-checking cbor2
python -m grpc_tools.protoc -I ../../../proto --python_out=. --grpc_python_out=. gatewright/plugin/v1/plugin.proto

From a virtual environment, its Python stands in the first line of this file (`#!/opt/guard/venv/bin/python`): a plugin
has no PATH by which `env` would find it.

What protoc writes lies beside this file. With `sha256` in its entry the gateway runs a copy of this file alone, and the entry
names the folder for Python: `"environment": {"PYTHONPATH": "/opt/guard"}`.
"""

import itertools
import json
import os
import signal
import sys
from concurrent import futures

import cbor2
import grpc
from gatewright.plugin.v1 import plugin_pb2 as messages
from gatewright.plugin.v1 import plugin_pb2_grpc as service
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

CHECK_INPUT = 7
TEXTS = 7

# A message of the gateway has up to 64 MiB and some KiB, and gRPC takes 4 MiB unless it is told, here and at a channel to
# `Host`. A single call holds the conversation twice: untold, the guard would be out at a prompt of 2 MiB.
SIZES = [("grpc.max_receive_message_length", 65 << 20), ("grpc.max_send_message_length", 65 << 20)]

# Each call has a thread until it is answered, and so has the question how the process is, which must not wait long. This
# guard only computes, and would be no quicker with more. One whose calls wait for something needs a thread for each that may
# be under way at a time, which is calls a second times the seconds of one, and one more.
THREADS = 16


def answered(call, answer):
    return messages.HookAnswer(call=call.id, answer=cbor2.dumps(answer))


class Guard(service.PluginServicer):
    def __init__(self):
        self.words = {}
        self.numbers = itertools.count(1)

    def Introduce(self, request, context):
        introduction = {
            "contract": [1, 0],
            "manifest": {"name": "words", "version": "0.1.0", "messages": "ro", "failure_mode": "fail_closed"},
            "hooks": 1 << CHECK_INPUT,
        }
        return messages.IntroduceReply(
            introduction=cbor2.dumps(introduction), cookie=os.environ.get("GATEWRIGHT_PLUGIN_COOKIE", "")
        )

    def Start(self, request, context):
        config = json.loads(request.config)
        if not isinstance(config, dict) or list(config) != ["words"] or not isinstance(config["words"], list):
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "its config is a list of `words`, and nothing else")
        instance = next(self.numbers)
        self.words[instance] = config["words"]
        return messages.StartReply(instance=instance)

    def Call(self, call, context):
        words = self.words.get(call.instance)
        if words is None:
            context.abort(grpc.StatusCode.NOT_FOUND, "it has no such instance")
        texts = next((cbor2.loads(part.content) for part in call.parts if part.part == TEXTS), None)
        if texts is None:
            # What cannot be read may hold the word: a failure, and `fail_closed` keeps the request from the model.
            return answered(call, {"failure": {"returned": "the conversation cannot be read"}})
        for word in words:
            if any(word in text for _role, text, _message in texts):
                return answered(call, {"outcome": {"block": {"reason": f"The prompt holds {word}"}}})
        return messages.HookAnswer(call=call.id)

    def Stop(self, request, context):
        self.words.pop(request.instance, None)
        return messages.StopReply()


def main():
    socket = os.environ.get("GATEWRIGHT_PLUGIN_SOCKET")
    if not socket:
        print("This is a plugin of Gatewright: name this file as `path` of a plugin in config.json.", file=sys.stderr)
        return 2
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=THREADS), options=SIZES)
    service.add_PluginServicer_to_server(Guard(), server)
    well = health.HealthServicer()
    well.set("plugin", health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(well, server)
    server.add_insecure_port(f"unix:{socket}")
    server.start()
    signal.signal(signal.SIGTERM, lambda *_: server.stop(0))
    server.wait_for_termination()
    return 0


if __name__ == "__main__":
    sys.exit(main())

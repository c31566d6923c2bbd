"""A plugin over single calls that asks its host, as gRPC's own library for Python does: what it was answered is in the log."""

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
KV_GET, KV_SET, KV_INCREMENT = 3, 4, 7
VALUE = b"\xa5" * (4 << 20)
SIZES = [("grpc.max_receive_message_length", 65 << 20), ("grpc.max_send_message_length", 65 << 20)]
# Without a host's name, gRPC takes the path for one.
CHANNEL = [*SIZES, ("grpc.default_authority", "gateway")]


class Asks(service.PluginServicer):
    def __init__(self):
        self.numbers = itertools.count(1)

    def Introduce(self, request, context):
        manifest = {"name": "asks", "version": "0.1.0", "permissions": ["kv"], "failure_mode": "fail_closed"}
        introduction = {"contract": [1, 0], "manifest": manifest, "hooks": 1 << CHECK_INPUT}
        cookie = os.environ.get("GATEWRIGHT_PLUGIN_COOKIE", "")
        return messages.IntroduceReply(introduction=cbor2.dumps(introduction), cookie=cookie)

    def Start(self, request, context):
        self.channel = grpc.insecure_channel(f"unix:{request.host_socket}", options=CHANNEL)
        self.host = service.HostStub(self.channel)
        self.known = [("authorization", f"Bearer {request.host_token}")]
        return messages.StartReply(instance=next(self.numbers))

    def asked(self, call, function, argument):
        return messages.HostAsk(call=call.id, id=1, function=function, argument=cbor2.dumps(argument))

    def ask(self, call, function, argument):
        return cbor2.loads(self.host.Ask(self.asked(call, function, argument), metadata=self.known, timeout=20).value)

    def Call(self, call, context):
        self.ask(call, KV_SET, {"key": "large", "value": VALUE, "ttl_ms": None})
        get = self.asked(call, KV_GET, "large")
        # More than are on their way at once, and than there is room for.
        gets = [self.host.Ask.future(get, metadata=self.known, timeout=20) for _ in range(40)]
        told = {
            "count": self.ask(call, KV_INCREMENT, {"key": "count", "by": 1}),
            "values": sum(cbor2.loads(got.result().value) == VALUE for got in gets),
            "texts": cbor2.loads(self.part(call.id).content),
            "stranger": code(lambda: self.host.Ask(get, metadata=[("authorization", "Bearer another")], timeout=20)),
            "call": code(lambda: self.part(call.id + 1000)),
            "method": code(self.unknown),
            "compressed": code(
                lambda: self.host.Ask(get, metadata=self.known, timeout=20, compression=grpc.Compression.Gzip)
            ),
        }
        print(json.dumps({"message": f"told {told['count']}", **told}), file=sys.stderr, flush=True)
        return messages.HookAnswer(call=call.id)

    def part(self, call):
        return self.host.Part(messages.PartFetch(call=call, part=TEXTS), metadata=self.known, timeout=20)

    def unknown(self):
        method = self.channel.unary_unary("/gatewright.plugin.v1.Host/Another", bytes, bytes)
        return method(b"", metadata=self.known, timeout=20)

    def Stop(self, request, context):
        return messages.StopReply()


def code(asks):
    """What an error of gRPC is called, if it is one."""
    try:
        asks()
        return "OK"
    except grpc.RpcError as error:
        return error.code().name


def main():
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=4), options=SIZES)
    service.add_PluginServicer_to_server(Asks(), server)
    well = health.HealthServicer()
    well.set("plugin", health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(well, server)
    server.add_insecure_port(f"unix:{os.environ['GATEWRIGHT_PLUGIN_SOCKET']}")
    server.start()
    signal.signal(signal.SIGTERM, lambda *_: server.stop(0))
    server.wait_for_termination()


if __name__ == "__main__":
    main()

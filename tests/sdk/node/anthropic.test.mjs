// Anthropic's own client: directly at the upstream (which proves that one), and through the gateway to both dialects.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import { ARGUMENTS, ATTACK, PIXEL, REASONING, said, stack, user } from "./stack.mjs";

const it = stack();
const WAYS = {
  direct: { base: () => it.upstream, prefix: "" },
  root: { base: () => it.gateway, prefix: "anthropic/" },
  anthropic: { base: () => `${it.gateway}/anthropic`, prefix: "anthropic/" },
  cross: { base: () => it.gateway, prefix: "openai/" },
};
const TOOLS = [
  {
    name: "get_weather",
    description: "The weather of a city",
    input_schema: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
];

const connect = (base, options) => new Anthropic({ apiKey: "sk-client", baseURL: base, maxRetries: 0, timeout: 15_000, ...options });
const textOf = (message) => message.content.filter((block) => block.type === "text").map((block) => block.text).join("");

for (const [name, way] of Object.entries(WAYS)) {
  describe(`anthropic, ${name}`, { timeout: 30_000 }, () => {
    const body = (model, more) => ({ model: way.prefix + model, max_tokens: 100, messages: user("hello"), ...more });
    const ask = (model, more, options) => connect(way.base()).messages.create(body(model, more), options);
    const streamed = (model, more) => connect(way.base()).messages.stream(body(model, more));

    test("answer", async () => {
      const answer = await ask("claude-test");
      assert.equal(textOf(answer), said("hello"));
      assert.equal(answer.stop_reason, "end_turn");
      assert.deepEqual([answer.usage.input_tokens, answer.usage.output_tokens], [15, 10]);
    });

    test("stream", async () => {
      const kinds = [];
      let text = "";
      for await (const event of await ask("claude-test", { stream: true })) {
        kinds.push(event.type);
        if (event.type === "content_block_delta") text += event.delta.text;
      }
      assert.equal(text, said("hello"));
      assert.equal(kinds[0], "message_start");
      assert.deepEqual(kinds.slice(-2), ["message_delta", "message_stop"]);
    });

    test("stream cut at any byte, put together by the SDK", async () => {
      const final = await streamed("split").finalMessage();
      assert.equal(textOf(final), said("hello"));
      assert.equal(final.usage.output_tokens, 10);
    });

    test("tools, there and back", async () => {
      const answer = await ask("parallel", { tools: TOOLS });
      assert.equal(answer.stop_reason, "tool_use");
      const calls = answer.content.filter((block) => block.type === "tool_use");
      assert.deepEqual(calls.map((call) => call.input), [ARGUMENTS, ARGUMENTS]);
      const results = calls.map((call, index) => ({ type: "tool_result", tool_use_id: call.id, content: `sunny ${index}` }));
      const messages = [...user("hello"), { role: "assistant", content: answer.content }, { role: "user", content: results }];
      const next = await ask("parallel", { tools: TOOLS, messages });
      assert.equal(textOf(next), "The tool said: sunny 0; sunny 1");
    });

    test("streamed tools, put together by the SDK", async () => {
      const pieces = [];
      const stream = streamed("talk", { tools: TOOLS }).on("inputJson", (piece) => pieces.push(piece));
      const final = await stream.finalMessage();
      assert.equal(textOf(final), "I will look that up.");
      assert.deepEqual(final.content.at(-1).input, ARGUMENTS);
      assert.ok(pieces.length > 5);
    });

    test("image", async () => {
      const content = [
        { type: "text", text: "?" },
        { type: "image", source: { type: "base64", media_type: "image/png", data: PIXEL } },
      ];
      assert.equal(textOf(await ask("claude-test", { messages: user(content) })), "I see 1 image(s): image/png, 22 bytes");
    });

    test("reasoning", async () => {
      const final = await streamed("claude-test", { max_tokens: 4000, thinking: { type: "enabled", budget_tokens: 2000 } }).finalMessage();
      assert.deepEqual(final.content.map((block) => block.type), ["thinking", "text"]);
      assert.equal(final.content[0].thinking, REASONING);
    });

    test("cancel in mid-stream closes the upstream", async () => {
      const stream = await ask("pace-100-200", { stream: true });
      let count = 0;
      for await (const _ of stream) if (++count === 4) break;
      const last = await it.lastDone(2000);
      assert.ok(last.done && last.closed_early);
    });

    if (name === "direct") return;

    for (const [status, got, type, error] of [
      [400, 400, "invalid_request", Anthropic.BadRequestError],
      [401, 401, "authentication", Anthropic.AuthenticationError],
      [403, 403, "permission_denied", Anthropic.PermissionDeniedError],
      [404, 404, "not_found", Anthropic.NotFoundError],
      [422, 422, "invalid_request", Anthropic.UnprocessableEntityError],
      [429, 429, "rate_limit", Anthropic.RateLimitError],
      [500, 502, "upstream", Anthropic.InternalServerError],
    ]) {
      test(`${status} of the provider`, async () => {
        for (const stream of [false, true]) {
          await assert.rejects(ask(`fault-status-${status}`, { stream }), (raised) => {
            assert.ok(raised instanceof error, raised);
            assert.deepEqual([raised.status, raised.error.error.type], [got, type]);
            return true;
          });
        }
      });
    }

    test("error in mid-stream", async () => {
      await assert.rejects(streamed("fault-mid-error").finalMessage(), /broke in the middle/);
    });

    test("guardrail", async () => {
      for (const stream of [false, true]) {
        await assert.rejects(ask("guarded", { stream, messages: user(ATTACK) }), (raised) => {
          assert.ok(raised instanceof Anthropic.PermissionDeniedError);
          assert.equal(raised.error.error.type, "guardrail_blocked");
          return true;
        });
      }
      assert.deepEqual(await it.requests(), []);
    });

    test("too large", async () => {
      await assert.rejects(ask("claude-test", { messages: user("x".repeat(40 << 20)) }), (raised) => {
        assert.equal(raised.status, 413, raised);
        return true;
      });
    });

    test("models", async () => {
      const ids = [];
      for await (const model of connect(way.base()).models.list()) ids.push(model.id);
      assert.ok(ids.includes("anthropic/claude-test"));
    });
  });
}

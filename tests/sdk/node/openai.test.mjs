// OpenAI's own client: directly at the upstream (which proves that one), and through the gateway to both dialects.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import OpenAI from "openai";
import { ARGUMENTS, ATTACK, PIXEL, REASONING, said, stack, user } from "./stack.mjs";

const it = stack();
const WAYS = {
  direct: { base: () => `${it.upstream}/v1`, prefix: "" },
  v1: { base: () => `${it.gateway}/v1`, prefix: "openai/" },
  "openai-v1": { base: () => `${it.gateway}/openai/v1`, prefix: "openai/" },
  cross: { base: () => `${it.gateway}/v1`, prefix: "anthropic/" },
};
const TOOLS = [
  {
    type: "function",
    function: {
      name: "get_weather",
      description: "The weather of a city",
      parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
    },
  },
];

const connect = (base, options) => new OpenAI({ apiKey: "sk-client", baseURL: base, maxRetries: 0, timeout: 15_000, ...options });

async function text(stream) {
  let all = "";
  for await (const chunk of stream) all += chunk.choices[0]?.delta.content ?? "";
  return all;
}

for (const [name, way] of Object.entries(WAYS)) {
  describe(`openai, ${name}`, { timeout: 30_000 }, () => {
    const ask = (model, more, options) =>
      connect(way.base()).chat.completions.create({ model: way.prefix + model, messages: user("hello"), ...more }, options);

    test("answer", async () => {
      const answer = await ask("gpt-test");
      assert.equal(answer.choices[0].message.content, said("hello"));
      assert.equal(answer.choices[0].finish_reason, "stop");
      assert.deepEqual([answer.usage.prompt_tokens, answer.usage.completion_tokens], [19, 10]);
    });

    test("stream", async () => {
      const chunks = [];
      for await (const chunk of await ask("gpt-test", { stream: true })) chunks.push(chunk);
      assert.equal(chunks.map((chunk) => chunk.choices[0].delta.content ?? "").join(""), said("hello"));
      assert.ok(chunks.length > 5);
      assert.ok(chunks.every((chunk) => !chunk.usage), "usage was not asked for");
      assert.equal(chunks.at(-1).choices[0].finish_reason, "stop");
    });

    test("stream with usage", async () => {
      let last;
      for await (const chunk of await ask("gpt-test", { stream: true, stream_options: { include_usage: true } })) last = chunk;
      assert.deepEqual(last.choices, []);
      assert.equal(last.usage.total_tokens, 29);
    });

    test("stream cut at any byte", async () => {
      assert.equal(await text(await ask("split", { stream: true })), said("hello"));
    });

    test("tools, there and back", async () => {
      const answer = await ask("parallel", { tools: TOOLS });
      const { message, finish_reason } = answer.choices[0];
      assert.equal(finish_reason, "tool_calls");
      assert.deepEqual(message.tool_calls.map((call) => JSON.parse(call.function.arguments)), [ARGUMENTS, ARGUMENTS]);
      const results = message.tool_calls.map((call, index) => ({ role: "tool", tool_call_id: call.id, content: `sunny ${index}` }));
      const next = await ask("parallel", { tools: TOOLS, messages: [...user("hello"), message, ...results] });
      assert.equal(next.choices[0].message.content, "The tool said: sunny 0; sunny 1");
    });

    test("streamed tools, put together by the SDK", async () => {
      const runner = connect(way.base()).chat.completions.stream({
        model: `${way.prefix}talk`,
        messages: user("hello"),
        tools: TOOLS,
      });
      const final = await runner.finalChatCompletion();
      const { message } = final.choices[0];
      assert.equal(message.content, "I will look that up.");
      assert.equal(message.tool_calls[0].function.name, "get_weather");
      assert.deepEqual(JSON.parse(message.tool_calls[0].function.arguments), ARGUMENTS);
    });

    test("image", async () => {
      const content = [
        { type: "text", text: "?" },
        { type: "image_url", image_url: { url: `data:image/png;base64,${PIXEL}` } },
      ];
      const answer = await ask("gpt-test", { messages: user(content) });
      assert.equal(answer.choices[0].message.content, "I see 1 image(s): image/png, 22 bytes");
    });

    test("JSON by a schema", async () => {
      const schema = { type: "object", properties: { city: { type: "string" } }, required: ["city"], additionalProperties: false };
      const answer = await ask("gpt-test", {
        response_format: { type: "json_schema", json_schema: { name: "weather", strict: true, schema } },
      });
      assert.equal(JSON.parse(answer.choices[0].message.content).city, "Paris");
    });

    test("reasoning", async () => {
      let thought = "";
      const stream = await ask("gpt-test", { stream: true, reasoning_effort: "low", max_completion_tokens: 20_000 });
      for await (const chunk of stream) thought += chunk.choices[0]?.delta.reasoning_content ?? "";
      assert.equal(thought, REASONING);
    });

    test("cancel in mid-stream closes the upstream", async () => {
      const stream = await ask("pace-100-200", { stream: true });
      let count = 0;
      for await (const _ of stream) if (++count === 3) break;
      const last = await it.lastDone(2000);
      assert.ok(last.done && last.closed_early);
    });

    test("abort before the first byte closes the upstream", async () => {
      const controller = new AbortController();
      const asked = ask("fault-hang", { stream: true }, { signal: controller.signal });
      setTimeout(() => controller.abort(), 300);
      await assert.rejects(asked, OpenAI.APIUserAbortError);
      const last = await it.lastDone(2000);
      assert.ok(last.done && last.closed_early);
    });

    test("streams side by side", async () => {
      const texts = Array.from({ length: 10 }, async (_, number) =>
        text(await ask("gpt-test", { stream: true, messages: user(`number ${number}`) })),
      );
      assert.deepEqual(await Promise.all(texts), Array.from({ length: 10 }, (_, number) => said(`number ${number}`)));
    });

    if (name === "direct") return;

    for (const [status, got, type, error] of [
      [400, 400, "invalid_request", OpenAI.BadRequestError],
      [401, 401, "authentication", OpenAI.AuthenticationError],
      [403, 403, "permission_denied", OpenAI.PermissionDeniedError],
      [404, 404, "not_found", OpenAI.NotFoundError],
      [422, 422, "invalid_request", OpenAI.UnprocessableEntityError],
      [429, 429, "rate_limit", OpenAI.RateLimitError],
      [500, 502, "upstream", OpenAI.InternalServerError],
    ]) {
      test(`${status} of the provider`, async () => {
        for (const stream of [false, true]) {
          await assert.rejects(ask(`fault-status-${status}`, { stream }), (raised) => {
            assert.ok(raised instanceof error, raised);
            assert.deepEqual([raised.status, raised.type], [got, type]);
            assert.ok(raised.requestID);
            return true;
          });
        }
      });
    }

    test("error in mid-stream", async () => {
      const stream = await ask("fault-mid-error", { stream: true });
      await assert.rejects(text(stream), (raised) => {
        assert.ok(raised instanceof OpenAI.APIError);
        assert.match(raised.message, /broke in the middle/);
        return true;
      });
    });

    test("guardrail", async () => {
      for (const stream of [false, true]) {
        await assert.rejects(ask("guarded", { stream, messages: user(ATTACK) }), (raised) => {
          assert.ok(raised instanceof OpenAI.PermissionDeniedError);
          assert.equal(raised.type, "guardrail_blocked");
          assert.equal(raised.error.plugin, "jailbreak_detector");
          return true;
        });
      }
      assert.deepEqual(await it.requests(), []);
    });

    test("too large", async () => {
      await assert.rejects(ask("gpt-test", { messages: user("x".repeat(40 << 20)) }), (raised) => {
        assert.equal(raised.status, 413, raised);
        assert.equal(raised.type, "request_too_large");
        return true;
      });
    });

    test("models", async () => {
      const ids = [];
      for await (const model of connect(way.base()).models.list()) ids.push(model.id);
      assert.ok(ids.includes("openai/gpt-test") && ids.includes("anthropic/claude-test"));
    });

    test("fallbacks and ids", async () => {
      const fallbacks = [`${way.prefix}saved`];
      const client = connect(way.base(), { defaultHeaders: { "x-request-id": "from-node" } });
      const { data, response } = await client.chat.completions
        .create({ model: "dead/any", messages: user("hello"), fallbacks })
        .withResponse();
      assert.equal(data.choices[0].message.content, said("hello"));
      assert.equal(data._request_id, "from-node");
      assert.ok(Number(response.headers.get("x-gatewright-overhead-us")) > 0);
      assert.equal((await it.requests()).at(-1).body.fallbacks, undefined);
    });

    test("the SDK's own retries", async () => {
      const client = connect(way.base(), { maxRetries: 2 });
      const answer = await client.chat.completions.create({ model: `${way.prefix}fault-429`, messages: user("hello") });
      assert.equal(answer.choices[0].message.content, said("hello"));
    });
  });
}

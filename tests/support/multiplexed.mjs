// Asks over one HTTP/2 connection at once: `node multiplexed.mjs URL MODEL ID...`. Prints a line of JSON for each answer,
// as it ends: its request id, its status, and the milliseconds since the first was asked.

import http2 from "node:http2";

const [url, model, ...ids] = process.argv.slice(2);
const client = http2.connect(url);
const headers = { ":method": "POST", ":path": "/v1/chat/completions", "content-type": "application/json" };
const body = JSON.stringify({ model, messages: [{ role: "user", content: "hello" }] });
const begun = Date.now();

function ask(id) {
  return new Promise((done, failed) => {
    const request = client.request({ ...headers, "x-request-id": id });
    let status;
    request.on("response", (head) => (status = head[":status"]));
    request.on("data", () => {});
    request.on("end", () => {
      console.log(JSON.stringify({ id, status, ms: Date.now() - begun }));
      done();
    });
    request.on("error", failed);
    request.end(body);
  });
}

await Promise.all(ids.map(ask));
client.close();

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { Batch } from "./batch.ts";
import { Http2Response } from "./http2.ts";

test("over HTTP/2 the first answer to a request is its answer, whatever comes after it in the same turn", async (t) => {
  const server = createServer().listen(0, "127.0.0.1");
  t.after(() => server.close());
  let second: unknown;
  server.on("stream", (stream: ServerHttp2Stream) => {
    const response = new Http2Response(stream, Batch.ofAnswers(), false, "id");
    response.end(504, {}, "late");
    try {
      response.end(200, {}, "done");
    } catch (error) {
      second = error;
    }
    assert.equal(response.status, 504);
  });
  await once(server, "listening");
  // A listening TCP server has an address of this form.
  const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  t.after(() => session.close());
  // Its body stays open: the stream is not over when both answers are given.
  const asked = session.request({ ":method": "POST", ":path": "/" });
  const [headers] = await once(asked, "response");
  let text = "";
  for await (const part of asked.setEncoding("utf8")) text += part;
  asked.end();
  assert.deepEqual([headers[":status"], text], [504, "late"]);
  assert.match(String(second), /answered already/);
});

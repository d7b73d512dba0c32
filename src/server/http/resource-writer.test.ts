import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLogger } from "../../lib/index.ts";
import type { StoredObject } from "../../storage/index.ts";
import { warn } from "../pipeline/context.ts";
import type { ServedList, ServedWatch } from "../served-response.ts";
import type { HttpHeaders } from "./message.ts";
import { type Answer, sendList, sendWatch, warningHeader } from "./resource-writer.ts";

test("warnings that are too long together are cut, each and all, so that clients can read the header", () => {
  const fitting = ["a".repeat(4000), "b".repeat(96)];
  assert.deepEqual(
    warningHeader(fitting).warning,
    fitting.map((each) => `299 - "${each}"`),
  );
  const { warning } = warningHeader([...fitting, "c", "d".repeat(100_000), ...Array(100).fill("e".repeat(1000))]);
  const lengths = (warning as readonly string[]).map((each) => each.length - `299 - ""`.length);
  assert.deepEqual(lengths, [256, 96, 1, ...Array(15).fill(256)]);
});

test("what warns without end is not listened to without end", () => {
  const warnings: string[] = [];
  for (let at = 0; at < 100_000; at++) warn({ warnings }, `sentence ${at}`);
  assert.equal(warnings.length, 4096);
});

test("each sentence is told once, and none that says nothing", () => {
  const warnings: string[] = [];
  for (const sentence of ["a", "", "b", "a"]) warn({ warnings }, sentence);
  assert.deepEqual(warnings, ["a", "b"]);
});

test("a warning arrives as it was, in UTF-8, without what no header holds", () => {
  const [warning = ""] = warningHeader(['größe "名前"\r\nX: y\x85']).warning as readonly string[];
  assert.equal(Buffer.from(warning, "latin1").toString(), '299 - "größe \\"名前\\"??X: y?"');
});

/** What a watch of these hands over to a client that reads nothing, and then to one that reads all. */
async function sentOf(sizes: readonly number[]) {
  const stored = sizes.map((size) => ({ bytes: Buffer.alloc(size, "x") }) as unknown as StoredObject); // all that is read
  const events = stored.map((each) => ({ type: "ADDED", stored: each }) as const);
  const over = new AbortController();
  const batches = (async function* () {
    yield events;
    over.abort();
  })();
  const written: Uint8Array[] = [];
  const room = Promise.withResolvers<void>();
  const writer = {
    write(chunk: Uint8Array) {
      written.push(chunk);
      return room.promise;
    },
    end() {},
    abort() {},
  };
  const answer = {
    request: { signal: over.signal, path: "" },
    response: { start: () => writer },
    encoder: { negotiated: { encoding: "json" } },
    log: silentLogger,
  } as unknown as Answer; // no more of it is asked for
  const sending = sendWatch(answer, {
    type: "watch",
    batches,
    over: over.signal,
    warnings: [],
  } as unknown as ServedWatch);
  await new Promise((resolve) => setImmediate(resolve));
  const waiting = [...written];
  room.resolve();
  await sending;
  return { stored, waiting, written };
}

const total = (chunks: readonly Uint8Array[]) => chunks.reduce((sum, { length }) => sum + length, 0);

test("a watcher that does not read keeps no more of what it is to be sent than a piece", async () => {
  const { waiting, written } = await sentOf(Array(1000).fill(1000));
  assert.ok(total(waiting) < 70_000, `${total(waiting)} bytes wait`);
  assert.equal(total(written), 1000 * (1000 + '{"type":"ADDED","object":}\n'.length));
});

test("an object that is large is not copied for each who watches it", async () => {
  const { stored, waiting, written } = await sentOf([100, 1_000_000, 100]);
  assert.ok(waiting.some((chunk) => chunk === stored[1]?.bytes));
  assert.equal(
    Buffer.concat(written).toString(),
    stored.map(({ bytes }) => `{"type":"ADDED","object":${bytes}}\n`).join(""),
  );
});

test("a list that nobody else asks for is handed over piece by piece, and large items are not copied", async () => {
  const sizes = [...Array(200).fill(1000), 500_000, ...Array(200).fill(1000)];
  const bytesOf = (size: number) => Buffer.from(JSON.stringify({ a: "x".repeat(size) }));
  const items = sizes.map((size) => ({ bytes: bytesOf(size) }) as unknown as StoredObject); // as above
  const written: Uint8Array[] = [];
  let waiting = 0;
  let started: HttpHeaders = {};
  let isEnded = false;
  const writer = {
    write(chunk: Uint8Array) {
      written.push(chunk);
      assert.ok(++waiting === 1, "a piece is written before there is room");
      return new Promise<void>((resolve) => {
        setImmediate(() => {
          waiting = 0;
          resolve();
        });
      });
    },
    end() {
      isEnded = true;
    },
  };
  const start = (_: number, headers: HttpHeaders) => {
    started = headers;
    return writer;
  };
  const answer = {
    request: { method: "GET", header: () => undefined },
    response: { start },
    encoder: { negotiated: { encoding: "json" } },
  } as unknown as Answer; // as above
  const page = { kind: "List", apiVersion: "v1", metadata: {}, items, shared: false };
  await sendList(answer, { type: "list", page, warnings: [] } as unknown as ServedList);
  const body = Buffer.concat(written).toString();
  assert.deepEqual(JSON.parse(body).items.length, 401);
  assert.equal(started["content-length"], body.length);
  assert.ok(written.includes(items[200]!.bytes));
  for (const chunk of written) assert.ok(chunk.length < 70_000 || chunk === items[200]?.bytes);
  assert.ok(isEnded);
});

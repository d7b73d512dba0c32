import assert from "node:assert/strict";
import { Duplex, duplexPair } from "node:stream";
import { test } from "node:test";
import { dataFrame, type Frame, FrameReader, pingFrame, resetFrame } from "./frames.ts";
import { SpdyConnection } from "./spdy-connection.ts";

/** A connection and its peer's end of the wire, with the frames that the peer was sent. */
function connect() {
  const [wire, peer] = duplexPair();
  const frames: Frame[] = [];
  const reader = new FrameReader();
  const waiting: (() => void)[] = [];
  peer.on("data", (chunk: Buffer) => {
    for (const frame of reader.push(new Uint8Array(chunk))) frames.push(frame);
    for (const wake of waiting.splice(0)) wake();
  });
  const until = async (condition: () => boolean) => {
    while (!condition()) await new Promise<void>((resolve) => waiting.push(resolve));
  };
  const send = (parts: readonly Uint8Array[]) => {
    for (const part of parts) peer.write(part);
  };
  return { connection: new SpdyConnection(wire, new Uint8Array()), wire, peer, frames, until, send };
}

const encode = (text: string) => new TextEncoder().encode(text);

test("closing the writable half-closes: the peer's data go on", async () => {
  const { connection, frames, until, send } = connect();
  const stream = connection.open({});
  const writer = stream.writable.getWriter();
  await writer.write(encode("in"));
  await writer.close();
  await until(() => frames.some((frame) => frame.type === "data" && frame.last));
  send(dataFrame(1, encode("out"), false));
  send(dataFrame(1, new Uint8Array(), true));
  assert.equal(await new Response(stream.readable).text(), "out");
});

test("streams have odd numbers of their own and get only their own data", async () => {
  const { connection, send } = connect();
  const [first, second] = [connection.open({}), connection.open({})];
  send(dataFrame(3, encode("second"), true));
  send(dataFrame(1, encode("first"), true));
  assert.equal(await new Response(first.readable).text(), "first");
  assert.equal(await new Response(second.readable).text(), "second");
});

test("the peer's pings are answered", async () => {
  const { frames, until, send } = connect();
  send([pingFrame(4)]);
  await until(() => frames.length > 0);
  assert.deepEqual(frames, [{ type: "ping", id: 4 }]);
});

test("a refused stream fails and a cancelled one ends", async () => {
  const { connection, send } = connect();
  const [refused, cancelled] = [connection.open({}), connection.open({})];
  send([resetFrame(1, 3), resetFrame(3, 5)]);
  await assert.rejects(new Response(refused.readable).text(), /refused \(SPDY status 3\)/);
  assert.equal(await new Response(cancelled.readable).text(), "");
});

test("a stream that nobody reads stops the connection until it is read", async () => {
  const { connection, peer, send } = connect();
  const stream = connection.open({});
  const bytes = new Uint8Array(64 * 1024);
  const total = 4 * 1024 * 1024;
  let sent = 0;
  const flood = async () => {
    for (; sent < total; sent += bytes.length)
      if (!peer.write(Buffer.concat(dataFrame(1, bytes, false))))
        await new Promise((resolve) => peer.once("drain", resolve));
    send(dataFrame(1, new Uint8Array(), true));
  };
  const flooding = flood();
  await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
  assert.ok(sent < total, `${sent} bytes were taken without a reader`);
  assert.equal((await new Response(stream.readable).bytes()).length, total);
  await flooding;
});

test("a stream that ended unread does not hold up the others", async () => {
  const { connection, send } = connect();
  const [unread, other] = [connection.open({}), connection.open({})];
  const bytes = new Uint8Array(1024 * 1024);
  send(dataFrame(1, bytes, true));
  send(dataFrame(3, encode("status"), true));
  assert.equal(await new Response(other.readable).text(), "status");
  assert.equal((await new Response(unread.readable).bytes()).length, bytes.length);
});

test("when the connection breaks, its streams end and writing fails", async () => {
  const { connection, wire } = connect();
  const stream = connection.open({});
  wire.destroy(new Error("the wire was cut"));
  await assert.rejects(new Response(stream.readable).text(), /the wire was cut/);
  await assert.rejects(stream.writable.getWriter().write(encode("x")), /the wire was cut/);
  assert.equal((await connection.closed)?.message, "the wire was cut");
});

test("bytes that are not SPDY end the connection", async () => {
  const wire = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
  const connection = new SpdyConnection(wire, encode("\x80\x02nonsense"));
  assert.match((await connection.closed)!.message, /does not speak SPDY/);
});

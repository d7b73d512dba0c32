import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import { test } from "node:test";
import type { WebSocket } from "ws";
import type { StreamSession } from "../../engine/index.ts";
import { serveSession } from "./remote-command.ts";

/** A client's connection: what it was sent, by channel, until it is closed. */
function connection() {
  const sent: [channel: number, text: string][] = [];
  const socket = Object.assign(new EventEmitter(), {
    OPEN: 1,
    readyState: 1,
    bufferedAmount: 0,
    pause() {},
    resume() {},
    send: (message: Buffer) => sent.push([message[0]!, message.subarray(1).toString()]),
    close: () => socket.emit("close"),
  });
  const says = (channel: number, text: string) => socket.emit("message", Buffer.from([channel, ...Buffer.from(text)]));
  // Of a WebSocket nothing else is used.
  return { sent, says, socket, client: { socket: socket as unknown as WebSocket, protocol: "v5.channel.k8s.io" } };
}

const streams = { stdin: true, stdout: true, stderr: false, tty: false };

test("a process begins when its client is there; what the client says until then waits, and nothing is sent to it", async () => {
  const { sent, says, socket, client } = connection();
  const opening = Promise.withResolvers<StreamSession>();
  const typed: string[] = [];
  const stdin = new WritableStream<Uint8Array>({ write: (chunk) => void typed.push(Buffer.from(chunk).toString()) });
  const serving = serveSession(client, opening.promise, streams);
  says(0, "early");
  says(255, "\0");
  assert.deepEqual(sent, []);
  const stdout = new Blob(["out"]).stream();
  opening.resolve({ stdin, stdout, resize() {}, done: Promise.resolve(0), close() {} });
  await once(socket, "close");
  await serving;
  assert.deepEqual(typed, ["early"]);
  assert.deepEqual(sent, [
    [1, ""],
    [1, "out"],
    [3, '{"metadata":{},"status":"Success"}'],
  ]);
});

test("a process that does not begin is told of where its end would be", async () => {
  const { sent, says, socket, client } = connection();
  const closed = once(socket, "close");
  const serving = serveSession(client, Promise.reject(new Error("the engine is gone")), streams);
  says(0, "for nobody");
  await closed;
  await serving;
  assert.equal(sent.length, 1);
  const [[channel, text]] = sent as [[number, string]];
  assert.equal(channel, 3);
  const { status, code, message } = JSON.parse(text);
  assert.deepEqual([status, code, message], ["Failure", 500, "Internal error occurred: the engine is gone"]);
});

import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { dataFrame, FrameReader } from "./spdy/frames.ts";
import { openSession } from "./stream-sessions.ts";

const success = new TextEncoder().encode(JSON.stringify({ status: "Success" }));
const streams = { stdin: true, stdout: true, stderr: false, tty: false };
/** The numbers that the client's streams get, in the order in which it opens them. */
const [errorStream, stdoutStream] = [1, 5];

/** What a process says that ends at once. */
function lastWords(text: string): Buffer {
  const data = new TextEncoder().encode(text);
  return Buffer.concat([...dataFrame(stdoutStream, data, true), ...dataFrame(errorStream, success, true)]);
}

/** A streaming server that answers the upgrade, with `head` in the same segment, and tells when all streams are open. */
async function streamingServer(t: TestContext, head: Uint8Array, onOpen: (socket: Socket) => void = () => {}) {
  const answer = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n";
  const server = createServer((socket) => {
    const reader = new FrameReader();
    let opened = 0;
    socket.once("data", () => {
      socket.write(Buffer.concat([Buffer.from(`${answer}X-Stream-Protocol-Version: v4.channel.k8s.io\r\n\r\n`), head]));
      socket.on("data", (chunk: Buffer) => {
        for (const frame of reader.push(chunk)) if (frame.type === "other" && ++opened === 3) onOpen(socket);
      });
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  // A listening TCP server has an address of this form.
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/attach/token`);
}

test("output that comes together with the answer to the upgrade is read", async (t) => {
  const session = await openSession(await streamingServer(t, lastWords("at once")), streams);
  assert.equal(await new Response(session.stdout).text(), "at once");
  assert.equal(await session.done, 0);
  session.close();
});

test("output is not lost when input can be written no more before it is read", async (t) => {
  const { promise: opened, resolve } = Promise.withResolvers<Socket>();
  const session = await openSession(await streamingServer(t, new Uint8Array(), resolve), streams);
  const stdin = session.stdin!.getWriter();
  await stdin.ready;
  const engine = await opened;
  // All in one turn: the client had no chance to read before it writes.
  engine.write(lastWords("last words"));
  engine.resetAndDestroy();
  void stdin.write(new Uint8Array(1));
  void stdin.write(new Uint8Array(1));
  assert.equal(await new Response(session.stdout).text(), "last words");
  assert.equal(await session.done, 0);
  session.close();
});

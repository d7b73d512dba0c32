import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { type AddressInfo, createServer } from "node:net";
import { Duplex } from "node:stream";
import { type TestContext, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { tunnelSpdy } from "./spdy-tunnel.ts";

const upgraded = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n";
// What is read of it.
const message = { headersDistinct: {} } as unknown as IncomingMessage;

/** A streaming server that says these words with its answer to the upgrade, and ends. */
async function engineThatSays(t: TestContext, words: string) {
  const gone = Promise.withResolvers<void>();
  const server = createServer((socket) => {
    socket.once("data", () => socket.end(upgraded + words));
    socket.once("close", () => gone.resolve());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  // A listening TCP server has an address of this form.
  return { url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`), gone: gone.promise };
}

/** A client that takes nothing until it is told to, and then all. */
function slowClient() {
  const taking = Promise.withResolvers<void>();
  let received = "";
  const socket = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      void taking.promise.then(() => {
        received += chunk.toString();
        done();
      });
    },
  });
  return { socket, take: taking.resolve, received: () => received };
}

test("a slow client gets what the engine said before it closed", async (t) => {
  const { url, gone } = await engineThatSays(t, "last words");
  const { socket, take, received } = slowClient();
  await tunnelSpdy(url, message, socket, Buffer.alloc(0));
  await gone;
  for (let each = 0; each < 3; each++) await turn();
  take();
  await once(socket, "finish");
  assert.match(received(), /\r\n\r\nlast words$/);
});

test("a client whose engine closed is read until it ends, and closes then", async (t) => {
  const { url, gone } = await engineThatSays(t, "");
  const { socket, take } = slowClient();
  take();
  const finished = once(socket, "finish");
  await tunnelSpdy(url, message, socket, Buffer.alloc(0));
  await Promise.all([gone, finished]);
  socket.push("input that comes late");
  assert.equal(socket.destroyed, false);
  socket.push(null);
  await once(socket, "close");
});

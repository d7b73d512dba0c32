import type { Duplex } from "node:stream";

/** An answer on a connection that no server's response belongs to. */
export function writeRaw(socket: Duplex, code: number, headers: object, body: string | Uint8Array): void {
  const lines = Object.entries({
    "content-type": "application/json",
    ...headers,
    "content-length": Buffer.byteLength(body),
    connection: "close",
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`HTTP/1.1 ${code} \r\n${lines.join("")}\r\n`);
  socket.end(body);
}

// SPDY clients are connected with the engine's streaming server: the agent passes the bytes and understands none of them.
import { type IncomingMessage, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { createWebSocketStream, type WebSocket } from "ws";
import { SpdyRefusal, type Upgraded, upgradeToSpdy } from "../../engine/cri/index.ts";
import { RequestError } from "./request-error.ts";

/** Asks the engine's streaming server for SPDY; a refusal is passed on as the engine said it. */
async function upgrade(url: URL, protocols: readonly string[]): Promise<Upgraded> {
  try {
    return await upgradeToSpdy(url, protocols);
  } catch (error) {
    throw error instanceof SpdyRefusal ? new RequestError(error.code, error.said) : error;
  }
}

/** Answers the client's own SPDY upgrade and joins both connections. */
export async function tunnelSpdy(url: URL, message: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
  const offered = message.headersDistinct["x-stream-protocol-version"] ?? [];
  const engine = await upgrade(url, offered);
  const lines = [`HTTP/1.1 101 ${STATUS_CODES[101]}`, "Connection: Upgrade", "Upgrade: SPDY/3.1"];
  if (engine.protocol !== "") lines.push(`X-Stream-Protocol-Version: ${engine.protocol}`);
  socket.write(`${lines.join("\r\n")}\r\n\r\n`);
  join(engine, socket, head);
}

/** The WebSocket subprotocol that carries a whole SPDY connection of a port-forward (Kubernetes' KEP-4006). */
export const portForwardTunnelProtocol = "SPDY/3.1+portforward.k8s.io";

/** Opens the port-forward that the engine waits for at `url`; what it returns joins it with a client's WebSocket. */
export async function openTunnel(url: URL): Promise<(socket: WebSocket) => void> {
  const engine = await upgrade(url, ["portforward.k8s.io"]);
  return (socket) => join(engine, createWebSocketStream(socket), Buffer.alloc(0));
}

function join(engine: Upgraded, client: Duplex, head: Buffer): void {
  if (client.destroyed) {
    // The client went away while the engine was asked: its "close" has been told already.
    engine.socket.destroy();
    return;
  }
  if (engine.head.length > 0) client.write(engine.head);
  if (head.length > 0) engine.socket.write(head);
  engine.socket.pipe(client);
  client.pipe(engine.socket);
  // Its close follows.
  for (const side of [engine.socket, client]) side.on("error", () => {});
  engine.socket.once("close", () => {
    // What was written last still arrives. What the client sends meanwhile is read and dropped till it ends too: a connection
    // closed with bytes unread is reset, which can cost the other end what it has not read.
    client.end();
    client.resume();
  });
  client.once("close", () => engine.socket.destroy());
}

import { request } from "node:http";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { buffer } from "node:stream/consumers";

export interface Upgraded {
  readonly socket: Duplex;
  /** Bytes of the new protocol that came with the answer. */
  readonly head: Uint8Array;
  /** What the server chose of the offered subprotocols. */
  readonly protocol: string;
}

/** A streaming server that answered a request for SPDY in another way. */
export class SpdyRefusal extends Error {
  /** Of HTTP. */
  readonly code: number;
  /** In the server's own words; may be empty. */
  readonly said: string;

  constructor(code: number, said: string) {
    super(`the container engine refuses the stream: ${said || `HTTP ${code}`}`);
    this.name = "SpdyRefusal";
    this.code = code;
    this.said = said;
  }
}

/**
 * A socket that reads to the end even when nothing can be written any more. A streaming server closes as soon as its
 * process has ended, with input still on its way: writing fails then, and Node throws away, with the socket, the output
 * that has come and was not read yet. The end of what is read tells of the end of the connection.
 */
class EngineSocket extends Socket {
  override _write(chunk: Buffer, encoding: BufferEncoding, done: () => void): void {
    super._write(chunk, encoding, () => done());
  }

  override _writev(chunks: { chunk: Buffer; encoding: BufferEncoding }[], done: () => void): void {
    // The types say what every stream has; a socket has this one.
    super._writev!(chunks, () => done());
  }
}

/** Turns an HTTP/1.1 request into a SPDY/3.1 connection. Throws SpdyRefusal with what the server says when it refuses. */
export function upgradeToSpdy(url: URL, protocols: readonly string[]): Promise<Upgraded> {
  return new Promise((resolve, reject) => {
    const upgrading = request(url, {
      method: "POST",
      createConnection: () =>
        new EngineSocket()
          .setNoDelay(true)
          .connect({ host: url.hostname.replace(/^\[|]$/g, ""), port: Number(url.port || 80) }),
      headers: {
        Connection: "Upgrade",
        Upgrade: "SPDY/3.1",
        "X-Stream-Protocol-Version": [...protocols],
        "Content-Length": 0,
      },
    });
    upgrading.once("upgrade", (response, socket, head) => {
      resolve({ socket, head, protocol: String(response.headers["x-stream-protocol-version"] ?? "") });
    });
    upgrading.once("response", (response) => {
      const refuse = (body: Buffer) =>
        reject(new SpdyRefusal(response.statusCode ?? 500, body.toString("utf8").trim()));
      buffer(response).then(refuse, reject);
    });
    upgrading.on("error", (error) => {
      reject(new Error("the container engine's streaming server cannot be reached", { cause: error }));
    });
    upgrading.end();
  });
}

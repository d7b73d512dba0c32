// The cluster's name server: UDP and TCP on one address, its own zone from the caches, everything else forwarded.
import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { createConnection, createServer, isIPv6, type Server, type Socket } from "node:net";
import type { Clock, Logger, Random } from "../../lib/index.ts";
import {
  encodeAliased,
  encodeAnswer,
  encodeFailure,
  encodeNotImplemented,
  encodeQuery,
  parseQuery,
  type Query,
  truncated,
} from "./message.ts";
import { answerQuestion, type DnsRecord, type DnsView } from "./records.ts";

export interface DnsServerOptions {
  readonly address: string;
  readonly port: number;
  readonly view: DnsView;
  /** The machine's resolvers, asked in order. */
  readonly upstream: readonly string[];
  /** Where they listen; 53 when left out. */
  readonly upstreamPort?: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

export interface DnsServer {
  close(): Promise<void>;
}

const dnsPort = 53;
const upstreamTimeoutMs = 2_000;
const idleTimeoutMs = 10_000;
/** Forwarded questions under way at once; beyond it clients get SERVFAIL and ask again. */
const forwardedMax = 500;
const connectionsMax = 250;
/** Of answers over one connection, beyond what the kernel takes. */
const unreadBytesMax = 256 * 1024;
const queryKind = 0;

/** Starts answering; rejects when the address is not to be had. */
export async function startDnsServer(options: DnsServerOptions): Promise<DnsServer> {
  let forwarded = 0;
  const answer = async (query: Query, bytes: Buffer, tcp: boolean): Promise<Buffer> => {
    if (((query.flags >> 11) & 0xf) !== queryKind) return encodeNotImplemented(query);
    const found = answerQuestion(options.view, query.name, query.type);
    const alias = found.kind === "found" ? found.alias : undefined;
    if (found.kind !== "forward" && alias === undefined) {
      const turned = found.kind === "found" ? { ...found, records: rotated(found.records, options.random) } : found;
      return encodeAnswer(query, turned, options.view.domain);
    }
    if (forwarded >= forwardedMax) return encodeFailure(query);
    forwarded++;
    try {
      const question = alias === undefined ? bytes : encodeQuery(query.id, alias, query.question.type);
      const reply = await askUpstream(options, question, tcp);
      if (!reply) return encodeFailure(query);
      return found.kind === "found" ? encodeAliased(query, found.records, reply) : reply;
    } finally {
      forwarded--;
    }
  };
  const respond: Respond = async (bytes, tcp) => {
    const query = parseQuery(bytes);
    if (!query) return undefined;
    const reply = await answer(query, bytes, tcp);
    return !tcp && reply.length > query.sizeMax ? truncated(query) : reply;
  };

  const connections = new Set<Socket>();
  const udp = await listenUdp(options, respond);
  let tcp: Server;
  try {
    tcp = await listenTcp(options, respond, connections);
  } catch (error) {
    udp.close();
    throw error;
  }
  return {
    async close() {
      await new Promise<void>((resolve) => udp.close(() => resolve()));
      await new Promise<void>((resolve) => {
        tcp.close(() => resolve());
        // Clients may keep them open for their next question.
        for (const connection of connections) connection.destroy();
      });
    },
  };
}

/** The answer to the bytes of a question; undefined when they are none. */
type Respond = (bytes: Buffer, tcp: boolean) => Promise<Buffer | undefined>;

/** The addresses from a random one on, as most clients take the first; an alias before them stays before them. */
function rotated(records: readonly DnsRecord[], random: Random): readonly DnsRecord[] {
  const first = records.findIndex(({ type }) => type === "A" || type === "AAAA");
  const count = records.length - first;
  if (first < 0 || count < 2) return records;
  const by = Math.floor(random.next() * count);
  return [...records.slice(0, first), ...records.slice(first + by), ...records.slice(first, first + by)];
}

async function listenUdp({ address, port, log }: DnsServerOptions, respond: Respond): Promise<UdpSocket> {
  const socket = createSocket("udp4");
  socket.on("message", async (bytes, from) => {
    try {
      const reply = await respond(bytes, false);
      if (reply) socket.send(reply, from.port, from.address);
    } catch (error) {
      log.warn("a DNS question could not be answered", { error: String(error) });
    }
  });
  await new Promise<void>((resolve, reject) => {
    socket.once("error", reject);
    socket.bind(port, address, () => {
      socket.off("error", reject);
      socket.on("error", (error) => log.error("the DNS socket failed", { error: error.message }));
      resolve();
    });
  });
  return socket;
}

async function listenTcp(
  { address, port, log }: DnsServerOptions,
  respond: Respond,
  connections: Set<Socket>,
): Promise<Server> {
  const server = createServer((socket) => {
    connections.add(socket);
    socket.once("close", () => connections.delete(socket));
    socket.setTimeout(idleTimeoutMs, () => socket.destroy());
    // A client that goes away in the middle is no error of ours.
    socket.on("error", () => socket.destroy());
    readMessages(socket, async (message) => {
      try {
        const reply = await respond(message, true);
        if (reply) socket.write(framed(reply));
        // Who asks and asks and does not read makes its answers pile up here.
        if (!reply || socket.writableLength > unreadBytesMax) socket.destroy();
      } catch (error) {
        log.warn("a DNS question could not be answered", { error: String(error) });
        socket.destroy();
      }
    });
  });
  server.maxConnections = connectionsMax;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, address, () => {
      server.off("error", reject);
      resolve();
    });
  });
  return server;
}

/** A message over TCP carries its length before it (RFC 1035, 4.2.2). */
function framed(message: Buffer): Buffer {
  const head = Buffer.alloc(2);
  head.writeUInt16BE(message.length);
  return Buffer.concat([head, message]);
}

function readMessages(socket: Socket, take: (message: Buffer) => void): void {
  let pending: Buffer = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => {
    pending = Buffer.concat([pending, chunk]);
    while (pending.length >= 2) {
      const length = pending.readUInt16BE(0);
      if (pending.length < length + 2) return;
      take(pending.subarray(2, length + 2));
      pending = pending.subarray(length + 2);
    }
  });
}

/** The first answer of the machine's resolvers; undefined when none answers. */
async function askUpstream(options: DnsServerOptions, bytes: Buffer, tcp: boolean): Promise<Buffer | undefined> {
  for (const server of options.upstream) {
    try {
      return await (tcp ? askTcp : askUdp)(options, server, bytes);
    } catch (error) {
      options.log.debug("a resolver of the machine did not answer", { server, error: String(error) });
    }
  }
  return undefined;
}

function askUdp({ clock, upstreamPort = dnsPort }: DnsServerOptions, server: string, bytes: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = createSocket(isIPv6(server) ? "udp6" : "udp4");
    const finish = (error: Error | undefined, reply?: Buffer) => {
      timer.cancel();
      socket.close();
      if (reply) resolve(reply);
      else reject(error);
    };
    const timer = clock.setTimer(upstreamTimeoutMs, () => finish(new Error("no answer in time")));
    socket.once("error", (error) => finish(error));
    socket.on("message", (reply) => {
      if (reply.length >= 2 && reply.readUInt16BE(0) === bytes.readUInt16BE(0)) finish(undefined, reply);
    });
    socket.once("connect", () => socket.send(bytes));
    // A connected socket takes answers from this server only. Without a callback, no way to the server is an "error".
    socket.connect(upstreamPort, server);
  });
}

function askTcp({ clock, upstreamPort = dnsPort }: DnsServerOptions, server: string, bytes: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(upstreamPort, server);
    const finish = (error: Error | undefined, reply?: Buffer) => {
      timer.cancel();
      socket.destroy();
      if (reply) resolve(reply);
      else reject(error);
    };
    const timer = clock.setTimer(upstreamTimeoutMs, () => finish(new Error("no answer in time")));
    socket.once("error", (error) => finish(error));
    socket.once("connect", () => socket.write(framed(bytes)));
    readMessages(socket, (reply) => finish(undefined, Buffer.from(reply)));
  });
}

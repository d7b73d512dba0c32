import { constants } from "node:crypto";
import { IncomingMessage, ServerResponse } from "node:http";
import http2, { type Http2Session, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import { createServer, type Server } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { TLSSocket } from "node:tls";
import { type Clock, errorMessage, type Logger, type Random } from "../../lib/index.ts";
import type { AuditTrail } from "../audit/index.ts";
import { Batch } from "./batch.ts";
import type { Handler } from "./handler.ts";
import { Http1Request, Http1Response } from "./http1.ts";
import { Http2Request, Http2Response } from "./http2.ts";
import { auditIdHeader, auditIdOf } from "./message.ts";
import { writeRaw } from "./raw-answer.ts";
import { verbsOfMethods } from "./resource-request.ts";
import { statusHeaders, toApiError } from "./status.ts";
import { WebSocketResponse } from "./web-socket-response.ts";

export interface TlsFiles {
  /** PEM. */
  readonly key: string;
  readonly certificate: string;
  /** The CAs whose client certificates are believed, PEM. */
  readonly clientCa: string;
  /** The CA of front proxies, which may say for whom they ask; nobody may when left out. */
  readonly frontProxyCa?: string;
}

export interface ListenerOptions {
  readonly handler: Handler;
  readonly tls: TlsFiles;
  /** All interfaces when left out. */
  readonly address?: string;
  /** 0: any that is free. */
  readonly port: number;
  readonly headersTimeoutMs?: number;
  readonly handshakeTimeoutMs?: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

export interface Listener {
  readonly port: number;
  /** Uses another certificate for the connections to come. */
  setTls(tls: TlsFiles): void;
  /** Takes no more connections, ends the watches evenly, and waits for the requests under way: for a bounded time. */
  close(): Promise<void>;
}

const headersTimeoutMsDefault = 10_000;
/** How often connections are looked at for requests that do not come. */
const checkIntervalMs = 5_000;
const handshakeTimeoutMsDefault = 10_000;
/** A connection without any request is closed; clients of Go keep theirs for 90 s. */
const idleTimeoutMs = 3 * 60_000;
const keepAliveProbeMs = 30_000;
const headerBytesMax = 64 * 1024;
const connectionsMax = 20_000;
/** As --http2-max-streams-per-connection of Kubernetes. */
const streamsPerConnectionMax = 250;
const closeTimeoutMs = 2_000;
/** The last answers have this long to leave before connections without a request are closed. */
const sendTimeMs = 100;
/** Megabytes that one session may hold; lists that a client reads slowly wait here. */
const sessionMemoryMaxMb = 256;

function tlsOptions({ key, certificate, clientCa, frontProxyCa }: TlsFiles) {
  return {
    key,
    cert: certificate,
    ca: frontProxyCa === undefined ? clientCa : [clientCa, frontProxyCa],
    // A session that is resumed knows its client's certificate, but not by whose authority it was believed.
    secureOptions: constants.SSL_OP_NO_TICKET,
  };
}

/**
 * Listens with TLS and hands each connection to HTTP/2's core API or to the HTTP/1.1 server, as ALPN chose. Node's own
 * server for both goes through a compatibility layer that is half as fast.
 */
export async function listen(options: ListenerOptions): Promise<Listener> {
  const { handler, log, random } = options;
  const sessions = new Set<ServerHttp2Session>();
  const streams = new Map<Http2Session, number>();
  const server = createServer({
    ...tlsOptions(options.tls),
    ALPNProtocols: ["h2", "http/1.1"],
    minVersion: "TLSv1.2",
    requestCert: true,
    // Who shows no certificate may have a token; who shows a wrong one is told so with a 401.
    rejectUnauthorized: false,
    handshakeTimeout: options.handshakeTimeoutMs ?? handshakeTimeoutMsDefault,
    headersTimeout: options.headersTimeoutMs ?? headersTimeoutMsDefault,
    connectionsCheckingInterval: Math.min(options.headersTimeoutMs ?? headersTimeoutMsDefault, checkIntervalMs),
    requestTimeout: 60_000,
    keepAliveTimeout: idleTimeoutMs,
    maxHeaderSize: headerBytesMax,
    shouldUpgradeCallback: (message) =>
      handler.takesUpgrades(new Http1Request(message, message.socket), isWebSocket(message)),
  });
  server.maxConnections = connectionsMax;
  const http2Server = http2.createServer({
    maxSessionMemory: sessionMemoryMaxMb,
    settings: { maxConcurrentStreams: streamsPerConnectionMax, initialWindowSize: 1024 * 1024 },
  });
  const [toHttp1] = server.listeners("secureConnection");
  server.removeAllListeners("secureConnection");
  server.on("secureConnection", (socket: TLSSocket) => {
    socket.setNoDelay(true);
    // A client whose machine is gone would keep its watches for ever.
    socket.setKeepAlive(true, keepAliveProbeMs);
    if (socket.alpnProtocol === "h2") http2Server.emit("connection", socket);
    else toHttp1?.call(server, socket);
  });
  const requests = Batch.ofRequests();
  const answers = Batch.ofAnswers();
  const lastAnswers = new WeakMap<Duplex, ServerResponse>();
  server.on("request", (message, response) => {
    lastAnswers.set(message.socket, response);
    const request = new Http1Request(message, response);
    const answer = new Http1Response(response, answers, request.method === "HEAD", auditIdOf(request, random));
    requests.add(() => void handler.handle(request, answer, message.socket));
  });
  const upgraded = new Set<Duplex>();
  server.on("upgrade", (message: IncomingMessage, socket: Duplex, head: Buffer) => {
    upgraded.add(socket);
    socket.once("close", () => upgraded.delete(socket));
    void upgrade(options, message, socket, head);
  });
  server.on("clientError", (error: ClientError, socket) => {
    const last = lastAnswers.get(socket);
    if (last && !last.writableFinished && error.code?.startsWith("HPE_")) return endAfter(last, socket);
    const unknown = socket instanceof TLSSocket ? ofUnknownMethod(error, socket) : undefined;
    if (!unknown) return answerClientError(error, socket);
    const [message, response] = unknown;
    lastAnswers.set(socket, response);
    const request = new Http1Request(message, response);
    const answer = new Http1Response(response, answers, false, auditIdOf(request, random));
    requests.add(() => void handler.handle(request, answer, message.socket));
  });
  // Node's own listener makes a clientError of it. What is written to a connection without a handshake waits for one, and
  // when that comes after all, HTTP/2 meets a write that is not its own: an assertion of Node's ends the process.
  server.removeAllListeners("tlsClientError");
  server.on("tlsClientError", (error, socket) => {
    log.debug("a TLS handshake failed", { error: errorMessage(error) });
    if (!answerPlainHttp(error, socket)) socket.destroy();
  });
  http2Server.on("session", (session) => {
    sessions.add(session);
    session.on("close", () => sessions.delete(session));
    session.on("error", (error) => log.debug("an HTTP/2 session failed", { error: errorMessage(error) }));
    session.setTimeout(idleTimeoutMs, () => {
      if (!streams.has(session)) session.close();
    });
  });
  http2Server.on("stream", (stream: ServerHttp2Stream, headers, _, rawHeaders) => {
    if (stream.session) count(stream.session, streams, stream);
    stream.on("error", (error) => log.debug("an HTTP/2 stream failed", { error: errorMessage(error) }));
    const request = new Http2Request(stream, headers, rawHeaders);
    const socket = stream.session?.socket;
    const answer = new Http2Response(stream, answers, request.method === "HEAD", auditIdOf(request, random));
    requests.add(() => void handler.handle(request, answer, socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port, options.address, () => {
      server.off("error", reject);
      resolve();
    });
  });
  return {
    port: (server.address() as AddressInfo).port, // a TCP server has this address
    setTls: (tls) => server.setSecureContext(tlsOptions(tls)),
    close: () => close({ server, sessions, upgraded, handler, clock: options.clock }),
  };
}

/** Counts the open streams of each session; an idle one has no entry. */
function count(session: Http2Session, streams: Map<Http2Session, number>, stream: ServerHttp2Stream): void {
  streams.set(session, (streams.get(session) ?? 0) + 1);
  stream.once("close", () => {
    const left = (streams.get(session) ?? 1) - 1;
    if (left === 0) streams.delete(session);
    else streams.set(session, left);
  });
}

interface Closing {
  readonly server: Server;
  readonly sessions: ReadonlySet<ServerHttp2Session>;
  readonly upgraded: ReadonlySet<Duplex>;
  readonly handler: Handler;
  readonly clock: Clock;
}

/** No connection is new, each request under way ends, and what then still streams is cut off a moment later. */
async function close({ server, sessions, upgraded, handler, clock }: Closing): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  server.closeIdleConnections();
  for (const session of sessions) session.close();
  await handler.drain();
  // To Node a connection is idle when its answer was handed over, though it may still have to be sent.
  const idle = clock.setTimer(sendTimeMs, () => server.closeIdleConnections());
  const force = clock.setTimer(closeTimeoutMs, () => {
    for (const session of sessions) session.destroy();
    for (const socket of upgraded) socket.destroy();
    server.closeAllConnections();
  });
  await closed;
  idle.cancel();
  force.cancel();
}

async function upgrade(
  options: ListenerOptions,
  message: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): Promise<void> {
  const { handler, log } = options;
  // Without a listener an error of the socket would end the process.
  socket.on("error", (error) => log.debug("an upgraded connection failed", { error: errorMessage(error) }));
  const request = new Http1Request(message, socket);
  const auditId = auditIdOf(request, options.random);
  let trail: AuditTrail | undefined;
  try {
    if (isWebSocket(message) && handler.isWatch(request)) {
      await handler.handle(request, new WebSocketResponse(auditId, message, socket, head), message.socket);
      return;
    }
    const identity = await handler.identify(request, message.socket);
    const { user } = identity;
    trail = handler.trail(identity, verbsOfMethods[request.method] ?? "", request, auditId);
    const takeOver = await handler.upgrade(request, user, trail?.annotate);
    trail?.write("ResponseStarted", 101);
    socket.once("close", () => trail?.write("ResponseComplete", 101));
    await takeOver(message, socket, head);
  } catch (error) {
    const { status } = toApiError(error, log, `upgrade ${request.path}`);
    const headers = { ...statusHeaders(status), [auditIdHeader]: auditId };
    trail ??= handler.trail({}, verbsOfMethods[request.method] ?? "", request, auditId);
    trail?.failed(status);
    trail?.write("ResponseComplete", status.code);
    writeRaw(socket, status.code, headers, JSON.stringify(status));
  }
}

function isWebSocket({ headers }: IncomingMessage): boolean {
  return headers.upgrade?.toLowerCase() === "websocket";
}

/** Tells who speaks HTTP without TLS so, in the words of Go's server; false when that is not what is wrong. */
function answerPlainHttp(error: NodeJS.ErrnoException, socket: TLSSocket): boolean {
  // Node's name for the connection below, which has no public one; what is written to `socket` would wait for a handshake.
  const { _parent: connection } = socket as TLSSocket & { readonly _parent?: Socket };
  if (error.code !== "ERR_SSL_HTTP_REQUEST" || !connection?.writable) return false;
  const answer = "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";
  connection.end(answer, () => socket.destroy());
  return true;
}

type ClientError = NodeJS.ErrnoException & { readonly rawPacket?: Buffer };

const requestLine = /^([!#$%&'*+.^_`|~\w-]+) (\S+) HTTP\/1\.[01]$/;
const headerLine = /^([!#$%&'*+.^_`|~\w-]+):[ \t]*(.*?)[ \t]*$/;

/**
 * A request whose method Node does not know, and where its answer goes, which is the connection's last: who asks is to be
 * known first, as with any other. Undefined when something else is wrong, or the head is not there in one piece.
 */
function ofUnknownMethod(
  { code, rawPacket }: ClientError,
  socket: TLSSocket,
): [IncomingMessage, ServerResponse] | undefined {
  // Node's name for the answer under way, which has no public one: some it gives by itself, as to what is expected of it.
  if ((socket as TLSSocket & { readonly _httpMessage?: unknown })._httpMessage) return undefined;
  const [head = "", ...rest] = (rawPacket?.toString("latin1") ?? "").split(/\r?\n\r?\n/);
  const [first = "", ...lines] = head.split(/\r?\n/);
  const [, method, url] = requestLine.exec(first) ?? [];
  if (code !== "HPE_INVALID_METHOD" || !socket.writable || rest.length === 0 || !method || !url) return undefined;
  const message = new IncomingMessage(socket);
  Object.assign(message, { method, url, httpVersionMajor: 1, httpVersionMinor: 1 });
  for (const line of lines) {
    const [, name, value] = headerLine.exec(line) ?? [];
    if (name === undefined || value === undefined) return undefined;
    message.rawHeaders.push(name, value);
    message.headers[name.toLowerCase()] ??= value;
  }
  // What has a body comes in more than one piece.
  if (message.headers["content-length"] || message.headers["transfer-encoding"]) return undefined;
  message.push(null);
  message.complete = true;
  const response = new ServerResponse(message);
  response.shouldKeepAlive = false;
  response.assignSocket(socket);
  response.on("finish", () => socket.end());
  return [message, response];
}

/** What follows a request and is none, as a body whose length nobody told, takes nothing from the request's own answer. */
function endAfter(answer: ServerResponse, socket: Duplex): void {
  // Every piece that comes meanwhile is told of.
  if (!answer.shouldKeepAlive) return;
  answer.shouldKeepAlive = false;
  answer.once("finish", () => socket.end());
}

function answerClientError(error: ClientError, socket: Duplex): void {
  if (error.code === "ECONNRESET" || !socket.writable) socket.destroy();
  else if (error.code === "HPE_HEADER_OVERFLOW") writeRaw(socket, 431, {}, "");
  else if (error.code === "ERR_HTTP_REQUEST_TIMEOUT") writeRaw(socket, 408, {}, "");
  else writeRaw(socket, 400, {}, "");
}

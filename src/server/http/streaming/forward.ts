import { type ClientRequest, request as httpRequest, type IncomingMessage, type OutgoingHttpHeaders } from "node:http";
import { request as httpsRequest, type RequestOptions } from "node:https";
import { Socket } from "node:net";
import { type Duplex, pipeline } from "node:stream";
import type { Clock } from "../../../lib/index.ts";
import { AuthorityAgent } from "../../host/index.ts";
import { isTokenProtocol } from "../credentials.ts";
import type { HttpHeaders, HttpRequest, HttpResponse } from "../message.ts";
import type { Backend } from "./backend.ts";

/** PEM: what the API server shows to agents, and the authority of theirs. */
export interface AgentTls {
  readonly certificate: string;
  readonly key: string;
  readonly ca: string;
}

/**
 * Headers of one connection, which are not passed on (RFC 9110, 7.6.1), with those that `Connection` names, and what only
 * the API server is to know.
 */
const withheldHeaders = new Set([
  "connection",
  "http2-settings",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "authorization",
]);

/** The headers of a client's request that its backend gets. */
export function passedHeaders(headers: Readonly<Record<string, string | readonly string[] | undefined>>) {
  const passed: OutgoingHttpHeaders = {};
  const ofConnection = listed(headers.connection).map((each) => each.toLowerCase());
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || withheldHeaders.has(name) || name.startsWith("impersonate-")) continue;
    // The length is what frames the body here: no client says that it is not meant.
    if (name !== "content-length" && ofConnection.includes(name)) continue;
    passed[name] = typeof value === "string" ? value : [...value];
  }
  // A token can come there whether or not the request wants to upgrade.
  const protocols = listed(headers["sec-websocket-protocol"]).filter((each) => !isTokenProtocol(each));
  if (protocols.length > 0) passed["sec-websocket-protocol"] = protocols.join(", ");
  else delete passed["sec-websocket-protocol"];
  return passed;
}

/** The members of a header that is a list. */
function listed(value: string | readonly string[] | undefined = ""): string[] {
  const members = (typeof value === "string" ? value : value.join(",")).split(",");
  return members.map((each) => each.trim()).filter((each) => each !== "");
}

/** It keeps no connection: each of a client's goes on as one of its own. */
const extensionAgent = new AuthorityAgent();

/** A request to a backend; it is sent when its body is ended. */
export function ask(backend: Backend, method: string, headers: OutgoingHttpHeaders, tls: AgentTls): ClientRequest {
  const { host, port, path, trust } = backend;
  const options: RequestOptions = { host, port, path, method, headers, agent: false };
  if (backend.protocol === "http:") return httpRequest(options);
  if (trust.kind === "anyone") return httpsRequest({ ...options, rejectUnauthorized: false });
  if (trust.kind === "extension")
    return httpsRequest({
      ...options,
      agent: extensionAgent,
      cert: trust.certificate,
      key: trust.key,
      ...(trust.authority === undefined ? {} : { ca: trust.authority }),
      servername: trust.serverName,
      rejectUnauthorized: trust.verify,
    });
  return httpsRequest({
    ...options,
    cert: tls.certificate,
    key: tls.key,
    ca: tls.ca,
    servername: trust.nodeName,
    rejectUnauthorized: trust.verify,
  });
}

/**
 * Passes a request on with its body as it arrives, and gives the answer. When the client breaks off, so does the request.
 * A body has a length or is sent in chunks, whatever its method: the backend must never take a part of it for the next
 * request on the connection.
 */
export function pass(
  backend: Backend,
  request: HttpRequest,
  headers: OutgoingHttpHeaders,
  tls: AgentTls,
): Promise<IncomingMessage> {
  const isFramed = headers["content-length"] !== undefined;
  const mayHaveBody = isFramed || (request.method !== "GET" && request.method !== "HEAD");
  if (mayHaveBody && !isFramed) headers["transfer-encoding"] = "chunked";
  const asked = ask(backend, request.method, headers, tls);
  const answer = answerOf(asked);
  if (request.signal.aborted) asked.destroy();
  else request.signal.addEventListener("abort", () => asked.destroy(), { once: true });
  if (mayHaveBody)
    request
      .bodyStream()
      .on("error", () => asked.destroy())
      .pipe(asked);
  else asked.end();
  return answer;
}

/** Sends an answer on as it arrives, no faster than the client takes it. */
export async function send(answer: IncomingMessage, response: HttpResponse, headers: HttpHeaders): Promise<void> {
  const body = response.start(answer.statusCode ?? 200, headers);
  try {
    for await (const chunk of answer) await body.write(chunk);
    body.end();
  } catch {
    // Either side broke off; the client, if it is there, must see that the answer is not whole.
    body.abort();
  }
}

/** The headers of a backend's answer that its client gets; those of HTTP/2 have the same names. */
export function passedAnswerHeaders(answer: IncomingMessage): HttpHeaders {
  const headers: HttpHeaders = {};
  for (const [name, value] of Object.entries(passedHeaders(answer.headers)))
    if (value !== undefined) headers[name] = value;
  // It has no body, and HTTP/2 breaks the answer off that says otherwise.
  if (answer.statusCode === 204) delete headers["content-length"];
  return headers;
}

/** The answer to a request without an upgrade. Rejects when there is none that could be passed on. */
export function answerOf(asked: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    asked.once("response", (answer) => {
      const { statusCode = 0 } = answer;
      if (statusCode >= 200 && statusCode <= 599) return resolve(answer);
      answer.destroy();
      // HTTP/2 has no others.
      reject(new Error(`the backend answered with the status ${statusCode}`));
    });
    asked.on("error", reject);
    // Node tells of a connection that is upgraded unasked by nothing else.
    asked.once("close", () => reject(new Error("the backend did not answer the request")));
  });
}

/** How long a backend may take to answer a request for an upgrade: as long as any request may take but a watch. */
const upgradeMsMax = 60_000;

export interface TunnelOptions {
  readonly tls: AgentTls;
  readonly clock: Clock;
  /** Headers that the answer has too. */
  readonly added?: HttpHeaders;
  /** How long an end that says nothing may leave a connection open that has ended on the other side. */
  readonly lingerMs?: number;
}

/**
 * Carries an upgrade on to the backend and joins the two connections; a refusal is passed on as it is.
 * Rejects, with nothing answered, when the backend cannot be reached or does not answer in time.
 */
export function tunnel(
  backend: Backend,
  message: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  { tls, clock, added = {}, lingerMs = lingerMsMax }: TunnelOptions,
): Promise<void> {
  const headers = passedHeaders(message.headers);
  headers.connection = "Upgrade";
  headers.upgrade = message.headers.upgrade ?? "";
  headers["x-forwarded-for"] = forwardedFor(message.headers["x-forwarded-for"], message.socket.remoteAddress);
  return new Promise((resolve, reject) => {
    const asked = ask(backend, message.method ?? "GET", backend.identify?.(headers) ?? headers, tls);
    // A client that goes away before the backend has answered takes its request with it.
    const onGone = () => asked.destroy();
    socket.once("close", onGone);
    const late = clock.setTimer(upgradeMsMax, () =>
      asked.destroy(new Error(`no answer within ${upgradeMsMax / 1000} seconds`)),
    );
    const answered = () => {
      late.cancel();
      socket.off("close", onGone);
    };
    asked.once("upgrade", (answer, backendSocket, backendHead) => {
      answered();
      socket.write(headOf(answer, added), "latin1");
      if (backendHead.length > 0) socket.write(backendHead);
      readToTheEnd(backendSocket);
      if (head.length > 0) backendSocket.write(head);
      join(socket, backendSocket, lingerMs);
      resolve();
    });
    asked.once("response", (answer) => {
      answered();
      const { statusCode = 0 } = answer;
      // Where such a server sends clients they would show their credentials, as upstream has it too.
      if (backend.trust.kind === "extension" && statusCode < 400) {
        answer.destroy();
        return reject(new Error(`invalid upgrade response: status code ${statusCode}`));
      }
      // The body is as long as the connection: a length or chunks of the backend's may not be true of it.
      socket.write(headOf(answer, { ...added, connection: "close" }), "latin1");
      pipeline(answer, socket, () => resolve());
    });
    asked.on("error", reject);
    asked.once("close", () => {
      late.cancel();
      reject(new Error("the backend did not answer the request"));
    });
    asked.end();
  });
}

/** The header that says through whose hands a request came. */
export function forwardedFor(before: string | readonly string[] | undefined, address = ""): string {
  return [before ?? [], address].flat().join(", ");
}

/** What one side writes the other reads, until one of them ends; what it wrote last still arrives. */
function join(client: Duplex, backend: Duplex, lingerMs: number): void {
  // Their closes follow.
  for (const side of [client, backend]) side.on("error", () => {});
  client.once("close", () => {
    backend.end(() => backend.destroy());
    // One that reads no more would keep what waits for it, and its connection, for ever.
    closeWhenSilent(backend, lingerMs);
  });
  backend.once("close", () => finish(client, lingerMs));
  client.pipe(backend);
  backend.pipe(client);
}

const lingerMsMax = 30_000;

/**
 * Ends a client's connection when what was written to it is sent. What it sends meanwhile is read and dropped till it ends
 * too: a connection that is closed with bytes unread is reset, which can cost the client what it has not read.
 */
function finish(client: Duplex, lingerMs: number): void {
  client.end();
  client.resume();
  closeWhenSilent(client, lingerMs);
}

function closeWhenSilent(side: Duplex, ms: number): void {
  if (side instanceof Socket) side.setTimeout(ms, () => side.destroy());
}

/**
 * Has the socket read to the end even when nothing can be written any more: a backend may close with input still on its
 * way, and Node throws away, with the socket that it cannot write to, what has come and was not read yet.
 */
function readToTheEnd(socket: Duplex): void {
  const write = socket._write.bind(socket);
  const writev = socket._writev?.bind(socket);
  socket._write = (chunk, encoding, done) => write(chunk, encoding, () => done());
  if (writev) socket._writev = (chunks, done) => writev(chunks, () => done());
}

/** The head of an answer as it came, in Latin-1 as Node reads them, but for what belongs to the backend's own connection, and with what is added. */
function headOf(answer: IncomingMessage, added: HttpHeaders): string {
  const lines = [`HTTP/1.1 ${answer.statusCode} ${answer.statusMessage}`];
  const refused = answer.statusCode !== 101;
  for (let at = 0; at + 1 < answer.rawHeaders.length; at += 2) {
    const name = answer.rawHeaders[at]!;
    if (refused && ["connection", "keep-alive", "transfer-encoding"].includes(name.toLowerCase())) continue;
    lines.push(`${name}: ${answer.rawHeaders[at + 1]}`);
  }
  for (const [name, value] of Object.entries(added))
    for (const each of typeof value === "object" ? value : [value]) lines.push(`${name}: ${each}`);
  return `${lines.join("\r\n")}\r\n\r\n`;
}

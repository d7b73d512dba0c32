import { type ClientRequest, request as httpRequest, type IncomingMessage, type OutgoingHttpHeaders } from "node:http";
import { request as httpsRequest, type RequestOptions } from "node:https";
import { Socket } from "node:net";
import { type Duplex, pipeline } from "node:stream";
import { isTokenProtocol } from "../credentials.ts";
import type { HttpHeaders, HttpRequest, HttpResponse } from "../message.ts";
import type { Backend } from "./backend.ts";

/** PEM: what the API server shows to agents, and the authority of theirs. */
export interface AgentTls {
  readonly certificate: string;
  readonly key: string;
  readonly ca: string;
}

/** Headers of one connection, which are not passed on (RFC 9110, 7.6.1), and what only the API server is to know. */
const withheldHeaders = new Set([
  "connection",
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
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || withheldHeaders.has(name) || name.startsWith("impersonate-")) continue;
    passed[name] = typeof value === "string" ? value : [...value];
  }
  return passed;
}

/** A request to a backend; it is sent when its body is ended. */
export function ask(backend: Backend, method: string, headers: OutgoingHttpHeaders, tls: AgentTls): ClientRequest {
  const { host, port, path, trust } = backend;
  const options: RequestOptions = { host, port, path, method, headers, agent: false };
  if (backend.protocol === "http:") return httpRequest(options);
  if (trust.kind === "anyone") return httpsRequest({ ...options, rejectUnauthorized: false });
  if (trust.kind === "extension")
    return httpsRequest({
      ...options,
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
  return headers;
}

/** The answer to a request without an upgrade. */
export function answerOf(asked: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    asked.once("response", resolve);
    asked.on("error", reject);
  });
}

/**
 * Carries an upgrade on to the backend and joins the two connections; a refusal is passed on as it is. The answer has the
 * added headers too.
 * Rejects, with nothing answered, when the backend cannot be reached.
 */
export function tunnel(
  backend: Backend,
  message: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  tls: AgentTls,
  added: HttpHeaders = {},
): Promise<void> {
  const headers = passedHeaders(message.headers);
  headers.connection = "Upgrade";
  headers.upgrade = message.headers.upgrade ?? "";
  const protocols = String(message.headers["sec-websocket-protocol"] ?? "").split(",");
  const passed = protocols.map((each) => each.trim()).filter((each) => each !== "" && !isTokenProtocol(each));
  if (passed.length > 0) headers["sec-websocket-protocol"] = passed.join(", ");
  else delete headers["sec-websocket-protocol"];
  return new Promise((resolve, reject) => {
    const asked = ask(backend, message.method ?? "GET", backend.identify?.(headers) ?? headers, tls);
    // A client that goes away before the backend has answered takes its request with it.
    const onGone = () => asked.destroy();
    socket.once("close", onGone);
    asked.once("upgrade", (answer, backendSocket, backendHead) => {
      socket.off("close", onGone);
      socket.write(headOf(answer, added));
      if (backendHead.length > 0) socket.write(backendHead);
      readToTheEnd(backendSocket);
      if (head.length > 0) backendSocket.write(head);
      join(socket, backendSocket);
      resolve();
    });
    asked.once("response", (answer) => {
      socket.off("close", onGone);
      // The body is as long as the connection: a length or chunks of the backend's may not be true of it.
      socket.write(headOf(answer, { ...added, connection: "close" }));
      pipeline(answer, socket, () => resolve());
    });
    asked.on("error", reject);
    asked.end();
  });
}

/** What one side writes the other reads, until one of them ends; what it wrote last still arrives. */
function join(client: Duplex, backend: Duplex): void {
  // Their closes follow.
  for (const side of [client, backend]) side.on("error", () => {});
  client.once("close", () => backend.end(() => backend.destroy()));
  backend.once("close", () => finish(client));
  client.pipe(backend);
  backend.pipe(client);
}

/** How long a client that says nothing may leave a connection open that has ended on this side. */
const lingerMsMax = 30_000;

/**
 * Ends a client's connection when what was written to it is sent. What it sends meanwhile is read and dropped till it ends
 * too: a connection that is closed with bytes unread is reset, which can cost the client what it has not read.
 */
function finish(client: Duplex): void {
  client.end();
  client.resume();
  if (client instanceof Socket) client.setTimeout(lingerMsMax, () => client.destroy());
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

/** The head of an answer as it came, but for what belongs to the backend's own connection, and with what is added. */
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

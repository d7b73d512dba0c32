import { once } from "node:events";
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import { WebSocketServer } from "ws";
import { ApiError } from "../../../api/index.ts";
import { type Clock, errorMessage, type Logger } from "../../../lib/index.ts";
import type { Agent } from "../../agent.ts";
import type { ContainerEngine, ExecOptions, StreamSession } from "../../engine/index.ts";
import { isForTokens, type TokenAccess } from "../../node/token-access.ts";
import type { ContainerQuery } from "../../pod/locate-container.ts";
import { channelProtocols, type NegotiatedSocket } from "./channel-socket.ts";
import { ContainerEnds } from "./container-ends.ts";
import { logOptionsOf } from "./log-query.ts";
import { openLog } from "./log-reader.ts";
import { sendMachineLogs } from "./machine-logs.ts";
import { servePorts } from "./port-sockets.ts";
import { serveSession } from "./remote-command.ts";
import { RequestError } from "./request-error.ts";
import { openTunnel, portForwardTunnelProtocol, tunnelSpdy } from "./spdy-tunnel.ts";

/** An engine whose streaming server a SPDY client can be connected with. */
export interface StreamUrls {
  execUrl(id: string, options: ExecOptions): Promise<URL>;
  attachUrl(id: string, options: Omit<ExecOptions, "command">): Promise<URL>;
  /** Begins what waits at one of these URLs. */
  session(url: URL, options: Omit<ExecOptions, "command">): Promise<StreamSession>;
  portForwardUrl(sandboxId: string, ports: readonly number[]): Promise<URL>;
}

export interface AgentServerSettings {
  /** Says which container is meant; throws ApiError in the kubelet's words. */
  readonly agent: Pick<Agent, "read" | "findContainer" | "findSandbox" | "findLog">;
  readonly engine: ContainerEngine & StreamUrls;
  /** Says who may read with a token; nobody when left out. */
  readonly tokens?: Pick<TokenAccess, "check">;
  readonly clock: Clock;
  readonly log: Logger;
  readonly tls: AgentServerTls;
}

/** PEM. Clients must have a certificate of `clientCa`. */
export interface AgentServerTls {
  readonly certificate: string;
  readonly key: string;
  readonly clientCa: string;
}

/** The identity with which API servers come (as kubeadm issues it), and the group that may do everything. */
const apiServerName = "kube-apiserver-kubelet-client";
const mastersGroup = "system:masters";
/** What one message of a WebSocket may have, as in golang.org/x/net: some clients send all their input in one. */
const messageBytesMax = 32 * 1024 * 1024;
/** The kubelet gives a command of /run as long as any request. */
const runMs = 120_000;

/** A command to execute is in the path: more than the API server takes (its listener's headerBytesMax), which adds some. */
const headerBytesMax = 96 * 1024;

/** The agent's HTTPS server: what the kubelet answers on port 10250, for API servers only. */
export class AgentServer {
  readonly #settings: AgentServerSettings;
  readonly #server: Server;
  readonly #ends: ContainerEnds;
  readonly #upgraded = new Set<Duplex>();

  constructor(settings: AgentServerSettings) {
    const { engine, clock, log, tls } = settings;
    this.#settings = settings;
    this.#ends = new ContainerEnds(engine, clock, log);
    this.#server = createServer({
      cert: tls.certificate,
      key: tls.key,
      ca: tls.clientCa,
      requestCert: true,
      // The answer to a client without a good certificate is a 401, not a broken connection.
      rejectUnauthorized: false,
      minVersion: "TLSv1.2",
      maxHeaderSize: headerBytesMax,
    });
    this.#server.on("request", (message, response) => void this.#answer(message, response));
    this.#server.on("upgrade", (message, socket, head) => void this.#upgrade(message, socket, head));
  }

  /** Resolves with the port; `port` 0 takes a free one. */
  async listen(port: number, address?: string): Promise<number> {
    this.#server.listen(port, address);
    await once(this.#server, "listening");
    // A listening TCP server has an address of this form.
    return (this.#server.address() as AddressInfo).port;
  }

  /** From here on new connections are served with this certificate. */
  renew(tls: AgentServerTls): void {
    this.#server.setSecureContext({ cert: tls.certificate, key: tls.key, ca: tls.clientCa });
  }

  /** Ends every connection. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
      for (const socket of this.#upgraded) socket.destroy();
    });
  }

  async #answer(message: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      await this.#admit(message);
      await this.#route(message, response);
    } catch (error) {
      // What was begun cannot become an error any more: the client sees that it broke off.
      if (response.headersSent) response.destroy();
      else writeText(response, codeOf(error), `${errorMessage(error)}\n`);
    }
  }

  /** Throws for everyone but API servers, administrators, and who shows a token that is good for what is asked. */
  async #admit(message: IncomingMessage): Promise<void> {
    const { tokens } = this.#settings;
    const [, first = ""] = /^\/([a-z]+)(?:[/?]|$)/.exec(message.url ?? "") ?? [];
    const [, token] = /^bearer +(\S+)$/i.exec(message.headers.authorization ?? "") ?? [];
    const isRead = message.method === "GET" || message.method === "HEAD";
    if (tokens && token !== undefined && isForTokens(first) && isRead) await tokens.check(token, first);
    else authorize(message);
  }

  async #route(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const { words, query } = parseTarget(message);
    const [first = ""] = words;
    const isRead = message.method === "GET" || message.method === "HEAD";
    if (isRead && first === "logs") return sendMachineLogs("/var/log", words.slice(1), response);
    if (first === "containerLogs" && words.length === 4) {
      if (message.method !== "GET") throw new RequestError(405, "Method Not Allowed");
      return this.#writeLog(words, query, response);
    }
    if (first === "run" && message.method === "POST") return this.#run(words, query, response);
    if (first === "exec" || first === "attach" || first === "portForward")
      throw new RequestError(400, "Upgrade request required");
    const answer = isRead ? await this.#settings.agent.read(words.join("/").replace(/\/$/, "")) : undefined;
    if (answer) {
      response.writeHead(200, { "Content-Type": answer.contentType }).end(answer.body);
      return;
    }
    throw new RequestError(404, "404 page not found");
  }

  async #writeLog(words: readonly string[], query: URLSearchParams, response: ServerResponse): Promise<void> {
    const { agent, clock } = this.#settings;
    const [, namespace = "", podName = "", containerName = ""] = words;
    const { previous, ...options } = logOptionsOf(query, clock.now());
    const { containerId, logPath, running } = agent.findLog({ namespace, podName, containerName }, previous);
    const gone = new AbortController();
    response.once("close", () => gone.abort());
    const ended = options.follow && running ? this.#ends.ended(containerId, gone.signal) : Promise.resolve();
    const pieces = await openLog({ path: logPath, options, ended, signal: gone.signal }).catch((error) => {
      throw new RequestError(400, `failed to open log file ${JSON.stringify(logPath)}: ${errorMessage(error)}`);
    });
    response.writeHead(200, { "Content-Type": "text/plain" });
    response.flushHeaders();
    for await (const piece of pieces) {
      if (response.write(piece) || gone.signal.aborted) continue;
      await once(response, "drain", { signal: gone.signal }).catch(() => {
        // The client went away, which ends the log by its signal.
      });
    }
    response.end();
  }

  async #run(words: readonly string[], query: URLSearchParams, response: ServerResponse): Promise<void> {
    const { agent, engine } = this.#settings;
    const { containerId } = agent.findContainer(containerQuery(words));
    const { exitCode, stdout, stderr } = await engine.execSync(containerId, (query.get("cmd") ?? "").split(" "), runMs);
    const output = Buffer.concat([stdout, stderr]);
    if (exitCode === 0) response.writeHead(200, { "Content-Type": "application/json" }).end(output);
    else throw new RequestError(500, `command terminated with exit code ${exitCode}: ${output.toString("utf8")}`);
  }

  async #upgrade(message: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    this.#upgraded.add(socket);
    socket.once("close", () => this.#upgraded.delete(socket));
    // What goes wrong with the connection ends it; whoever uses it sees that.
    socket.on("error", () => socket.destroy());
    try {
      authorize(message);
      const { words, query } = parseTarget(message);
      if (words[0] === "exec" || words[0] === "attach") await this.#command(words, query, message, socket, head);
      else if (words[0] === "portForward") await this.#portForward(words, query, message, socket, head);
      else throw new RequestError(404, "404 page not found");
    } catch (error) {
      if (codeOf(error) === 500)
        this.#settings.log.warn("a stream could not be opened", { path: message.url, error: errorMessage(error) });
      refuse(socket, codeOf(error), errorMessage(error));
    }
  }

  async #command(
    words: readonly string[],
    query: URLSearchParams,
    message: IncomingMessage,
    socket: Duplex,
    head: Buffer,
  ): Promise<void> {
    const { agent, engine } = this.#settings;
    const { containerId: id, tty } = agent.findContainer(containerQuery(words));
    const exec = words[0] === "exec";
    // Whether a process that runs already has a terminal is not for who attaches to say.
    const streams = streamsOf(query, exec ? undefined : tty);
    const options = { ...streams, command: query.getAll("command") };
    const protocol = isWebSocket(message) ? chooseProtocol(message, channelProtocols) : undefined;
    const url = await (exec ? engine.execUrl(id, options) : engine.attachUrl(id, streams));
    if (protocol === undefined) return tunnelSpdy(url, message, socket, head);
    const client = await acceptWebSocket(message, socket, head, protocol);
    // Only now, as in Kubernetes: kubectl throws away what comes before it has made its streams, right after the upgrade.
    const opening = engine.session(url, streams);
    const onOpen = (session: StreamSession) => {
      // A client that goes away, now or later, takes its session with it; what runs in the container goes on.
      if (socket.destroyed) session.close();
      else socket.once("close", () => session.close());
    };
    // A failure is told to the client below.
    opening.then(onOpen, () => {});
    await serveSession(client, opening, streams);
  }

  async #portForward(
    words: readonly string[],
    query: URLSearchParams,
    message: IncomingMessage,
    socket: Duplex,
    head: Buffer,
  ): Promise<void> {
    const { agent, engine } = this.#settings;
    const [, namespace = "", podName = "", podUid] = words;
    const { sandboxId } = agent.findSandbox({ namespace, podName, ...(podUid === undefined ? {} : { podUid }) });
    if (!isWebSocket(message)) return tunnelSpdy(await engine.portForwardUrl(sandboxId, []), message, socket, head);
    const protocols = [portForwardTunnelProtocol, ...channelProtocols.filter((each) => each.startsWith("v4."))];
    const protocol = chooseProtocol(message, protocols);
    if (protocol === portForwardTunnelProtocol) {
      const join = await openTunnel(await engine.portForwardUrl(sandboxId, []));
      return join((await acceptWebSocket(message, socket, head, protocol)).socket);
    }
    const ports = portsOf(query);
    return servePorts(await acceptWebSocket(message, socket, head, protocol), engine, sandboxId, ports);
  }
}

/** Throws for everyone but API servers and administrators. */
function authorize(message: IncomingMessage): void {
  // An HTTPS server's sockets are of this class.
  const socket = message.socket as TLSSocket;
  if (!socket.authorized) throw new RequestError(401, "Unauthorized");
  const { CN: name, O: organization } = socket.getPeerCertificate().subject;
  // Node gives one value or, for repeated attributes, several; the types know only the first form.
  const groups = [organization as unknown as string | string[]].flat();
  if (String(name) === apiServerName || groups.includes(mastersGroup)) return;
  throw new RequestError(403, `Forbidden (user=${name}, verb=${message.method}, resource=nodes, subresource=proxy)`);
}

function parseTarget(message: IncomingMessage): { readonly words: readonly string[]; readonly query: URLSearchParams } {
  const url = message.url ?? "/";
  const mark = url.indexOf("?");
  const path = mark < 0 ? url : url.slice(0, mark);
  try {
    const words = path.split("/").slice(1).map(decodeURIComponent);
    return { words, query: new URLSearchParams(mark < 0 ? "" : url.slice(mark + 1)) };
  } catch {
    throw new RequestError(400, `the path ${path} is not well encoded`);
  }
}

/** `/exec/NAMESPACE/POD/CONTAINER` or `/exec/NAMESPACE/POD/UID/CONTAINER`. */
function containerQuery(words: readonly string[]): ContainerQuery {
  const [, namespace = "", podName = "", first = "", second] = words;
  if (words.length === 4) return { namespace, podName, containerName: first };
  if (words.length === 5 && second !== undefined) return { namespace, podName, podUid: first, containerName: second };
  throw new RequestError(404, "404 page not found");
}

/** The kubelet's names of the query: input, output, error, tty. */
function streamsOf(query: URLSearchParams, terminal: boolean | undefined): Omit<ExecOptions, "command"> {
  const asked = (name: string) => query.get(name) === "1" || query.get(name) === "true";
  const tty = terminal ?? asked("tty");
  // A terminal has one output only.
  const streams = { stdin: asked("input"), stdout: asked("output"), stderr: asked("error") && !tty, tty };
  if (!streams.stdin && !streams.stdout && !streams.stderr)
    throw new RequestError(400, "you must specify at least 1 of stdin, stdout, stderr");
  return streams;
}

function portsOf(query: URLSearchParams): readonly number[] {
  const words = query.getAll("port").flatMap((each) => each.split(","));
  if (words.length === 0) throw new RequestError(400, `query parameter "port" is required`);
  return words.map((word) => {
    const port = Number(word);
    if (/^\d+$/.test(word) && port >= 1 && port <= 65_535) return port;
    throw new RequestError(400, `unable to parse ${JSON.stringify(word)} as a port`);
  });
}

function isWebSocket(message: IncomingMessage): boolean {
  return message.headers.upgrade?.toLowerCase() === "websocket";
}

/** The first protocol of the client's that is among ours; empty when it names none, which stands for the oldest. */
function chooseProtocol(message: IncomingMessage, supported: readonly string[]): string {
  const offered = (message.headers["sec-websocket-protocol"] ?? "").split(",").map((each) => each.trim());
  const chosen = offered.find((each) => each === "" || supported.includes(each));
  if (chosen !== undefined) return chosen;
  throw new RequestError(
    403,
    `requested protocol(s) are not supported: [${offered.join(" ")}]; supports [${supported.join(" ")}]`,
  );
}

/** Takes an upgrade with the subprotocol that was chosen. */
function acceptWebSocket(
  message: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  protocol: string,
): Promise<NegotiatedSocket> {
  // The library refuses names that are no tokens of HTTP, as the slash of SPDY/3.1 is none: it is shown none at all.
  delete message.headers["sec-websocket-protocol"];
  const server = new WebSocketServer({ noServer: true, maxPayload: messageBytesMax });
  if (protocol !== "") server.on("headers", (headers) => headers.push(`Sec-WebSocket-Protocol: ${protocol}`));
  return new Promise((resolve, reject) => {
    server.once("wsClientError", reject);
    server.handleUpgrade(message, socket, head, (webSocket) => {
      // A broken connection is closed too, which whoever uses it sees.
      webSocket.on("error", () => {});
      resolve({ socket: webSocket, protocol });
    });
  });
}

function codeOf(error: unknown): number {
  return error instanceof RequestError || error instanceof ApiError ? error.code : 500;
}

function writeText(response: ServerResponse, code: number, text: string): void {
  response.writeHead(code, { "Content-Type": "text/plain; charset=utf-8" }).end(text);
}

/** Answers an upgrade with an error; nothing when it was accepted already. */
function refuse(socket: Duplex, code: number, text: string): void {
  if (!socket.writable) return;
  const head = [
    `HTTP/1.1 ${code} ${STATUS_CODES[code] ?? "Error"}`,
    "Content-Type: text/plain; charset=utf-8",
    `Content-Length: ${Buffer.byteLength(text)}`,
    "Connection: close",
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${text}`);
}

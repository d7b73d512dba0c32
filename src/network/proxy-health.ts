// Where others ask whether a node's service proxy does its work: the ports and answers of kube-proxy
// (pkg/proxy/healthcheck/proxy_health.go). Load balancers look at the first.
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type Clock, errorMessage, type Logger, timestamp } from "../lib/index.ts";

export interface ProxyState {
  /** When the rules were last as they should be; undefined before the first write. */
  readonly writtenAtMs: number | undefined;
  /** Since when there is something to write; undefined where nothing waits. */
  readonly waitsSinceMs: number | undefined;
}

export interface ProxyHealthOptions {
  readonly state: () => ProxyState;
  /** Where /healthz and /livez are asked. */
  readonly address: string;
  readonly port?: number;
  /** Where this machine asks for /proxyMode. */
  readonly statusPort?: number;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface ProxyHealthServer {
  /** Those that it has; undefined for one that was taken. */
  readonly port: number | undefined;
  readonly statusPort: number | undefined;
  close(): void;
}

const portDefault = 10_256;
const statusPortDefault = 10_249;
/** Rules may wait this long to be written: twice the period in which kube-proxy would write them all. */
const waitMsMax = 60_000;

/** What is told of the proxy, and its HTTP code. */
export function proxyHealth({ writtenAtMs, waitsSinceMs }: ProxyState, nowMs: number) {
  const healthy = writtenAtMs !== undefined && (waitsSinceMs === undefined || nowMs - waitsSinceMs <= waitMsMax);
  // While nothing has to be written, the rules are right as of now.
  const updatedMs = healthy && waitsSinceMs === undefined ? nowMs : (writtenAtMs ?? 0);
  const body = { lastUpdated: timestamp(updatedMs), currentTime: timestamp(nowMs), nodeEligible: true };
  return { code: healthy ? 200 : 503, body };
}

/** Answers until it is closed. A port that another cluster of this machine has is left to that one. */
export async function serveProxyHealth(options: ProxyHealthOptions): Promise<ProxyHealthServer> {
  const { state, address, port = portDefault, statusPort = statusPortDefault, clock, log } = options;
  const health = createServer((request, response) => {
    if (!isAskedFor(request, "/healthz", "/livez")) return answer(response, 404, "404 page not found\n");
    const { code, body } = proxyHealth(state(), clock.now());
    answer(response, code, JSON.stringify(body), "application/json");
  });
  const status = createServer((request, response) => {
    if (isAskedFor(request, "/proxyMode")) answer(response, 200, "nftables");
    else if (isAskedFor(request, "/healthz")) answer(response, 200, "ok");
    else answer(response, 404, "404 page not found\n");
  });
  const listen = async (server: Server, at: number, host: string) => {
    server.maxConnections = 100;
    try {
      await once(server.listen(at, host), "listening");
      server.on("error", (error) => log.warn("the proxy's health is not told", { error: errorMessage(error) }));
      // A TCP server has such an address.
      return (server.address() as AddressInfo).port;
    } catch (error) {
      log.info("the proxy's health is not told here", { port: at, error: errorMessage(error) });
      return undefined;
    }
  };
  const [ownPort, ownStatusPort] = await Promise.all([
    listen(health, port, address),
    listen(status, statusPort, "127.0.0.1"),
  ]);
  return {
    port: ownPort,
    statusPort: ownStatusPort,
    close() {
      for (const server of [health, status]) {
        server.close();
        server.closeAllConnections();
      }
    },
  };
}

function isAskedFor({ method, url = "" }: IncomingMessage, ...paths: readonly string[]): boolean {
  return (method === "GET" || method === "HEAD") && paths.includes(url.split("?", 1)[0] ?? "");
}

function answer(response: ServerResponse, code: number, body: string, type = "text/plain; charset=utf-8"): void {
  response.writeHead(code, { "content-type": type, "x-content-type-options": "nosniff" }).end(body);
}

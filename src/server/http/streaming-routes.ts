import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { User } from "../../api/index.ts";
import type { HttpRequest, HttpResponse } from "./message.ts";

/** A request to a subresource that is a stream and no object. It is authenticated and authorized already. */
export interface StreamingRoute {
  readonly resource: "pods" | "services" | "nodes";
  /** Empty for nodes. */
  readonly namespace: string;
  readonly name: string;
  readonly subresource: "exec" | "attach" | "portforward" | "log" | "proxy";
  /** What follows `/proxy`, with its slash, percent-encoded as it came; empty when nothing follows. */
  readonly path: string;
  readonly query: URLSearchParams;
}

/** Serves exec, attach, portforward, log and proxy. Failures are thrown as ApiError before anything was answered. */
export interface StreamingRoutes {
  /** An HTTP/1.1 request with `Connection: Upgrade`; from here on the socket is the route's. */
  upgrade(route: StreamingRoute, user: User, request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void>;
  /** Every other request. */
  handle(route: StreamingRoute, user: User, request: HttpRequest, response: HttpResponse): Promise<void>;
}

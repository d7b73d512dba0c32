import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { User } from "../../api/index.ts";
import type { HttpRequest, HttpResponse } from "./message.ts";
import type { ResourcePath } from "./request-path.ts";

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
  /** Sentences for the Warning header of the answer. */
  readonly warnings: readonly string[];
}

/** Serves exec, attach, portforward, log and proxy. Failures are thrown as ApiError before anything was answered. */
export interface StreamingRoutes {
  /** An HTTP/1.1 request with `Connection: Upgrade`; from here on the socket is the route's. */
  upgrade(route: StreamingRoute, user: User, request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void>;
  /** Every other request. */
  handle(route: StreamingRoute, user: User, request: HttpRequest, response: HttpResponse): Promise<void>;
}

const streamingSubresources: Readonly<Record<string, readonly string[]>> = {
  pods: ["exec", "attach", "portforward", "log", "proxy"],
  services: ["proxy"],
  nodes: ["proxy"],
};

/** The stream that a path is about; undefined for every other path. */
export function streamingRoute(path: ResourcePath, query: URLSearchParams): StreamingRoute | undefined {
  const { group, version, plural, namespace, name, subresource, rest } = path;
  if (group !== "" || version !== "v1" || subresource === "") return undefined;
  if (!Object.hasOwn(streamingSubresources, plural) || !streamingSubresources[plural]!.includes(subresource))
    return undefined;
  if (rest !== "" && subresource !== "proxy") return undefined;
  // Both are among the names that the table holds.
  const names = { resource: plural, subresource } as Pick<StreamingRoute, "resource" | "subresource">;
  return { ...names, namespace, name, path: rest, query, warnings: [] };
}

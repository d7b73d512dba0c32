import { createHash } from "node:crypto";
import { type APIResourceList, methodNotAllowed } from "../../api/index.ts";
import type { Logger } from "../../lib/index.ts";
import { groupVersionOf } from "../aggregation/index.ts";
import {
  aggregatedDiscovery,
  apiGroup,
  apiGroupList,
  apiResourceList,
  apiVersions,
  type Served,
} from "../discovery/discovery.ts";
import { isRouted } from "../pipeline/kind-rules.ts";
import type { ExtensionServers } from "./extension-servers.ts";
import type { PathRoute } from "./handler.ts";
import { type HealthCheck, healthAnswer } from "./health.ts";
import type { ObserveCheck } from "./health-metrics.ts";
import type { HttpRequest, HttpResponse } from "./message.ts";
import { aggregatedDiscoveryAnswers, contentTypes, type Negotiated, plainAnswers } from "./negotiation.ts";
import { encode, encoderOf, sendBody } from "./writer.ts";

/** What /version says. */
export interface VersionInfo {
  readonly major: string;
  readonly minor: string;
  /** The version whose API is served, and the oldest that the same stored objects serve. */
  readonly emulationMajor?: string;
  readonly emulationMinor?: string;
  readonly minCompatibilityMajor?: string;
  readonly minCompatibilityMinor?: string;
  readonly gitVersion: string;
  readonly gitCommit: string;
  readonly gitTreeState: string;
  readonly buildDate: string;
  readonly goVersion: string;
  readonly compiler: string;
  readonly platform: string;
}

/** Sends what is no object of the API, and JSON whatever the client accepts. */
export async function sendJson(request: HttpRequest, response: HttpResponse, value: object): Promise<true> {
  const headers = { "content-type": contentTypes.json, "cache-control": "no-cache, private" };
  await sendBody(request, response, 200, headers, JSON.stringify(value, null, 2));
  return true;
}

async function sendDiscovery(
  request: HttpRequest,
  response: HttpResponse,
  query: URLSearchParams,
  document: object,
  negotiated: Negotiated,
): Promise<true> {
  const { encoding, as, version } = negotiated;
  const form = as === undefined ? "" : `;g=apidiscovery.k8s.io;v=${version};as=${as}`;
  const body = encode(encoderOf(request, negotiated, query), document);
  const headers = {
    "content-type": `${contentTypes[encoding]}${form}`,
    "cache-control": "no-cache, private",
    vary: "Accept",
  };
  if (as === undefined) {
    await sendBody(request, response, 200, headers, body);
    return true;
  }
  // Clients keep the whole and ask whether it is still that: aggregated/etag.go of Kubernetes.
  const etag = `"${createHash("sha256").update(body).digest("hex").toUpperCase()}"`;
  const kept = { ...headers, "cache-control": "public", etag };
  if (request.header("if-none-match") === etag) response.end(304, kept);
  else await sendBody(request, response, 200, kept, body);
  return true;
}

/** For paths that are routes of Kubernetes', which have no HEAD; handlers without routes take every method. */
function onlyGet(request: HttpRequest): void {
  if (request.method !== "GET") throw methodNotAllowed();
}

export function healthRoute(checks: readonly HealthCheck[], log: Logger, observe: ObserveCheck): PathRoute {
  return async (request, response, query) => {
    const answer = await healthAnswer(request.path, query, checks, log, observe);
    if (!answer) return false;
    response.end(answer.status, answer.headers, answer.body);
    return true;
  };
}

export function versionRoute(version: VersionInfo): PathRoute {
  return async (request, response) => {
    if (request.path !== "/version" && request.path !== "/version/") return false;
    onlyGet(request);
    return sendJson(request, response, version);
  };
}

/** /api, /apis and what is below them down to the versions. `serverAddress` is host and port for clients. */
export function discoveryRoute(
  served: Served,
  serverAddress: string,
  extensions: ExtensionServers | undefined,
): PathRoute {
  return async (request, response, query) => {
    const [, root, ...rest] = request.path.replace(/\/$/, "").split("/");
    if (root !== "api" && root !== "apis") return false;
    if (isRouteOf(served, root, rest)) onlyGet(request);
    const accept = request.header("accept");
    const aggregated = rest.length === 0 && accept ? aggregatedDiscoveryAnswers.find(accept) : undefined;
    if (aggregated) {
      const version = aggregated.version as "v2" | "v2beta1"; // nothing else is negotiated
      const others = root === "apis" && extensions ? await discovered(served, extensions) : undefined;
      const document = aggregatedDiscovery(served, version, root === "api", others);
      return sendDiscovery(request, response, query, document, aggregated);
    }
    const document = root === "api" ? coreDocument(served, rest, serverAddress) : groupDocument(served, rest);
    return document ? sendDiscovery(request, response, query, document, plainAnswers.negotiate(accept)) : false;
  };
}

/** Groups and what custom resources there are is told by handlers of the aggregator and of the server of those. */
function isRouteOf({ registry }: Served, root: string, [group = "", version]: readonly string[]): boolean {
  if (root === "api") return true;
  return registry.all().some((each) => each.group === group && each.version === version && isRouted(each));
}

/** What other servers say that they serve, by group version; without those that do not answer. */
async function discovered(
  { apiServices }: Served,
  extensions: ExtensionServers,
): Promise<ReadonlyMap<string, APIResourceList>> {
  const asked = [...apiServices.remote()].map(
    async (service) => [service, await extensions.resources(service)] as const,
  );
  const found = new Map<string, APIResourceList>();
  for (const [service, list] of await Promise.all(asked)) if (list) found.set(groupVersionOf(service), list);
  return found;
}

function coreDocument({ registry }: Served, [version, ...rest]: string[], serverAddress: string) {
  if (rest.length > 0) return undefined;
  return version === undefined ? apiVersions(serverAddress) : apiResourceList(registry, "", version);
}

function groupDocument(served: Served, [group, version, ...rest]: string[]) {
  if (rest.length > 0) return undefined;
  if (group === undefined) return apiGroupList(served);
  if (group === "") return undefined;
  return version === undefined ? apiGroup(served, group) : apiResourceList(served.registry, group, version);
}

/** GET /: the paths that are served beside those of resources. */
export function rootRoute(served: Served, more: readonly string[]): PathRoute {
  return async (request, response) => {
    if (request.path !== "/") return false;
    const groups = apiGroupList(served).groups.flatMap(({ name, versions }) => [
      `/apis/${name}`,
      ...versions.map((each) => `/apis/${each.groupVersion}`),
    ]);
    const paths = ["/api", "/api/v1", "/apis", ...groups, "/healthz", "/livez", "/readyz", "/version", ...more];
    return sendJson(request, response, { paths: paths.sort() });
  };
}

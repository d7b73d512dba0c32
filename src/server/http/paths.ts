import { methodNotAllowed } from "../../api/index.ts";
import type { Logger } from "../../lib/index.ts";
import { aggregatedDiscovery, apiGroup, apiGroupList, apiResourceList, apiVersions } from "../discovery/discovery.ts";
import type { ResourceRegistry } from "../registry.ts";
import type { PathRoute } from "./handler.ts";
import { type HealthCheck, healthAnswer } from "./health.ts";
import type { HttpRequest, HttpResponse } from "./message.ts";
import { aggregatedDiscoveryAnswers, contentTypes, type Negotiated, plainAnswers } from "./negotiation.ts";
import { encode, encoderOf, sendBody } from "./writer.ts";

/** What /version says. */
export interface VersionInfo {
  readonly major: string;
  readonly minor: string;
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
  const headers = {
    "content-type": `${contentTypes[encoding]}${form}`,
    "cache-control": "no-cache, private",
    vary: "Accept",
  };
  await sendBody(request, response, 200, headers, encode(encoderOf(request, negotiated, query), document));
  return true;
}

function onlyReads(request: HttpRequest): void {
  if (request.method !== "GET" && request.method !== "HEAD") throw methodNotAllowed();
}

export function healthRoute(checks: readonly HealthCheck[], log: Logger): PathRoute {
  return async (request, response, query) => {
    const answer = await healthAnswer(request.path, query, checks, log);
    if (!answer) return false;
    response.end(answer.status, answer.headers, answer.body);
    return true;
  };
}

export function versionRoute(version: VersionInfo): PathRoute {
  return async (request, response) => {
    if (request.path !== "/version" && request.path !== "/version/") return false;
    onlyReads(request);
    return sendJson(request, response, version);
  };
}

/** /api, /apis and what is below them down to the versions. `serverAddress` is host and port for clients. */
export function discoveryRoute(registry: ResourceRegistry, serverAddress: string): PathRoute {
  return async (request, response, query) => {
    const [, root, ...rest] = request.path.replace(/\/$/, "").split("/");
    if (root !== "api" && root !== "apis") return false;
    onlyReads(request);
    const accept = request.header("accept");
    const aggregated = rest.length === 0 && accept ? aggregatedDiscoveryAnswers.find(accept) : undefined;
    if (aggregated) {
      const version = aggregated.version as "v2" | "v2beta1"; // nothing else is negotiated
      const document = aggregatedDiscovery(registry, version, root === "api");
      return sendDiscovery(request, response, query, document, aggregated);
    }
    const document = root === "api" ? coreDocument(registry, rest, serverAddress) : groupDocument(registry, rest);
    return document ? sendDiscovery(request, response, query, document, plainAnswers.negotiate(accept)) : false;
  };
}

function coreDocument(registry: ResourceRegistry, [version, ...rest]: string[], serverAddress: string) {
  if (rest.length > 0) return undefined;
  return version === undefined ? apiVersions(serverAddress) : apiResourceList(registry, "", version);
}

function groupDocument(registry: ResourceRegistry, [group, version, ...rest]: string[]) {
  if (rest.length > 0) return undefined;
  if (group === undefined) return apiGroupList(registry);
  if (group === "") return undefined;
  return version === undefined ? apiGroup(registry, group) : apiResourceList(registry, group, version);
}

/** GET /: the paths that are served beside those of resources. */
export function rootRoute(registry: ResourceRegistry, more: readonly string[]): PathRoute {
  return async (request, response) => {
    if (request.path !== "/") return false;
    onlyReads(request);
    const groups = apiGroupList(registry).groups.flatMap(({ name, versions }) => [
      `/apis/${name}`,
      ...versions.map((each) => `/apis/${each.groupVersion}`),
    ]);
    const paths = ["/api", "/api/v1", "/apis", ...groups, "/healthz", "/livez", "/readyz", "/version", ...more];
    return sendJson(request, response, { paths: paths.sort() });
  };
}

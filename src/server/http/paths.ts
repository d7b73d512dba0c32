import { methodNotAllowed } from "../../api/index.ts";
import { aggregatedDiscovery, apiGroup, apiGroupList, apiResourceList, apiVersions } from "../discovery/discovery.ts";
import type { ResourceRegistry } from "../registry.ts";
import type { PathRoute } from "./handler.ts";
import { type HealthCheck, healthAnswer } from "./health.ts";
import type { HttpRequest, HttpResponse } from "./message.ts";
import { mediaRanges, negotiate } from "./negotiation.ts";
import { contentTypes, encode, encoderOf, sendBody } from "./writer.ts";

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

export async function sendJson(
  request: HttpRequest,
  response: HttpResponse,
  query: URLSearchParams,
  value: object,
  contentType?: string,
): Promise<true> {
  const encoder = encoderOf(request, negotiate(acceptOf(request)), query);
  const headers = {
    "content-type": contentType ?? contentTypes[encoder.negotiated.encoding],
    "cache-control": "no-cache, private",
    vary: "Accept",
  };
  await sendBody(request, response, 200, headers, encode(encoder, value));
  return true;
}

/** Discovery's own forms are no transformations of objects: only the encoding is negotiated of them. */
function acceptOf(request: HttpRequest): string {
  const types = mediaRanges(request.header("accept") ?? "*/*").map((each) => each.type);
  return [...types, "application/json"].join(",");
}

function onlyReads(request: HttpRequest): void {
  if (request.method !== "GET" && request.method !== "HEAD") throw methodNotAllowed();
}

export function healthRoute(checks: readonly HealthCheck[]): PathRoute {
  return async (request, response, query) => {
    const answer = await healthAnswer(request.path, query, checks);
    if (!answer) return false;
    response.end(answer.status, answer.headers, answer.body);
    return true;
  };
}

export function versionRoute(version: VersionInfo): PathRoute {
  return async (request, response, query) => {
    if (request.path !== "/version" && request.path !== "/version/") return false;
    onlyReads(request);
    return sendJson(request, response, query, version);
  };
}

/** /api, /apis and what is below them down to the versions. `serverAddress` is host and port for clients. */
export function discoveryRoute(registry: ResourceRegistry, serverAddress: string): PathRoute {
  return async (request, response, query) => {
    const [, root, ...rest] = request.path.replace(/\/$/, "").split("/");
    if (root !== "api" && root !== "apis") return false;
    onlyReads(request);
    if (rest.length === 0) {
      const version = aggregatedVersion(request);
      if (version) {
        const document = aggregatedDiscovery(registry, version, root === "api");
        const type = `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`;
        return sendJson(request, response, query, document, type);
      }
    }
    const document = root === "api" ? coreDocument(registry, rest, serverAddress) : groupDocument(registry, rest);
    return document ? sendJson(request, response, query, document) : false;
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

/** The version of the aggregated form, when the client puts it before the plain one. */
function aggregatedVersion(request: HttpRequest): "v2" | "v2beta1" | undefined {
  for (const { type, parameters } of mediaRanges(request.header("accept") ?? "")) {
    if (type !== "application/json" && type !== "*/*" && type !== "application/*") continue;
    if (parameters.as === undefined) return undefined;
    if (parameters.as !== "APIGroupDiscoveryList" || parameters.g !== "apidiscovery.k8s.io") continue;
    if (parameters.v === "v2" || parameters.v === "v2beta1") return parameters.v;
  }
  return undefined;
}

/** GET /: the paths that are served beside those of resources. */
export function rootRoute(registry: ResourceRegistry, more: readonly string[]): PathRoute {
  return async (request, response, query) => {
    if (request.path !== "/") return false;
    onlyReads(request);
    const groups = apiGroupList(registry).groups.flatMap(({ name, versions }) => [
      `/apis/${name}`,
      ...versions.map((each) => `/apis/${each.groupVersion}`),
    ]);
    const paths = ["/api", "/api/v1", "/apis", ...groups, "/healthz", "/livez", "/readyz", "/version", ...more];
    return sendJson(request, response, query, { paths: paths.sort() });
  };
}

import { badRequest } from "../../api/index.ts";
import { PathNotFound } from "../path-not-found.ts";

/** A path below /api/v1 or /apis/GROUP/VERSION that is about a resource. */
export interface ResourcePath {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly namespace: string;
  readonly name: string;
  readonly subresource: string;
  /** What follows a subresource, with its slash, as it came; empty but for proxies. */
  readonly rest: string;
  /** Whether the old form /watch/… asks for a watch. */
  readonly watch: boolean;
}

/** Subresources of namespaces themselves: /namespaces/NAME/status is not a resource called status. */
const namespaceSubresources = ["status", "finalize"];

/**
 * The parts of the path of a resource; undefined for every other path. Throws 400 for broken percent-encoding and 404 for a
 * slash that is encoded: Go's servers, to which paths are passed on, take it for one that parts, and what was allowed here
 * would be another thing there.
 */
export function parseResourcePath(path: string): ResourcePath | undefined {
  const segments = path.split("/");
  segments.shift();
  if (segments.at(-1) === "" && segments.length > 1) segments.pop();
  let group = "";
  let at = 2;
  if (segments[0] === "apis") {
    group = decode(segments[1] ?? "");
    at = 3;
  } else if (segments[0] !== "api") return undefined;
  const version = decode(segments[at - 1] ?? "");
  const watch = segments[at] === "watch";
  if (watch) at++;
  if (at >= segments.length) return undefined;
  let namespace = "";
  const below = segments[at + 2];
  if (segments[at] === "namespaces" && below !== undefined && !namespaceSubresources.includes(below)) {
    namespace = decode(segments[at + 1] ?? "");
    at += 2;
  }
  const plural = decode(segments[at] ?? "");
  const name = decode(segments[at + 1] ?? "");
  const subresource = decode(segments[at + 2] ?? "");
  const rest = segments.slice(at + 3);
  const endsWithSlash = path.endsWith("/") && segments.length > at + 2;
  return {
    group,
    version,
    plural,
    namespace,
    name,
    subresource,
    rest: rest.length > 0 || endsWithSlash ? `/${rest.join("/")}${endsWithSlash && rest.length > 0 ? "/" : ""}` : "",
    watch,
  };
}

function decode(segment: string): string {
  if (!segment.includes("%")) return segment;
  let decoded: string;
  try {
    decoded = decodeURIComponent(segment);
  } catch (cause) {
    throw badRequest(`the path has broken percent-encoding: ${segment} (${cause})`);
  }
  if (decoded.includes("/")) throw new PathNotFound();
  return decoded;
}

import type { DeleteOptions, RequestOptions, ResourceRequest, Verb } from "../../api/index.ts";
import type { HttpRequest } from "./message.ts";
import { bodyBytesMax, bodyDecoder } from "./request-body.ts";
import { boolean, parseDeleteQuery, parseRequestOptions } from "./request-options.ts";
import type { ResourcePath } from "./request-path.ts";

/** The verb of a request that is no collection's, by its method. */
export const verbsOfMethods: Readonly<Record<string, Verb>> = {
  GET: "get",
  HEAD: "get",
  POST: "create",
  PUT: "update",
  PATCH: "patch",
  DELETE: "delete",
};

/** What a request to a resource wants, as the authorizer is asked; nothing ("") where nobody knows the method. */
export function verbOf(method: string, path: ResourcePath, query: URLSearchParams): Verb | "" {
  const isCollection = path.name === "";
  switch (method) {
    case "GET":
    case "HEAD":
      // Of one object only the old form of path is a watch: elsewhere the parameter belongs to collections.
      if (path.subresource === "" && (path.watch || (isCollection && boolean(query, "watch")))) return "watch";
      return isCollection ? "list" : "get";
    case "DELETE":
      return isCollection ? "deletecollection" : "delete";
    default:
      return verbsOfMethods[method] ?? "";
  }
}

/** Whether a path of this form has the method: nothing is created at a name, and no collection is replaced. */
export function hasMethod(path: ResourcePath, method: string): boolean {
  if (method === "POST") return path.name === "" || path.subresource !== "";
  if (method === "PUT" || method === "PATCH") return path.name !== "";
  return verbsOfMethods[method] !== undefined;
}

export const isRead = (verb: Verb) => verb === "get" || verb === "list";

/** How a request is read. */
export interface RequestReading {
  /** Ends a watch. */
  readonly signal: AbortSignal | undefined;
  /** When the request is given up. */
  readonly endMs: number;
  /** The kind of the resource's objects. */
  readonly kind: string | undefined;
  /** Told what the body says. */
  readonly heard: (body: unknown) => void;
}

/**
 * What the pipeline is asked; it reads the body itself when it wants to know. Throws ApiError for queries that cannot be
 * read, and reading the body throws it for bodies.
 */
export function toResourceRequest(
  path: ResourcePath,
  verb: Verb,
  query: URLSearchParams,
  request: HttpRequest,
  { signal, endMs, kind, heard }: RequestReading,
): ResourceRequest {
  const { group, version, plural, namespace, name, subresource } = path;
  const base = { verb, group, version, plural, namespace, name, subresource };
  if (isRead(verb)) return request.query === "" ? base : { ...base, options: parseRequestOptions(query) };
  if (signal) return { ...base, options: parseRequestOptions(query), signal };
  const asked = parseRequestOptions(query);
  const isDeletion = verb === "delete" || verb === "deletecollection";
  const isObject = !isDeletion && (subresource === "" || subresource === "status");
  const readBody = async () => {
    const decode = bodyDecoder(request.header("content-type") ?? "", verb === "patch", isObject ? kind : undefined);
    const body = decode(await request.body(bodyBytesMax));
    heard(body?.value);
    const options = withManager(asked, request, body?.patchType);
    if (isDeletion) return deletion(options, query, body?.value);
    return {
      options,
      ...(body ? { body: body.value, duplicateFields: body.duplicates, sentencesInOrder: body.inOrder } : {}),
      ...(body?.patchType ? { patchType: body.patchType } : {}),
    };
  };
  return { ...base, options: asked, readBody, endMs };
}

/** A writer that does not say its name is called what its User-Agent begins with; who applies must say it. */
function withManager(options: RequestOptions, request: HttpRequest, patchType: string | undefined): RequestOptions {
  if (options.fieldManager !== undefined || patchType === "application/apply-patch+yaml") return options;
  return { ...options, fieldManager: managerOfUserAgent(request.header("user-agent") ?? "") };
}

/** Only what can be printed, and as much as a manager's name may have. */
function managerOfUserAgent(agent: string): string {
  return agent
    .split("/")[0]!
    .replace(/[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu, "")
    .slice(0, 128);
}

/** Options of a delete stand in its body, or in the query when there is none. */
function deletion(
  options: RequestOptions,
  query: URLSearchParams,
  body: unknown,
): Pick<ResourceRequest, "options" | "body"> {
  const inBody = body as DeleteOptions | undefined; // checked by the pipeline
  const asks = inBody ?? parseDeleteQuery(query);
  const dryRun = options.dryRun ?? (Array.isArray(inBody?.dryRun) && inBody.dryRun.includes("All") ? "All" : undefined);
  return {
    options: { ...options, ...(dryRun ? { dryRun } : {}) },
    ...(asks === undefined ? {} : { body: asks }),
  };
}

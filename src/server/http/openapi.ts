import { createHash } from "node:crypto";
import { notAcceptable } from "../../api/index.ts";
import { openApiV2, openApiV3, openApiV3Index } from "../openapi/index.ts";
import type { ResourceRegistry } from "../registry.ts";
import type { PathRoute } from "./handler.ts";
import type { HttpRequest, HttpResponse } from "./message.ts";
import { mediaRanges } from "./negotiation.ts";
import { sendBody } from "./writer.ts";

interface Document {
  readonly body: Uint8Array;
  readonly etag: string;
}

const readable = ["application/json", "application/*", "*/*"];
const compressed = new WeakMap<object, Promise<Uint8Array>>();

/** /openapi/v2, /openapi/v3 and what is below; documents are made when asked for and kept until the kinds change. */
export function openApiRoute(registry: ResourceRegistry): PathRoute {
  let generation = -1;
  const documents = new Map<string, Document | undefined>();
  return async (request, response, query) => {
    const path = request.path.replace(/\/$/, "");
    if (path !== "/openapi/v2" && !/^\/openapi\/v3(?:\/|$)/.test(path)) return false;
    if (generation !== registry.generation) documents.clear();
    generation = registry.generation;
    if (!documents.has(path)) documents.set(path, makeDocument(registry, path));
    const document = documents.get(path);
    if (!document) return false;
    await send(request, response, query, document);
    return true;
  };
}

function makeDocument(registry: ResourceRegistry, path: string): Document | undefined {
  const value = contentOf(registry, path);
  if (!value) return undefined;
  const body = Buffer.from(JSON.stringify(value));
  return { body, etag: `"${createHash("sha256").update(body).digest("hex").slice(0, 32).toUpperCase()}"` };
}

function contentOf(registry: ResourceRegistry, path: string): object | undefined {
  const kinds = registry.all();
  if (path === "/openapi/v2") return openApiV2(kinds);
  const [, , , root, ...rest] = path.split("/");
  if (root === undefined) return openApiV3Index(kinds);
  if (root === "api" && rest.length === 1) return openApiV3("", rest[0] ?? "", kinds);
  if (root === "apis" && rest.length === 2) return openApiV3(rest[0] ?? "", rest[1] ?? "", kinds);
  return undefined;
}

async function send(
  request: HttpRequest,
  response: HttpResponse,
  query: URLSearchParams,
  { body, etag }: Document,
): Promise<void> {
  const accept = request.header("accept") ?? "*/*";
  // Clients that read only protobuf must hear that they get none, or they take JSON for it.
  if (!mediaRanges(accept).some(({ type }) => readable.includes(type)))
    throw notAcceptable("only the following media types are accepted: application/json");
  const headers = {
    "content-type": "application/json",
    etag,
    vary: "Accept, Accept-Encoding",
    // A path with the document's hash stands for that document for ever.
    "cache-control": query.has("hash") ? "public, immutable" : "no-cache, private",
  };
  if (request.header("if-none-match")?.includes(etag)) response.end(304, headers);
  else await sendBody(request, response, 200, headers, body, compressed);
}

import { createHash } from "node:crypto";
import { notAcceptable } from "../../api/index.ts";
import {
  openApiV2,
  openApiV2Protobuf,
  openApiV2ProtobufType,
  openApiV2ProtobufTypes,
  openApiV3,
  openApiV3Index,
} from "../openapi/index.ts";
import type { ResourceRegistry } from "../registry.ts";
import type { PathRoute } from "./handler.ts";
import type { HttpRequest, HttpResponse } from "./message.ts";
import { mediaRanges } from "./negotiation.ts";
import { sendBody } from "./writer.ts";

interface Document {
  readonly contentType: string;
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
    const asProtobuf = path === "/openapi/v2" && wantsProtobuf(request);
    const key = asProtobuf ? `${path} protobuf` : path;
    if (!documents.has(key)) documents.set(key, asProtobuf ? protobufDocument(registry) : jsonDocument(registry, path));
    const document = documents.get(key);
    if (!document) return false;
    await send(request, response, query, document);
    return true;
  };
}

function wantsProtobuf(request: HttpRequest): boolean {
  const types = mediaRanges(request.header("accept") ?? "*/*").map(({ type }) => type);
  const isProtobuf = (type: string) => openApiV2ProtobufTypes.includes(type);
  return types.find((type) => isProtobuf(type) || readable.includes(type)) !== undefined && types.some(isProtobuf);
}

function protobufDocument(registry: ResourceRegistry): Document {
  return document(openApiV2ProtobufType, openApiV2Protobuf(openApiV2(registry.all())));
}

function jsonDocument(registry: ResourceRegistry, path: string): Document | undefined {
  const value = contentOf(registry, path);
  return value && document("application/json", Buffer.from(JSON.stringify(value)));
}

function document(contentType: string, body: Uint8Array): Document {
  const hash = createHash("sha256").update(body).digest("hex").slice(0, 32).toUpperCase();
  return { contentType, body, etag: `"${hash}"` };
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
  { contentType, body, etag }: Document,
): Promise<void> {
  const accept = request.header("accept") ?? "*/*";
  // Clients that read only another form must hear that they get none, or they take JSON for it.
  if (contentType === "application/json" && !mediaRanges(accept).some(({ type }) => readable.includes(type)))
    throw notAcceptable("only the following media types are accepted: application/json");
  const headers = {
    "content-type": contentType,
    etag,
    vary: "Accept, Accept-Encoding",
    // A path with the document's hash stands for that document for ever.
    "cache-control": query.has("hash") ? "public, immutable" : "no-cache, private",
  };
  if (request.header("if-none-match")?.includes(etag)) response.end(304, headers);
  else await sendBody(request, response, 200, headers, body, compressed);
}

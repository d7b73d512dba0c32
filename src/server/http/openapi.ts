import { createHash } from "node:crypto";
import { notAcceptable } from "../../api/index.ts";
import { formatJson } from "../../lib/index.ts";
import {
  type ForeignDocument,
  mergeOpenApiV2,
  type OpenApiV3Document,
  openApiV2,
  openApiV2Protobuf,
  openApiV2ProtobufType,
  openApiV2ProtobufTypes,
  openApiV3,
  openApiV3Index,
  openApiV3Protobuf,
  openApiV3ProtobufType,
  openApiV3ProtobufTypes,
} from "../openapi/index.ts";
import type { ResourceRegistry } from "../registry.ts";
import type { ExtensionServers } from "./extension-servers.ts";
import type { PathRoute } from "./handler.ts";
import type { HttpRequest, HttpResponse } from "./message.ts";
import { mediaRanges } from "./negotiation.ts";
import { sendBody } from "./writer.ts";

interface Document {
  readonly contentType: string;
  readonly body: Uint8Array;
  readonly etag: string;
}

/** A document, and what other servers said when it was made. */
interface Kept {
  readonly others: readonly ForeignDocument[];
  readonly document: Document;
}

const readable = ["application/json", "application/*", "*/*"];
const compressed = new WeakMap<object, Promise<Uint8Array>>();

/** /openapi/v2, /openapi/v3 and what is below; documents are made when asked for and kept until the kinds change. */
export function openApiRoute(registry: ResourceRegistry, extensions: ExtensionServers | undefined): PathRoute {
  let generation = -1;
  const documents = new Map<string, Kept>();
  return async (request, response, query) => {
    const path = request.path.replace(/\/$/, "");
    if (path !== "/openapi/v2" && !/^\/openapi\/v3(?:\/|$)/.test(path)) return false;
    if (generation !== registry.generation) documents.clear();
    generation = registry.generation;
    const asProtobuf = path !== "/openapi/v3" && wantsProtobuf(request, path);
    const key = asProtobuf ? `${path} protobuf` : path;
    const isWhole = path === "/openapi/v2" || path === "/openapi/v3";
    const others = isWhole && extensions ? await extensions.openApi(path) : [];
    let kept = documents.get(key);
    if (!kept || !isSame(kept.others, others)) {
      const document = merged(registry, path, asProtobuf, others);
      if (!document) return false;
      kept = { others, document };
      documents.set(key, kept);
    }
    await send(request, response, query, kept.document);
    return true;
  };
}

function wantsProtobuf(request: HttpRequest, path: string): boolean {
  const types = mediaRanges(request.header("accept") ?? "*/*").map(({ type }) => type);
  const protobufTypes = path === "/openapi/v2" ? openApiV2ProtobufTypes : openApiV3ProtobufTypes;
  const isProtobuf = (type: string) => protobufTypes.includes(type);
  return types.find((type) => isProtobuf(type) || readable.includes(type)) !== undefined && types.some(isProtobuf);
}

function isSame(a: readonly ForeignDocument[], b: readonly ForeignDocument[]): boolean {
  return a.length === b.length && a.every(({ content }, at) => content === b[at]?.content);
}

function merged(
  registry: ResourceRegistry,
  path: string,
  asProtobuf: boolean,
  others: readonly ForeignDocument[],
): Document | undefined {
  try {
    return documentOf(registry, path, asProtobuf, others);
  } catch (error) {
    if (others.length === 0) throw error;
    // What one server says wrongly must not take from everybody what is served here and by all others.
    return documentOf(
      registry,
      path,
      asProtobuf,
      others.filter((each) => canBeTold(registry, path, asProtobuf, each)),
    );
  }
}

function canBeTold(registry: ResourceRegistry, path: string, asProtobuf: boolean, other: ForeignDocument): boolean {
  try {
    documentOf(registry, path, asProtobuf, [other]);
    return true;
  } catch {
    // Why is nobody's business but that server's.
    return false;
  }
}

function documentOf(
  registry: ResourceRegistry,
  path: string,
  asProtobuf: boolean,
  others: readonly ForeignDocument[],
): Document | undefined {
  if (path === "/openapi/v2") {
    const whole = mergeOpenApiV2(openApiV2(registry.all()), others);
    if (asProtobuf) return document(openApiV2ProtobufType, openApiV2Protobuf(whole));
    return document("application/json", Buffer.from(formatJson(whole)));
  }
  const json = (value: object) => document("application/json", Buffer.from(formatJson(value)));
  if (path === "/openapi/v3") return json(indexOf(registry, others));
  const content = contentOf(registry, path);
  if (!content) return undefined;
  return asProtobuf ? document(openApiV3ProtobufType, openApiV3Protobuf(content)) : json(content);
}

/** Each server's own index tells where the document of its group version is; this server passes the path on. */
function indexOf(registry: ResourceRegistry, others: readonly ForeignDocument[]): object {
  const { paths } = openApiV3Index(registry.all());
  const all: Record<string, object> = { ...paths };
  for (const { groupVersion, content } of others) {
    const theirs = (content as { readonly paths?: Readonly<Record<string, unknown>> }).paths; // looked at below
    const entry = theirs?.[`apis/${groupVersion}`] as { readonly serverRelativeURL?: unknown } | null | undefined; // too
    const url = entry?.serverRelativeURL;
    if (typeof url === "string" && /^\/(?!\/)/.test(url)) all[`apis/${groupVersion}`] = { serverRelativeURL: url };
  }
  return { paths: all };
}

function document(contentType: string, body: Uint8Array): Document {
  const hash = createHash("sha256").update(body).digest("hex").slice(0, 32).toUpperCase();
  return { contentType, body, etag: `"${hash}"` };
}

function contentOf(registry: ResourceRegistry, path: string): OpenApiV3Document | undefined {
  const kinds = registry.all();
  const [, , , root, ...rest] = path.split("/");
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

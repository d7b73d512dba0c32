import { promisify } from "node:util";
import { constants, gzip } from "node:zlib";
import { stringify } from "yaml";
import { encodeProtobuf, notAcceptable } from "../../api/index.ts";
import { type Awaitable, formatJson } from "../../lib/index.ts";
import type { HttpHeaders, HttpRequest, HttpResponse } from "./message.ts";
import type { Negotiated } from "./negotiation.ts";

const gzipBytes = promisify(gzip);
/** Answers up to this are not worth compressing; the figure is the one of Kubernetes. */
const plainBytesMax = 128 * 1024;

/** How an answer is encoded: what was negotiated, and whether the query or a person's client wants it readable. */
export interface Encoder {
  readonly negotiated: Negotiated;
  readonly pretty: boolean;
}

export function encoderOf(request: HttpRequest, negotiated: Negotiated, query: URLSearchParams): Encoder {
  const asked = query.get("pretty");
  const agent = request.header("user-agent") ?? "";
  const isPerson = asked === null && /^(?:curl|Wget|Mozilla\/5\.0)/.test(agent);
  return {
    negotiated,
    pretty: negotiated.pretty || isPerson || (asked !== null && asked !== "0" && asked !== "false"),
  };
}

/** The value as the client wants it. Throws 406 for protobuf of a kind that has no message. */
export function encode({ negotiated, pretty }: Encoder, value: object): string | Uint8Array {
  if (negotiated.encoding === "protobuf") return protobufOf(value);
  if (negotiated.encoding === "yaml") return stringify(value, { aliasDuplicateObjects: false });
  return pretty ? `${formatJson(value, 2)}\n` : `${formatJson(value)}\n`;
}

/** The body of an object. Throws 406 when its kind has no message. */
export function protobufOf(value: { readonly kind?: string; readonly apiVersion?: string }): Uint8Array {
  const body = encodeProtobuf(value);
  if (body) return body;
  const message = `object ${value.kind ?? "without a kind"} does not implement the protobuf marshalling interface and cannot be encoded to a protobuf message`;
  throw notAcceptable(message);
}

/**
 * Sends a body, compressed when it is large and the client can read that. Bodies that are sent again are compressed once
 * and kept in `compressed`.
 */
export function sendBody(
  request: HttpRequest,
  response: HttpResponse,
  status: number,
  headers: HttpHeaders,
  body: string | Uint8Array,
  compressed?: WeakMap<object, Promise<Uint8Array>>,
): Awaitable<void> {
  if (isCompressed(request, headers, body.length))
    return compress(body, compressed).then((bytes) => response.end(status, headers, bytes));
  response.end(status, headers, body);
}

/** Whether a body of this size is to be sent as gzip; the headers say so then. */
export function isCompressed(request: HttpRequest, headers: HttpHeaders, size: number): boolean {
  if (size <= plainBytesMax || !acceptsGzip(request)) return false;
  headers["content-encoding"] = "gzip";
  const vary = String(headers.vary ?? "");
  if (!vary.includes("Accept-Encoding")) headers.vary = vary === "" ? "Accept-Encoding" : `${vary}, Accept-Encoding`;
  return true;
}

function acceptsGzip(request: HttpRequest): boolean {
  return /\bgzip\b(?!\s*;\s*q=0(?:\.0*)?(?:,|$))/.test(request.header("accept-encoding") ?? "");
}

function compress(body: string | Uint8Array, known?: WeakMap<object, Promise<Uint8Array>>): Promise<Uint8Array> {
  const level = constants.Z_BEST_SPEED;
  if (typeof body === "string" || !known) return gzipBytes(body, { level });
  let bytes = known.get(body);
  if (!bytes) {
    bytes = gzipBytes(body, { level });
    known.set(body, bytes);
  }
  return bytes;
}

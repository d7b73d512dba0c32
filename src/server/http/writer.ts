import { promisify } from "node:util";
import { constants, gzip } from "node:zlib";
import { stringify } from "yaml";
import type { HttpHeaders, HttpRequest, HttpResponse } from "./message.ts";
import type { Negotiated } from "./negotiation.ts";

const gzipBytes = promisify(gzip);
/** Smaller answers are not worth compressing; the figure is the one of Kubernetes. */
const gzipBytesMin = 128 * 1024;

export const contentTypes = { json: "application/json", yaml: "application/yaml" } as const;

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

/** The value as the client wants it. */
export function encode({ negotiated, pretty }: Encoder, value: unknown): string {
  if (negotiated.encoding === "yaml") return stringify(value, { aliasDuplicateObjects: false });
  return pretty ? `${JSON.stringify(value, null, 2)}\n` : `${JSON.stringify(value)}\n`;
}

/**
 * Sends a body, compressed when it is large and the client can read that. Bodies that are sent again are compressed once
 * and kept in `compressed`.
 */
export async function sendBody(
  request: HttpRequest,
  response: HttpResponse,
  status: number,
  headers: HttpHeaders,
  body: string | Uint8Array,
  compressed?: WeakMap<object, Promise<Uint8Array>>,
): Promise<void> {
  if (isCompressed(request, headers, body.length)) response.end(status, headers, await compress(body, compressed));
  else response.end(status, headers, body);
}

/** Whether a body of this size is to be sent as gzip; the headers say so then. */
export function isCompressed(request: HttpRequest, headers: HttpHeaders, size: number): boolean {
  if (size < gzipBytesMin || !acceptsGzip(request)) return false;
  headers["content-encoding"] = "gzip";
  headers.vary = "Accept-Encoding";
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

import type { ApiError, KubeObject } from "../../api/index.ts";
import { errorMessage, type Logger } from "../../lib/index.ts";
import { objectListOf } from "../pipeline/list.ts";
import type { ServedEvent } from "../pipeline/watch.ts";
import type { ServedList, ServedObject, ServedWatch } from "../served-response.ts";
import { ListBody } from "./list-body.ts";
import type { HttpHeaders, HttpRequest, HttpResponse } from "./message.ts";
import { toApiError } from "./status.ts";
import type { Transform } from "./transform.ts";
import { contentTypes, type Encoder, encode, isCompressed, sendBody } from "./writer.ts";

/** One request's answer: where it goes, and in which form. */
export interface Answer {
  readonly request: HttpRequest;
  readonly response: HttpResponse;
  readonly encoder: Encoder;
  /** Set when something else than the objects themselves was asked for. */
  readonly transform: Transform | undefined;
  readonly log: Logger;
}

/** Whether stored bytes can be sent as they are. */
const isPlain = ({ encoder, transform }: Answer) =>
  !transform && !encoder.pretty && encoder.negotiated.encoding === "json";

export function headersOf({ encoder }: Answer, warnings: readonly string[]): HttpHeaders {
  const headers: HttpHeaders = {
    "content-type": contentTypes[encoder.negotiated.encoding],
    "cache-control": "no-cache, private",
  };
  if (warnings.length > 0) headers.warning = warnings.map(warningValue);
  return headers;
}

function watchHeaders(warnings: readonly string[]): HttpHeaders {
  const headers: HttpHeaders = { "content-type": contentTypes.json, "cache-control": "no-cache, private" };
  if (warnings.length > 0) headers.warning = warnings.map(warningValue);
  return headers;
}

/** RFC 7234 section 5.5, with 299 for miscellaneous persistent warnings. */
function warningValue(sentence: string): string {
  // Header values hold no control characters, and what is beyond Latin-1 cannot be sent.
  const printable = sentence.replace(/[^\x20-\x7e\xa0-\xff]/g, "?");
  return `299 - "${printable.replace(/[\\"]/g, (char) => `\\${char}`)}"`;
}

export async function sendObject(answer: Answer, { code, object, stored, warnings }: ServedObject): Promise<void> {
  const { request, response, encoder, transform } = answer;
  const headers = headersOf(answer, warnings);
  if (stored && isPlain(answer)) return sendBody(request, response, code, headers, stored.bytes);
  const value = transform ? transform.object(object as KubeObject) : object; // transforms are only for resources
  return sendBody(request, response, code, headers, encode(encoder, value));
}

export async function sendList(answer: Answer, { page, warnings }: ServedList): Promise<void> {
  const { request, response, encoder, transform } = answer;
  const headers = headersOf(answer, warnings);
  if (!isPlain(answer)) {
    const value = transform ? transform.list(page) : objectListOf(page);
    return sendBody(request, response, 200, headers, encode(encoder, value));
  }
  const { kind, apiVersion, metadata, items, shared } = page;
  const head = JSON.stringify({ kind, apiVersion, metadata, items: [] }).slice(0, -2);
  const body = ListBody.of(items, shared);
  if (isCompressed(request, headers, body.bytes.length)) response.end(200, headers, ...(await body.gzip(head)));
  else response.end(200, headers, head, body.bytes);
}

const frameEnd = bytesOf("}\n");
const frameStarts = {
  ADDED: bytesOf('{"type":"ADDED","object":'),
  MODIFIED: bytesOf('{"type":"MODIFIED","object":'),
  DELETED: bytesOf('{"type":"DELETED","object":'),
};

/** Streams the events, always as JSON, until the watch ends or the client is gone. */
export async function sendWatch(answer: Answer, watch: ServedWatch): Promise<void> {
  const writer = answer.response.start(200, watchHeaders(watch.warnings));
  try {
    for await (const batch of watch.batches) {
      const room = writer.write(framesOf(answer, batch));
      if (room) await room;
    }
  } catch (error) {
    if (!answer.request.signal.aborted) {
      const what = `watch ${answer.request.path}`;
      const status = toApiError(error, answer.log, what).status;
      await writer.write(`${JSON.stringify({ type: "ERROR", object: status })}\n`)?.catch((cause: unknown) => {
        answer.log.debug("a watcher left before it was told of an error", { error: errorMessage(cause) });
      });
    }
  }
  writer.end();
}

/** A watch that cannot start is answered as one that fails at once: that is how clients expect a 410. */
export function sendFailedWatch(answer: Answer, error: ApiError): void {
  const writer = answer.response.start(200, watchHeaders([]));
  void writer.write(`${JSON.stringify({ type: "ERROR", object: error.status })}\n`);
  writer.end();
}

function framesOf({ transform }: Answer, batch: readonly ServedEvent[]): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const event of batch) {
    const isBookmark = event.type === "BOOKMARK";
    if (transform || isBookmark) {
      const object = isBookmark ? event.object : event.stored.object;
      const shown = transform ? transform.event(object, isBookmark) : object;
      parts.push(bytesOf(`${JSON.stringify({ type: event.type, object: shown })}\n`));
    } else parts.push(frameStarts[event.type], event.stored.bytes, frameEnd);
  }
  return Buffer.concat(parts);
}

function bytesOf(text: string): Uint8Array {
  return Buffer.from(text);
}

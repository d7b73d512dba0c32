import { type ApiError, type KubeObject, protobufListHead, type Status } from "../../api/index.ts";
import { type Awaitable, errorMessage, type Logger } from "../../lib/index.ts";
import { type ListPage, objectListOf } from "../pipeline/list.ts";
import type { ServedEvent } from "../pipeline/watch.ts";
import type { ServedList, ServedObject, ServedWatch } from "../served-response.ts";
import { type ItemType, ListBody, type SharedEncoding, withoutType } from "./list-body.ts";
import { type BodyWriter, type HttpHeaders, type HttpRequest, type HttpResponse, sizeOf } from "./message.ts";
import { contentTypes } from "./negotiation.ts";
import { toApiError } from "./status.ts";
import { protobufBody } from "./stored-messages.ts";
import type { Transform } from "./transform.ts";
import { jsonFrames, protobufFrames, protobufMessages, SharedFrames, type WatchFrames } from "./watch-frames.ts";
import { type Encoder, encode, isCompressed, sendBody } from "./writer.ts";

/** One request's answer: where it goes, and in which form. */
export interface Answer {
  readonly request: HttpRequest;
  readonly response: HttpResponse;
  readonly encoder: Encoder;
  /** Set when something else than the objects themselves was asked for. */
  readonly transform: Transform | undefined;
  readonly log: Logger;
  /** What the items of a list are that do not say it: those of Kubernetes' own kinds. */
  readonly itemType?: ItemType | undefined;
  /** Told of what a watch sends. */
  readonly sent?: { readonly events: { add(count: number): void }; readonly bytes: { add(count: number): void } };
}

/** The encoding in which stored objects are sent as they are; undefined when they have to be encoded for this answer. */
function sharedEncoding({ encoder, transform }: Answer): SharedEncoding | undefined {
  const { encoding } = encoder.negotiated;
  if (transform || encoding === "yaml") return undefined;
  return encoding === "json" && encoder.pretty ? undefined : encoding;
}

export function headersOf({ encoder }: Answer, warnings: readonly string[]): HttpHeaders {
  return headersWith(contentTypes[encoder.negotiated.encoding], warnings);
}

function headersWith(contentType: string, warnings: readonly string[]): HttpHeaders {
  return { "content-type": contentType, "cache-control": "no-cache, private", ...warningHeader(warnings) };
}

/** What the sentences of one answer may have together; when they have more, each is cut (filters/warning.go, in runes). */
const warningsLengthMax = 4096;
const cutWarningLength = 256;

export function warningHeader(warnings: readonly string[]): HttpHeaders {
  return warnings.length > 0 ? { warning: shortened(warnings).map(warningValue) } : {};
}

function shortened(warnings: readonly string[]): readonly string[] {
  if (warnings.reduce((sum, { length }) => sum + length, 0) <= warningsLengthMax) return warnings;
  const cut: string[] = [];
  let length = 0;
  for (const sentence of warnings) {
    if (length >= warningsLengthMax) break;
    cut.push(sentence.slice(0, cutWarningLength));
    length += Math.min(sentence.length, cutWarningLength);
  }
  return cut;
}

/** RFC 7234 section 5.5, with 299 for miscellaneous persistent warnings. */
function warningValue(sentence: string): string {
  // Header values hold no control characters.
  const printable = sentence.replace(/\p{Cc}/gu, "?");
  const quoted = `299 - "${printable.replace(/[\\"]/g, (char) => `\\${char}`)}"`;
  // Clients read UTF-8, and what Node writes as Latin-1 arrives as that.
  return Buffer.from(quoted, "utf8").toString("latin1");
}

export function sendObject(answer: Answer, { code, object, stored, warnings }: ServedObject): Awaitable<void> {
  const { request, response, encoder, transform } = answer;
  const headers = headersOf(answer, warnings);
  const encoding = sharedEncoding(answer);
  if (stored && encoding === "json") return sendBody(request, response, code, headers, stored.bytes);
  if (stored && encoding === "protobuf")
    return sendBody(request, response, code, headers, Buffer.concat(protobufBody(stored)));
  const value = transform ? transform.object(object as KubeObject) : object; // transforms are only for resources
  return sendBody(request, response, code, headers, encode(encoder, value));
}

export async function sendList(answer: Answer, { page, warnings }: ServedList): Promise<void> {
  const { request, response, encoder, transform, itemType } = answer;
  const headers = headersOf(answer, warnings);
  const encoding = sharedEncoding(answer);
  if (!encoding) {
    const list = transform ? transform.list(page) : objectListOf(page);
    const isTyped = transform !== undefined || itemType === undefined;
    const value = isTyped ? list : { ...list, items: page.items.map(({ object }) => withoutType(object)) };
    return sendBody(request, response, 200, headers, encode(encoder, value));
  }
  if (!ListBody.isKept(page.items, page.shared, encoding) && request.method !== "HEAD") {
    const parts = ListBody.partsOf(page.items, encoding, itemType);
    const bytes = sizeOf(parts);
    if (bytes > pieceBytesMax && !isCompressed(request, {}, bytes))
      return sendPieces(response, headers, [listHead(page, encoding, bytes), ...parts]);
  }
  const body = ListBody.of(page.items, page.shared, encoding, itemType);
  const head = listHead(page, encoding, body.bytes.length);
  const size = head.length + body.bytes.length;
  if (isCompressed(request, headers, size)) response.end(200, headers, ...(await body.gzip(head)));
  else response.end(200, headers, head, body.bytes);
}

/** A list that nobody else asks for lies here for as long as its client takes to read it, as its items and no copy of them. */
async function sendPieces(response: HttpResponse, headers: HttpHeaders, parts: readonly Uint8Array[]): Promise<void> {
  const writer = response.start(200, { ...headers, "content-length": sizeOf(parts) });
  for (const chunk of gathered(parts)) await writer.write(chunk);
  writer.end();
}

function listHead(page: ListPage, encoding: SharedEncoding, itemsLength: number): Uint8Array {
  if (encoding === "protobuf") return protobufListHead(page, itemsLength);
  const { kind, apiVersion, metadata } = page;
  return Buffer.from(JSON.stringify({ kind, apiVersion, metadata, items: [] }).slice(0, -2));
}

/** Streams the events until the watch ends or the client is gone. */
export async function sendWatch(answer: Answer, watch: ServedWatch): Promise<void> {
  const frames = framesFor(answer);
  const shared = sharedFramesFor(answer);
  const writer = answer.response.start(200, headersWith(frames.contentType, watch.warnings));
  // A client that does not read would hold the watch for as long as it likes.
  const giveUp = () => writer.abort();
  try {
    for await (const batch of watch.batches)
      for (let at = 0; at < batch.length; ) {
        const piece = pieceOf(batch, at, (event) => frameOf(answer, frames, shared, event));
        at += piece.frames.length;
        answer.sent?.events.add(piece.frames.length);
        answer.sent?.bytes.add(piece.bytes);
        const room = writeAll(answer, writer, piece.frames);
        if (!room) continue;
        watch.over.addEventListener("abort", giveUp);
        await room;
        watch.over.removeEventListener("abort", giveUp);
      }
  } catch (error) {
    if (!answer.request.signal.aborted) {
      const what = `watch ${answer.request.path}`;
      const status = toApiError(error, answer.log, what).status;
      await tell(answer, writer, errorFrame(frames, status));
    }
  }
  writer.end();
}

/** A watch that cannot start is answered as one that fails at once: that is how clients expect a 410. */
export function sendFailedWatch(answer: Answer, error: ApiError): void {
  const frames = framesFor(answer);
  const writer = answer.response.start(200, headersWith(frames.contentType, []));
  void tell(answer, writer, errorFrame(frames, error.status));
  writer.end();
}

async function tell({ log }: Answer, writer: BodyWriter, frame: Uint8Array): Promise<void> {
  await writer.write(frame)?.catch((cause: unknown) => {
    log.debug("a watcher left before it was told of an error", { error: errorMessage(cause) });
  });
}

/** One event as it is sent; the bytes of large objects are those that all watchers share. */
type Frame = readonly Uint8Array[];

/** What is sent at once: all of it waits in memory for a client that does not read, for every client apart. */
const pieceBytesMax = 64 * 1024;
/** An object that is larger than this is not copied for each who watches it. */
const copiedBytesMax = 16 * 1024;

/** The frames of the events from a place on, as many as one piece holds, and at least one. */
function pieceOf(
  batch: readonly ServedEvent[],
  from: number,
  frameOf: (event: ServedEvent) => Frame,
): { readonly frames: readonly Frame[]; readonly bytes: number } {
  const frames: Frame[] = [];
  let bytes = 0;
  for (let at = from; at < batch.length && bytes < pieceBytesMax; at++) {
    const frame = frameOf(batch[at]!);
    frames.push(frame);
    bytes += sizeOf(frame);
  }
  return { frames, bytes };
}

/** What streams goes out in one piece but for what is large, messages one by one. */
function writeAll({ response }: Answer, writer: BodyWriter, frames: readonly Frame[]): Promise<void> | undefined {
  // Most often there is one event, whose frame all share.
  const chunks = frames.length === 1 && frames[0]!.length === 1 ? frames[0]! : chunksOf(response, frames);
  if (chunks.length === 1) return writer.write(chunks[0]!);
  const rooms = chunks.map((chunk) => writer.write(chunk)).filter((room) => room !== undefined);
  return rooms.length === 0 ? undefined : Promise.all(rooms).then(() => undefined);
}

function chunksOf({ isMessages }: HttpResponse, frames: readonly Frame[]): readonly Uint8Array[] {
  return isMessages ? frames.map(joined) : [...gathered(frames.flat())];
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
}

/** The parts, those that are small together as far as one piece holds them: copied once, for most are commas and braces. */
function* gathered(parts: readonly Uint8Array[]): Generator<Uint8Array> {
  const isSmall = ({ length }: Uint8Array) => length <= copiedBytesMax;
  let left = 0;
  for (const part of parts) if (isSmall(part)) left += part.length;
  let piece = noBytes;
  let used = 0;
  for (const part of parts) {
    if (used > 0 && (!isSmall(part) || used + part.length > piece.length)) {
      yield piece.subarray(0, used);
      piece = noBytes;
      used = 0;
    }
    if (!isSmall(part)) yield part;
    else {
      if (used === 0) piece = Buffer.allocUnsafe(Math.min(left, pieceBytesMax));
      if (part.length === 1) piece[used] = part[0]!;
      else piece.set(part, used);
      used += part.length;
      left -= part.length;
    }
  }
  if (used > 0) yield piece.subarray(0, used);
}

const noBytes = new Uint8Array(0);

function framesFor({ encoder, response }: Answer): WatchFrames {
  if (encoder.negotiated.encoding !== "protobuf") return jsonFrames;
  return response.isMessages ? protobufMessages : protobufFrames;
}

function errorFrame(frames: WatchFrames, status: Status): Uint8Array {
  return Buffer.concat(frames.object("ERROR", status));
}

/** For each form that watchers share, the frames of its latest events. */
const sharedFrames = new Map<string, SharedFrames>();

/** undefined when the answer's frames are its own. */
function sharedFramesFor({ encoder, response, transform }: Answer): SharedFrames | undefined {
  const form = transform ? transform.eventForm : "object";
  // Few watch over WebSockets, whose frames may differ.
  if (form === undefined || response.isMessages) return undefined;
  return sharedFrames.getOrInsertComputed(`${encoder.negotiated.encoding} ${form}`, () => new SharedFrames());
}

function frameOf(
  { transform }: Answer,
  frames: WatchFrames,
  shared: SharedFrames | undefined,
  event: ServedEvent,
): Frame {
  if (event.type === "BOOKMARK")
    return frames.object("BOOKMARK", transform ? transform.event(event.object, true) : event.object);
  const { type, stored } = event;
  const make = () =>
    transform ? frames.object(type, transform.event(stored.object, false)) : frames.stored(type, stored);
  const isCopied = transform !== undefined || stored.bytes.length <= copiedBytesMax;
  return shared && isCopied ? [shared.of(type, stored, make)] : make();
}

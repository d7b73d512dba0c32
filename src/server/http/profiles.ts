import { badRequest, methodNotAllowed, tooManyRequests } from "../../api/index.ts";
import type { PathRoute } from "./handler.ts";
import type { HttpResponse } from "./message.ts";

/** Looks into the process that serves. */
export interface Profiler {
  /** What the processor did for so long, as V8's .cpuprofile; the signal ends it early. */
  cpuProfile(durationMs: number, signal: AbortSignal): Promise<string>;
  /** The objects in memory, as V8's .heapsnapshot. The process stands still while it is taken. */
  heapSnapshot(): AsyncIterable<string | Uint8Array>;
}

const prefix = "/debug/pprof";
const secondsDefault = 30;
/** A request ends after a minute; the profile has to be sent then. */
const secondsMax = 50;

const index = `Profiles of this process, in the formats of V8: open them with the developer tools of a browser.

${prefix}/profile?seconds=${secondsDefault}   what the processor does meanwhile (.cpuprofile)
${prefix}/heap                 the objects in memory (.heapsnapshot); the server stands still while it is taken
`;

/** /debug/pprof: for who may get these paths. One profile is taken at a time. */
export function profileRoute(profiler: Profiler): PathRoute {
  let isBusy = false;
  return async (request, response, query) => {
    const path = request.path.replace(/\/$/, "");
    const name = path.slice(prefix.length + 1);
    if (path !== prefix && !(path.startsWith(`${prefix}/`) && (name === "profile" || name === "heap"))) return false;
    if (request.method !== "GET") throw methodNotAllowed();
    if (path === prefix) {
      response.end(200, { "content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff" }, index);
      return true;
    }
    const seconds = secondsOf(query);
    if (isBusy) throw tooManyRequests("another profile is being taken", seconds);
    isBusy = true;
    try {
      if (name === "heap") await sendHeap(profiler, response);
      else response.end(200, attachment("cpuprofile"), await profiler.cpuProfile(seconds * 1000, request.signal));
    } finally {
      isBusy = false;
    }
    return true;
  };
}

function secondsOf(query: URLSearchParams): number {
  const text = query.get("seconds") ?? "";
  if (text === "") return secondsDefault;
  const seconds = Number(text);
  if (!/^\d+$/.test(text) || seconds < 1 || seconds > secondsMax)
    throw badRequest(`seconds must be a whole number from 1 to ${secondsMax}`);
  return seconds;
}

async function sendHeap(profiler: Profiler, response: HttpResponse): Promise<void> {
  const writer = response.start(200, attachment("heapsnapshot"));
  try {
    for await (const chunk of profiler.heapSnapshot()) {
      const room = writer.write(chunk);
      if (room) await room;
    }
  } catch (error) {
    writer.abort();
    throw error;
  }
  writer.end();
}

function attachment(extension: string) {
  return {
    "content-type": "application/octet-stream",
    "content-disposition": `attachment; filename="server.${extension}"`,
    "cache-control": "no-cache, private",
  };
}

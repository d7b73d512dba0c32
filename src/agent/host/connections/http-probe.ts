import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { type Clock, dialError } from "../../../lib/index.ts";
import type { HttpProbe, ProbeResult } from "../../host.ts";

const redirectsMax = 10;
/** What is read of an answer, and how much of it goes into an event (the kubelet's maxRespBodyLength). */
const bodyBytesMax = 10 * 1_024;

interface Answer {
  readonly code: number;
  readonly location: string | undefined;
  readonly body: string;
}

/** Success is a code from 200 to 399; redirects are followed on the same host, those to others count as success. */
export async function probeHttp(
  probe: HttpProbe,
  timeoutMs: number,
  clock: Clock,
  signal?: AbortSignal,
): Promise<ProbeResult> {
  const timeout = new AbortController();
  const timer = clock.setTimer(timeoutMs, () => timeout.abort());
  const ended = signal ? AbortSignal.any([timeout.signal, signal]) : timeout.signal;
  let url = urlOf(probe);
  try {
    for (let redirects = 0; ; redirects++) {
      const { code, location, body } = await get(url, probe.headers, ended);
      const next = code >= 300 && code < 400 && location !== undefined ? new URL(location, url) : undefined;
      if (next && next.hostname === url.hostname) {
        if (redirects === redirectsMax) {
          return { success: false, answered: true, output: `Get "${next}": stopped after ${redirectsMax} redirects` };
        }
        url = next;
        continue;
      }
      if (code >= 300 && code < 400) {
        return {
          success: true,
          answered: true,
          warning: true,
          output: `Probe terminated redirects, Response body: ${body}`,
        };
      }
      if (code >= 200 && code < 300) return { success: true, answered: true, output: body };
      return { success: false, answered: true, output: `HTTP probe failed with statuscode: ${code}` };
    }
  } catch (error) {
    signal?.throwIfAborted();
    const why = timeout.signal.aborted
      ? "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
      : dialError(error, probe.host, probe.port);
    return { success: false, output: `Get "${url}": ${why}` };
  } finally {
    timer.cancel();
  }
}

function urlOf({ scheme, host, port, path }: HttpProbe): URL {
  const name = host.includes(":") && !host.startsWith("[") ? `[${host}]` : host;
  return new URL(path.startsWith("/") ? path : `/${path}`, `${scheme}://${name}:${port}`);
}

function get(url: URL, headers: HttpProbe["headers"], signal: AbortSignal): Promise<Answer> {
  // Node adds no Host to headers that are given as a list, and servers refuse a request without one (RFC 9112, 3.2).
  const hasHost = headers.some(({ name }) => name.toLowerCase() === "host");
  const sent = hasHost ? headers : [{ name: "Host", value: url.host }, ...headers];
  return new Promise((resolve, reject) => {
    const options = {
      // Each probe is a connection of its own, as a client's would be.
      agent: false,
      method: "GET",
      headers: sent.flatMap(({ name, value }) => [name, value]),
      signal,
    };
    const onAnswer = (answer: IncomingMessage) =>
      readBody(answer).then((body) => resolve(answerOf(answer, body)), reject);
    const started =
      url.protocol === "https:"
        ? httpsRequest(url, { ...options, rejectUnauthorized: false }, onAnswer)
        : httpRequest(url, options, onAnswer);
    started.once("error", reject);
    started.end();
  });
}

async function readBody(answer: IncomingMessage): Promise<string> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of answer as AsyncIterable<Uint8Array>) {
    parts.push(part);
    length += part.length;
    if (length >= bodyBytesMax) break;
  }
  answer.destroy();
  return new TextDecoder().decode(Buffer.concat(parts).subarray(0, bodyBytesMax));
}

function answerOf({ statusCode = 0, headers }: IncomingMessage, body: string): Answer {
  return { code: statusCode, location: headers.location, body };
}

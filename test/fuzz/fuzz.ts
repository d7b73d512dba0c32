// Sends requests of every shape to a whole control plane over HTTPS and judges the answers.
import { readFileSync } from "node:fs";
import { Agent, request as httpsRequest } from "node:https";
import { parse } from "yaml";
import { errorMessage, seededRandom } from "../../src/lib/index.ts";
import type { ServedControlPlane } from "../served-control-plane.ts";
import { anyRequest, Corpus, type FuzzRequest } from "./requests.ts";

export interface FuzzOptions {
  readonly seed: number;
  readonly requests: number;
  /** Told every thousand requests. */
  readonly progress?: (sent: number) => void;
}

/** Something that must not happen, with the request that made it happen. */
export interface Finding {
  readonly what: string;
  readonly request: string;
}

const atOnce = 16;
/** Longer than any answer may take on a busy machine, a watch of one second included. */
const answerMsMax = 30_000;
const findingsMax = 20;

export interface FuzzResult {
  /** What was wrong, at most `findingsMax`. */
  readonly findings: readonly Finding[];
  /** How often each code was answered: requests that are all refused for the same reason would find nothing. */
  readonly codes: ReadonlyMap<number, number>;
}

/** Sends them all, `atOnce` at a time. */
export async function fuzz(plane: ServedControlPlane, { seed, requests, progress }: FuzzOptions): Promise<FuzzResult> {
  const send = connect(plane.kubeconfig);
  const random = seededRandom(seed);
  const corpus = new Corpus();
  const findings: Finding[] = [];
  const codes = new Map<number, number>();
  let sent = 0;
  const sender = async () => {
    while (sent < requests && findings.length < findingsMax) {
      sent++;
      if (sent % 1_000 === 0) progress?.(sent);
      const request = anyRequest(random, corpus);
      const what = await send(request).then(
        (answer) => {
          codes.set(answer.code, (codes.get(answer.code) ?? 0) + 1);
          return judge(request, answer, corpus);
        },
        (error: unknown) => `no answer: ${errorMessage(error)}`,
      );
      if (what !== undefined) findings.push({ what, request: described(request) });
    }
  };
  await Promise.all(Array.from({ length: atOnce }, sender));
  send.close();
  return { findings, codes };
}

interface Answer {
  readonly code: number;
  readonly type: string;
  readonly body: Buffer;
}

function judge(request: FuzzRequest, { code, type, body }: Answer, corpus: Corpus): string | undefined {
  const asksForTimeout = /[?&]timeout=/.test(request.path);
  if (code >= 500 && !(code === 504 && (asksForTimeout || /resourceVersion=/.test(request.path))))
    return `answered ${code}: ${body.toString().slice(0, 500)}`;
  if (!type.startsWith("application/json")) return undefined;
  if (request.method === "HEAD" || /[?&]watch=/.test(request.path)) return undefined;
  const value = JSON.parse(body.toString()) as Record<string, unknown>; // throws for what is no JSON, and is found
  if (code >= 400) {
    const isStatus =
      value.kind === "Status" && value.status === "Failure" && value.code === code && value.message !== "";
    return isStatus ? undefined : `answered ${code} without a Status: ${body.toString().slice(0, 300)}`;
  }
  const plural = /\/([a-z]+)(?:\/[^/?]*)?(?:\?|$)/.exec(request.path)?.[1];
  if (plural && typeof value.metadata === "object" && value.kind !== "Status" && value.items === undefined)
    corpus.add(plural, value);
  return undefined;
}

function described({ method, path, headers, body }: FuzzRequest): string {
  const text = body === undefined ? "" : ` ${body.length > 2_000 ? `${body.subarray(0, 2_000)}…` : body}`;
  return `${method} ${path} ${JSON.stringify(headers)}${text}`;
}

function connect(kubeconfig: string) {
  const { clusters, users } = parse(readFileSync(kubeconfig, "utf8")) as {
    readonly clusters: readonly [{ readonly cluster: Record<string, string> }];
    readonly users: readonly [{ readonly user: Record<string, string> }];
  };
  const { server, "certificate-authority-data": ca } = clusters[0].cluster;
  const { "client-certificate-data": cert, "client-key-data": key } = users[0].user;
  const plain = (base64: string | undefined) => Buffer.from(base64 ?? "", "base64");
  const agent = new Agent({ ca: plain(ca), cert: plain(cert), key: plain(key), keepAlive: true, maxSockets: atOnce });
  const { hostname, port } = new URL(server!);
  const send = ({ method, path, headers, body }: FuzzRequest) =>
    new Promise<Answer>((resolve, reject) => {
      const length = body === undefined ? {} : { "content-length": body.length };
      const sent = httpsRequest(
        { agent, hostname, port, method, path, headers: { ...headers, ...length }, timeout: answerMsMax },
        (response) => {
          const chunks: Buffer[] = [];
          response.on("data", (chunk: Buffer) => chunks.push(chunk));
          response.on("error", reject);
          response.on("end", () => {
            const type = response.headers["content-type"] ?? "";
            resolve({ code: response.statusCode ?? 0, type, body: Buffer.concat(chunks) });
          });
        },
      );
      sent.on("timeout", () => sent.destroy(new Error(`nothing within ${answerMsMax} ms`)));
      sent.on("error", reject);
      sent.end(body);
    });
  return Object.assign(send, { close: () => agent.destroy() });
}

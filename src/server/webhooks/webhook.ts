import { Services } from "../../api/index.ts";
import { canonicalAddress } from "../../lib/index.ts";
import type { Lookup } from "../lookup.ts";
import { AnswerError } from "./answer-error.ts";

/** How a configuration names a webhook: by URL or by Service. */
export interface WebhookClientConfig {
  readonly url?: string;
  readonly service?: {
    readonly namespace?: string;
    readonly name?: string;
    readonly path?: string;
    readonly port?: number;
  };
  /** The certificates that the webhook's own is checked with, as base64 of PEM; the machine's when left out. */
  readonly caBundle?: string;
}

/** One POST of JSON over TLS, or a GET when there is no body. */
export interface WebhookRequest {
  /** What is asked for; its host is the name that the certificate must have. */
  readonly url: string;
  /** Whom to connect to, when the name of the URL is none that the machine can resolve. */
  readonly address?: { readonly host: string; readonly port: number };
  /** PEM. */
  readonly authority?: string;
  /** What the server proves itself with; PEM. */
  readonly client?: { readonly certificate: string; readonly privateKey: string };
  /** The Authorization header. */
  readonly authorization?: string;
  readonly body?: unknown;
  /** What is answered; JSON when left out. */
  readonly answers?: "text";
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

/**
 * Sends the request and gives the JSON, or the text, of a successful answer; rejects with an Error that says what went
 * wrong, an AnswerError where there is another answer.
 */
export type WebhookCaller = (request: WebhookRequest) => Promise<unknown>;

/** What the server knows of webhooks: where Services are, and who connects. */
export interface Webhooks {
  readonly lookup: Lookup;
  readonly call: WebhookCaller;
}

const httpsPort = 443;

/**
 * Sends `body` to the webhook and gives its answer. With their causes, errors read as those of Go's HTTP client:
 * `Post "https://hook.shop.svc:443/convert?timeout=30s": dial tcp 10.43.0.7:443: connect: connection refused`.
 */
export async function callWebhook(
  { lookup, call }: Webhooks,
  config: WebhookClientConfig,
  body: unknown,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<unknown> {
  const url = `${urlOf(config)}?timeout=${Math.ceil(timeoutMs / 1000)}s`;
  try {
    const address = addressOf(lookup, config);
    return await call({
      url,
      body,
      timeoutMs,
      ...(address ? { address } : {}),
      ...(config.caBundle ? { authority: atob(config.caBundle) } : {}),
      ...(signal ? { signal } : {}),
    });
  } catch (error) {
    if (error instanceof AnswerError) throw error;
    throw new Error(`Post ${JSON.stringify(url)}`, { cause: error });
  }
}

function urlOf({ url, service = {} }: WebhookClientConfig): string {
  if (url !== undefined) return url;
  const { name = "", namespace = "", path = "", port = httpsPort } = service;
  return `https://${name}.${namespace}.svc:${port}${path.startsWith("/") ? path : `/${path}`}`;
}

/** Services are reached at their cluster IP, and external ones by their name, as k8s.io/apiserver/pkg/util/proxy has it. */
function addressOf(lookup: Lookup, { service }: WebhookClientConfig) {
  if (!service) return undefined;
  const { name = "", namespace = "", port = httpsPort } = service;
  const found = lookup.get(Services, namespace, name);
  if (!found) throw new Error(`service ${JSON.stringify(name)} not found`);
  const { type, clusterIP, externalName, ports = [] } = found.spec;
  if (type === "ExternalName") return { host: externalName ?? "", port };
  if (!clusterIP || clusterIP === "None") throw new Error(`no cluster IP for service ${JSON.stringify(name)}`);
  if (!ports.some((each) => each.port === port))
    throw new Error(`no service port ${port} found for service ${JSON.stringify(name)}`);
  return { host: canonicalAddress(clusterIP) ?? clusterIP, port };
}

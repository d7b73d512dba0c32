/** The few requests that the operator sends, with what every pod is given: an address, a token and a certificate. */
import { readFileSync } from "node:fs";

const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = process.env;
const tokenFile = "/var/run/secrets/kubernetes.io/serviceaccount/token";

export interface WatchEvent<T> {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";
  readonly object: T;
}

/** Sends a request. Node trusts the cluster's certificate because of NODE_EXTRA_CA_CERTS in the Deployment. */
async function send(method: string, path: string, body?: object): Promise<Response> {
  const response = await fetch(`https://${host}:${port}${path}`, {
    method,
    headers: {
      // Tokens are renewed in their file.
      Authorization: `Bearer ${readFileSync(tokenFile, "utf8")}`,
      ...(body ? { "Content-Type": method === "PATCH" ? patchType(body) : "application/json" } : {}),
    },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  return response;
}

/** What names its kind is applied; anything else is merged. */
function patchType(body: object): string {
  return "kind" in body ? "application/apply-patch+yaml" : "application/merge-patch+json";
}

export async function get<T>(path: string): Promise<T> {
  return (await (await send("GET", path)).json()) as T;
}

/** Server-side apply: makes the object, or changes what this operator has said of it before. */
export async function apply(path: string, object: object): Promise<void> {
  await send("PATCH", `${path}?fieldManager=greetings&force=true`, object);
}

export async function mergeStatus(path: string, status: object): Promise<void> {
  await send("PATCH", `${path}/status?fieldManager=greetings`, { status });
}

/** The events of a collection until the server ends the watch, which it does every few minutes. */
export async function* watch<T>(path: string): AsyncGenerator<WatchEvent<T>> {
  const response = await send("GET", `${path}?watch=true`);
  if (!response.body) return;
  let rest = "";
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) yield JSON.parse(line) as WatchEvent<T>;
  }
}

/** What a failed connection is called in Kubernetes' messages, which are those of Go's net package. */
export function dialError(error: unknown, host: string, port: number): string {
  const address = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const reason = reasons[code];
  if (reason !== undefined) return `dial tcp ${address}: connect: ${reason}`;
  // What OpenSSL makes of an answer that is not encrypted.
  if (code.startsWith("ERR_SSL_") || code === "EPROTO") return "http: server gave HTTP response to HTTPS client";
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") return `dial tcp: lookup ${host}: no such host`;
  return `dial tcp ${address}: ${error instanceof Error ? error.message : String(error)}`;
}

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  EHOSTUNREACH: "no route to host",
  ENETUNREACH: "network is unreachable",
  ECONNRESET: "connection reset by peer",
  ETIMEDOUT: "connection timed out",
};

import { dialError } from "../../lib/index.ts";

/** What went wrong with a connection, in the words of Go's net, tls and x509 packages, which people look for. */
export function connectionError(error: unknown, at = addressOf(error)): unknown {
  const code = codeOf(error);
  // Given up by whoever asked, or by this side.
  if (code === undefined || code === "ABORT_ERR") return error;
  const distrust = code === "ERR_TLS_CERT_ALTNAME_INVALID" ? otherNames(error) : distrusts[code];
  if (distrust !== undefined) return new Error(`tls: failed to verify certificate: x509: ${distrust}`);
  // It was accepted and then closed without an answer.
  if (code === "ECONNRESET" && fieldsOf(error).syscall !== "connect") return new Error("EOF");
  return new Error(dialError(error, at.host, at.port));
}

/** What Node sets beside the message. */
interface ErrorFields {
  readonly code?: unknown;
  readonly syscall?: unknown;
  readonly address?: string;
  readonly hostname?: string;
  readonly port?: number;
  readonly host?: string;
  readonly cert?: { readonly subjectaltname?: string };
  /** Where a name has several addresses: what went wrong with each. */
  readonly errors?: readonly ErrorFields[];
}

const fieldsOf = (error: unknown): ErrorFields => (error instanceof Error ? (error as ErrorFields) : {}); // as it is documented

function codeOf(error: unknown): string | undefined {
  const { code } = fieldsOf(error);
  return typeof code === "string" ? code : undefined;
}

function addressOf(error: unknown): { readonly host: string; readonly port: number } {
  const { errors: [first] = [], ...fields } = fieldsOf(error);
  const { address, hostname, port = 0 } = first ?? fields;
  return { host: address ?? hostname ?? "", port };
}

const unknownAuthority = "certificate signed by unknown authority";
const outOfTime = "certificate has expired or is not yet valid";

/** By OpenSSL's names for what a chain of certificates lacks. */
const distrusts: Readonly<Record<string, string>> = {
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: unknownAuthority,
  UNABLE_TO_GET_ISSUER_CERT: unknownAuthority,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: unknownAuthority,
  SELF_SIGNED_CERT_IN_CHAIN: unknownAuthority,
  DEPTH_ZERO_SELF_SIGNED_CERT: unknownAuthority,
  CERT_SIGNATURE_FAILURE: unknownAuthority,
  CERT_HAS_EXPIRED: outOfTime,
  CERT_NOT_YET_VALID: outOfTime,
  INVALID_PURPOSE: "certificate specifies an incompatible key usage",
};

/** Node tells the names that a certificate has as it prints them: `DNS:a.example, IP Address:192.0.2.1`. */
function otherNames(error: unknown): string {
  const { host = "", cert = {} } = fieldsOf(error);
  const names = (cert.subjectaltname ?? "").split(", ").map((each) => each.replace(/^(DNS|IP Address):/, ""));
  if (names.every((each) => each === "")) return "certificate relies on legacy Common Name field, use SANs instead";
  return `certificate is valid for ${names.join(", ")}, not ${host.replace(/\.$/, "")}`;
}

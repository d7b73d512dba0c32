import { dialError } from "../../lib/index.ts";

/** What went wrong with a connection over TLS, in the words of Go's net, tls and x509 packages, which people look for. */
export function connectionError(error: Error, { host, port }: { readonly host: string; readonly port: number }): Error {
  const code = codeOf(error);
  // Given up by whoever asked, or by this side.
  if (code === undefined || code === "ABORT_ERR") return error;
  const distrust = code === "ERR_TLS_CERT_ALTNAME_INVALID" ? otherNames(error) : distrusts[code];
  if (distrust !== undefined) return new Error(`tls: failed to verify certificate: x509: ${distrust}`);
  // It was accepted and then closed without an answer.
  if (code === "ECONNRESET" && !("syscall" in error && error.syscall === "connect")) return new Error("EOF");
  return new Error(dialError(error, host, port));
}

const codeOf = (error: Error) => ("code" in error && typeof error.code === "string" ? error.code : undefined);

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
function otherNames(error: Error): string {
  const { host = "", cert = {} } = error as { host?: string; cert?: { subjectaltname?: string } }; // what Node sets beside the code
  const names = (cert.subjectaltname ?? "").split(", ").map((each) => each.replace(/^(DNS|IP Address):/, ""));
  if (names.every((each) => each === "")) return "certificate relies on legacy Common Name field, use SANs instead";
  return `certificate is valid for ${names.join(", ")}, not ${host.replace(/\.$/, "")}`;
}

// What is wrong with the certificate and the key of a secret for TLS, as far as their PEM tells: the errors of
// X509KeyPair in Go's crypto/tls, which Kubernetes passes on as a warning. Whether the two belong together is not read.
import { pemBlocks } from "../certificates/pem.ts";

/** Both are base64 of PEM, as the API carries bytes. */
export function tlsPairWarnings(certificate: string, key: string): string[] {
  const warning = certificateWarning(typesOf(certificate)) ?? keyWarning(typesOf(key));
  return warning === undefined ? [] : [`tls: ${warning}`];
}

function typesOf(base64: string): string[] {
  return pemBlocks(base64).map(({ type }) => type);
}

function certificateWarning(types: readonly string[]): string | undefined {
  if (types.includes("CERTIFICATE")) return undefined;
  if (types.length === 0) return "failed to find any PEM data in certificate input";
  if (types.length === 1 && types[0]?.endsWith("PRIVATE KEY"))
    return "failed to find certificate PEM data in certificate input, but did find a private key; PEM inputs may have been switched";
  return `failed to find "CERTIFICATE" PEM block in certificate input after skipping PEM blocks of the following types: [${types.join(" ")}]`;
}

function keyWarning(types: readonly string[]): string | undefined {
  if (types.some((type) => type === "PRIVATE KEY" || type.endsWith(" PRIVATE KEY"))) return undefined;
  if (types.length === 0) return "failed to find any PEM data in key input";
  if (types.length === 1 && types[0] === "CERTIFICATE")
    return "found a certificate rather than a key in the PEM for the private key";
  return `failed to find PEM block with type ending in "PRIVATE KEY" in key input after skipping PEM blocks of the following types: [${types.join(" ")}]`;
}

// Whom a front proxy asks for: the counterpart of what this server tells to extension API servers (apiserver,
// authentication/request/headerrequest).
import { X509Certificate } from "node:crypto";
import type { User } from "../../api/index.ts";
import { frontProxyNames } from "../authentication/index.ts";
import type { HttpRequest } from "./message.ts";
import { userInHeaders } from "./user-headers.ts";

/**
 * Whether a certificate that TLS has verified was signed by this authority, or by others that were; PEM. It is verified
 * against two authorities at once: one that is not all that the chain leads to must not be taken for the other's.
 */
export function isSignedBy(certificate: X509Certificate, authority: string): boolean {
  const signer = new X509Certificate(authority);
  for (let at: X509Certificate | undefined = certificate, steps = 0; at && steps < chainMax; steps++) {
    if (at.checkIssued(signer) && at.verify(signer.publicKey)) return true;
    at = at.issuerCertificate;
  }
  return false;
}

/** OpenSSL verifies no longer ones, but for what stands between the two ends. */
const chainMax = 102;

export function isFrontProxy({ subject }: X509Certificate): boolean {
  return frontProxyNames.some((name) => subject.split("\n").includes(`CN=${name}`));
}

/** The user that the proxy names; undefined when it names none. */
export function forwardedUser({ rawHeaders }: Pick<HttpRequest, "rawHeaders">): User | undefined {
  const { name, uid, groups, extra } = userInHeaders(rawHeaders, "x-remote-");
  if (name === "") return undefined;
  return { name, ...(uid ? { uid } : {}), groups, ...(Object.keys(extra).length > 0 ? { extra } : {}) };
}

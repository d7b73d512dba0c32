// Whom a front proxy asks for: the counterpart of what this server tells to extension API servers (apiserver,
// authentication/request/headerrequest).
import { X509Certificate } from "node:crypto";
import type { User } from "../../api/index.ts";
import { frontProxyNames } from "../authentication/index.ts";
import type { HttpRequest } from "./message.ts";
import { userInHeaders } from "./user-headers.ts";

/** Whether a certificate that TLS has verified was signed by this authority; PEM. */
export function isSignedBy(certificate: X509Certificate, authority: string): boolean {
  const signer = new X509Certificate(authority);
  return certificate.checkIssued(signer) && certificate.verify(signer.publicKey);
}

export function isFrontProxy({ subject }: X509Certificate): boolean {
  return frontProxyNames.some((name) => subject.split("\n").includes(`CN=${name}`));
}

/** The user that the proxy names; undefined when it names none. */
export function forwardedUser({ rawHeaders }: Pick<HttpRequest, "rawHeaders">): User | undefined {
  const { name, uid, groups, extra } = userInHeaders(rawHeaders, "x-remote-");
  if (name === "") return undefined;
  return { name, ...(uid ? { uid } : {}), groups, ...(Object.keys(extra).length > 0 ? { extra } : {}) };
}

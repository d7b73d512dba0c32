// Whom a front proxy asks for: the counterpart of what this server tells to extension API servers (apiserver,
// authentication/request/headerrequest).
import { X509Certificate } from "node:crypto";
import type { User } from "../../api/index.ts";
import { frontProxyNames } from "../authentication/index.ts";
import type { HttpRequest } from "./message.ts";

const extraPrefix = "x-remote-extra-";

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
  let name: string | undefined;
  let uid: string | undefined;
  const groups: string[] = [];
  const extra: Record<string, string[]> = {};
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    // Names and values come in turn.
    const header = (rawHeaders[at] as string).toLowerCase();
    const value = inUtf8(rawHeaders[at + 1] as string);
    if (header === "x-remote-user") name ??= value;
    else if (header === "x-remote-uid") uid ??= value;
    else if (header === "x-remote-group") groups.push(value);
    else if (header.startsWith(extraPrefix)) {
      const key = unescaped(header.slice(extraPrefix.length));
      extra[key] = [...(extra[key] ?? []), value];
    }
  }
  if (!name) return undefined;
  return { name, ...(uid ? { uid } : {}), groups, ...(Object.keys(extra).length > 0 ? { extra } : {}) };
}

/** Node reads headers as Latin-1. */
function inUtf8(text: string): string {
  return Buffer.from(text, "latin1").toString("utf8");
}

function unescaped(key: string): string {
  try {
    return decodeURIComponent(key);
  } catch {
    // Upstream takes a key that is badly escaped as it stands, and so does this.
    return key;
  }
}

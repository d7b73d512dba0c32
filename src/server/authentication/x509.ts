import { readCertificate, type User, unauthorized } from "../../api/index.ts";
import type { Clock } from "../../lib/index.ts";
import type { Authenticator, Credentials } from "./authenticator.ts";

interface Known {
  readonly user: User | undefined;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/**
 * Users by client certificate: the common name is the user, every organization a group. TLS has verified the chain at
 * the handshake; what is asked again with every request is whether the certificate is still valid, for connections live
 * longer than certificates may. A certificate without a common name is nobody's.
 */
export function createX509Authenticator(clock: Clock): Authenticator {
  // The listener gives the same bytes for every request of a connection, so they are read once and forgotten with it.
  const known = new WeakMap<Uint8Array, Known>();
  const userNow = ({ user, notBeforeMs, notAfterMs }: Known): User | undefined => {
    const nowMs = clock.now();
    if (nowMs < notBeforeMs || nowMs > notAfterMs) throw unauthorized();
    return user;
  };
  const learn = async (certificate: Uint8Array): Promise<User | undefined> => {
    const entry = await identify(certificate);
    known.set(certificate, entry);
    return userNow(entry);
  };
  return {
    authenticate({ certificate }: Credentials) {
      if (!certificate) return undefined;
      const entry = known.get(certificate);
      return entry ? userNow(entry) : learn(certificate);
    },
  };
}

async function identify(bytes: Uint8Array): Promise<Known> {
  const certificate = readCertificate(bytes);
  if (!certificate) throw unauthorized();
  const { commonName, organizations, uid, notBeforeMs, notAfterMs } = certificate;
  if (commonName === undefined || commonName === "") return { user: undefined, notBeforeMs, notAfterMs };
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", Uint8Array.from(bytes)));
  const fingerprint = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  const user: User = {
    name: commonName,
    ...(uid === undefined ? {} : { uid }),
    groups: organizations,
    extra: { "authentication.kubernetes.io/credential-id": [`X509SHA256=${fingerprint}`] },
  };
  return { user, notBeforeMs, notAfterMs };
}

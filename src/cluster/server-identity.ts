// The lease by which an API server says that it lives and under which host name
// (pkg/controlplane/apiserver/server.go, the feature APIServerIdentity).
import { ApiError, type Lease, Leases, type ObjectMeta } from "../api/index.ts";
import type { Client } from "../client/index.ts";
import {
  type Clock,
  errorMessage,
  type Logger,
  microTimestamp,
  pause,
  type Random,
  sha256,
  uuid,
} from "../lib/index.ts";

const namespace = "kube-system";
const component = "kube-apiserver";
const identityLabel = "apiserver.kubernetes.io/identity";
const lifeSeconds = 3_600;
const renewMs = 10_000;
/** How often those that ended are looked for. */
const lookMs = 3_600_000;

export interface ServerIdentityOptions {
  /** The API as the server itself sees it. */
  readonly client: Client;
  readonly hostname: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/**
 * Keeps the server's lease until the signal, and removes those of servers that are gone. A restart on the same host takes
 * the same lease over.
 */
export async function keepServerIdentity(options: ServerIdentityOptions): Promise<void> {
  const { client, hostname, clock, random, log, signal } = options;
  const name = serverIdentity(hostname);
  const holderIdentity = `${name}_${uuid(random)}`;
  const labels = { [identityLabel]: component, "kubernetes.io/hostname": hostname };
  let nextLookMs = clock.now();
  while (!signal.aborted) {
    try {
      const spec = { holderIdentity, leaseDurationSeconds: lifeSeconds, renewTime: microTimestamp(clock.now()) };
      await hold(client, name, { metadata: { labels }, spec });
      if (clock.now() >= nextLookMs) {
        await removeEnded(client, clock.now());
        nextLookMs = clock.now() + lookMs;
      }
    } catch (error) {
      if (!signal.aborted) log.warn("the API server's lease was not renewed", { error: errorMessage(error) });
    }
    await pause(clock, renewMs, signal);
  }
}

/** What Kubernetes names an API server on this host: from a hash of the host's name and the component's. */
export function serverIdentity(hostname: string): string {
  const withLength = (text: string) => `\0${String.fromCharCode(text.length)}${text}`;
  const digest = sha256(withLength(hostname) + withLength(component));
  return `apiserver-${base32(digest.subarray(0, 16))}`;
}

const digits = "abcdefghijklmnopqrstuvwxyz234567";

/** As RFC 4648 has it, in small letters and without padding. */
function base32(bytes: Uint8Array): string {
  let [text, rest, bits] = ["", 0, 0];
  for (const byte of bytes) {
    rest = (rest << 8) | byte;
    for (bits += 8; bits >= 5; bits -= 5) text += digits[(rest >> (bits - 5)) & 31];
    rest &= (1 << bits) - 1;
  }
  return bits === 0 ? text : text + digits[(rest << (5 - bits)) & 31];
}

async function hold(client: Client, name: string, lease: Heartbeat): Promise<void> {
  try {
    await client.patch(Leases, { namespace, name }, lease);
  } catch (error) {
    if (!(error instanceof ApiError && error.code === 404)) throw error;
    await client.create(Leases, { ...lease, metadata: { ...lease.metadata, namespace, name } });
  }
}

type Heartbeat = Pick<Lease, "spec"> & { metadata: Pick<ObjectMeta, "labels"> };

async function removeEnded(client: Client, nowMs: number): Promise<void> {
  const { items } = await client.list(Leases, { namespace, labelSelector: `${identityLabel}=${component}` });
  for (const { metadata, spec } of items) {
    if (!hasEnded(spec, nowMs)) continue;
    const { name, uid, resourceVersion } = metadata;
    try {
      // Who renewed it meanwhile lives.
      await client.delete(Leases, { namespace, name }, { body: { preconditions: { uid, resourceVersion } } });
    } catch (error) {
      if (!(error instanceof ApiError && (error.code === 404 || error.code === 409))) throw error;
    }
  }
}

/** Those that say nothing of their end are nobody's. */
const hasEnded = ({ renewTime, leaseDurationSeconds }: Lease["spec"], nowMs: number): boolean =>
  renewTime === undefined ||
  leaseDurationSeconds === undefined ||
  Date.parse(renewTime) + leaseDurationSeconds * 1_000 < nowMs;

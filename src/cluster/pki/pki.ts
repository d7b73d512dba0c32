// The certificates and keys of a cluster, kept in one directory under the file names that kubeadm gives them.
import { createPrivateKey, createPublicKey } from "node:crypto";
import { join } from "node:path";
import { type Clock, type Random, systemRandom, UserError } from "../../lib/index.ts";
import { makePrivateDirectory, readFileIfThere, writeFileAtomically } from "./atomic-file.ts";
import {
  alternativeNamesOf,
  belongsTogether,
  type CertificateRequest,
  issue,
  type KeyPair,
  newPrivateKey,
  notAfterMsOf,
  notBeforeMsOf,
} from "./certificate.ts";

export interface PkiOptions {
  readonly directory: string;
  readonly clock: Clock;
  /** The source of serial numbers. Keys always come from the machine's cryptographic source. */
  readonly random?: Random;
  /** By what else the API server is called: the machine's host name and addresses, `--tls-san`. */
  readonly serverNames: readonly string[];
  /** The first address of the service range: the service `kubernetes`. */
  readonly serviceAddress: string;
  /** `cluster.local` when left out. */
  readonly clusterDomain?: string;
}

export interface NodeCertificates {
  /** For the API: user system:node:NAME in group system:nodes. */
  readonly client: KeyPair;
  /** For the agent's own HTTPS port. */
  readonly serving: KeyPair;
}

const dayMs = 24 * 3600 * 1000;
const authorityValidMs = 10 * 365 * dayMs;
const leafValidMs = 365 * dayMs;
/** A certificate with less than this left is issued anew. */
const renewBeforeMs = 120 * dayMs;
/** Certificates start in the past: a client's clock may be slow. */
const backdateMs = 3600 * 1000;

type LeafRequest = Omit<CertificateRequest, "notBeforeMs" | "notAfterMs">;

/** The certificates of one cluster: those it has from the start, and more when asked. */
export class ClusterPki {
  /** The authority that signs everything but the front proxy's certificates; PEM. */
  readonly authority: KeyPair;
  /** The authority of those who pass requests of others on to extension API servers. */
  readonly frontProxyAuthority: KeyPair;
  /** Signs service-account tokens (ES256): PKCS #8 PEM. */
  readonly serviceAccountKey: string;
  #options: PkiOptions;
  #random: Random;
  #apiServer: KeyPair | undefined;
  #admin: KeyPair | undefined;
  #kubeletClient: KeyPair | undefined;
  #frontProxyClient: KeyPair | undefined;

  private constructor(
    options: PkiOptions,
    authority: KeyPair,
    frontProxyAuthority: KeyPair,
    serviceAccountKey: string,
  ) {
    this.#options = options;
    this.#random = options.random ?? systemRandom;
    this.authority = authority;
    this.frontProxyAuthority = frontProxyAuthority;
    this.serviceAccountKey = serviceAccountKey;
  }

  /** Opens the directory, making what is missing in it. Throws UserError when what is there is not usable. */
  static async open(options: PkiOptions): Promise<ClusterPki> {
    const { directory } = options;
    await makePrivateDirectory(directory);
    const [authority, frontProxyAuthority, serviceAccountKey] = await Promise.all([
      openAuthority(options, "ca", "kubernetes"),
      openAuthority(options, "front-proxy-ca", "front-proxy-ca"),
      openServiceAccountKey(directory),
    ]);
    const pki = new ClusterPki(options, authority, frontProxyAuthority, serviceAccountKey);
    await pki.renew();
    return pki;
  }

  get apiServer(): KeyPair {
    return opened(this.#apiServer);
  }

  /** The administrator: user kubernetes-admin in group system:masters. */
  get admin(): KeyPair {
    return opened(this.#admin);
  }

  /** What the API server shows to agents. */
  get kubeletClient(): KeyPair {
    return opened(this.#kubeletClient);
  }

  /** What the API server shows to extension API servers. */
  get frontProxyClient(): KeyPair {
    return opened(this.#frontProxyClient);
  }

  /**
   * Issues anew what is near its end or for other names than it should be. Returns whether anything changed: who serves
   * with these certificates then loads them again. A process that runs for months calls it daily.
   */
  async renew(): Promise<boolean> {
    const before = [this.#apiServer, this.#admin, this.#kubeletClient, this.#frontProxyClient];
    const after = await Promise.all([
      this.#keep("apiserver", {
        commonName: "kube-apiserver",
        usage: "server",
        alternativeNames: serverNames(this.#options),
      }),
      this.#keep("admin", { commonName: "kubernetes-admin", organizations: ["system:masters"], usage: "client" }),
      this.#keep("apiserver-kubelet-client", {
        commonName: "kube-apiserver-kubelet-client",
        organizations: ["system:masters"],
        usage: "client",
      }),
      this.#keep("front-proxy-client", { commonName: "front-proxy-client", usage: "client" }, this.frontProxyAuthority),
    ]);
    [this.#apiServer, this.#admin, this.#kubeletClient, this.#frontProxyClient] = after;
    return after.some((pair, at) => pair.certificate !== before[at]?.certificate);
  }

  /** The certificates of a node, made at the first call and kept. `addresses` are how the API server reaches its agent. */
  async node(name: string, addresses: readonly string[]): Promise<NodeCertificates> {
    const commonName = `system:node:${name}`;
    const organizations = ["system:nodes"];
    const [client, serving] = await Promise.all([
      this.#keep(`node-${name}-client`, { commonName, organizations, usage: "client" }),
      this.#keep(`node-${name}-serving`, {
        commonName,
        organizations,
        usage: "server",
        alternativeNames: [...new Set([name, ...addresses])],
      }),
    ]);
    return { client, serving };
  }

  /** The certificate of a component, made at the first call and kept as `<file>.crt` and `<file>.key`. */
  component(
    file: string,
    request: { readonly commonName: string; readonly organizations?: readonly string[] },
  ): Promise<KeyPair> {
    return this.#keep(file, { ...request, usage: "client" });
  }

  async #keep(file: string, request: LeafRequest, authority = this.authority): Promise<KeyPair> {
    const { directory, clock } = this.#options;
    const kept = await readPair(directory, file);
    if (kept && this.#isUsable(kept, request, authority, clock.now())) return kept;
    const pair = issue({ ...request, ...this.#validity() }, this.#random, authority);
    await writePair(directory, file, pair);
    return pair;
  }

  #isUsable(pair: KeyPair, request: LeafRequest, authority: KeyPair, nowMs: number): boolean {
    try {
      return (
        belongsTogether(pair, authority.certificate) &&
        notBeforeMsOf(pair.certificate) <= nowMs &&
        notAfterMsOf(pair.certificate) - nowMs >= renewBeforeMs &&
        sameNames(alternativeNamesOf(pair.certificate), request.alternativeNames ?? [])
      );
    } catch {
      // A file that cannot be read as PEM, half a pair or one of another authority: all are mended by issuing anew.
      return false;
    }
  }

  #validity(): Pick<CertificateRequest, "notBeforeMs" | "notAfterMs"> {
    const nowMs = this.#options.clock.now();
    const notAfterMs = Math.min(nowMs + leafValidMs, notAfterMsOf(this.authority.certificate));
    return { notBeforeMs: nowMs - backdateMs, notAfterMs };
  }
}

function opened(pair: KeyPair | undefined): KeyPair {
  if (!pair) throw new Error("the certificates are read by ClusterPki.open");
  return pair;
}

function serverNames(options: PkiOptions): string[] {
  const domain = options.clusterDomain ?? "cluster.local";
  const names = [
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    `kubernetes.default.svc.${domain}`,
    "localhost",
    "127.0.0.1",
    "::1",
    options.serviceAddress,
    ...options.serverNames,
  ];
  return [...new Set(names)];
}

/** As sets, and with addresses compared without regard to how they are written. */
function sameNames(a: readonly string[], b: readonly string[]): boolean {
  const canonical = (names: readonly string[]) => [...new Set(names.map(canonicalName))].sort().join(" ");
  return canonical(a) === canonical(b);
}

const canonicalName = (name: string): string =>
  name.includes(":") ? new URL(`http://[${name.replace(/%.*/, "")}]`).hostname : name.toLowerCase();

/**
 * The authority kept under `file`; a new one where there is no certificate (a key alone is left from a start that was
 * cut off: nothing was signed with it).
 */
async function openAuthority(options: PkiOptions, file: string, commonName: string): Promise<KeyPair> {
  const { directory, clock } = options;
  const path = (extension: string) => join(directory, `${file}.${extension}`);
  const kept = await readPair(directory, file);
  if (kept) {
    let whole: boolean;
    try {
      whole = belongsTogether(kept, kept.certificate);
    } catch (error) {
      throw new UserError(unusable(path("crt")), { cause: error });
    }
    if (!whole) throw new UserError(unusable(path("crt")));
    requireInTime(kept.certificate, path("crt"), clock.now());
    return kept;
  }
  if ((await readFileIfThere(path("crt"))) !== undefined) {
    throw new UserError(
      `the key ${path("key")} of the cluster's certificate authority is missing: restore it from a backup, or remove the cluster with \`roder reset\``,
    );
  }
  const nowMs = clock.now();
  const pair = issue(
    { commonName, usage: "authority", notBeforeMs: nowMs - backdateMs, notAfterMs: nowMs + authorityValidMs },
    options.random ?? systemRandom,
  );
  await writePair(directory, file, pair);
  return pair;
}

/** A clock that is far off makes every certificate worthless: that is told, before anything is issued by it. */
function requireInTime(certificate: string, path: string, nowMs: number): void {
  const date = (ms: number) => new Date(ms).toISOString().slice(0, 10);
  const [beginMs, endMs] = [notBeforeMsOf(certificate), notAfterMsOf(certificate)];
  if (nowMs >= beginMs && nowMs < endMs) return;
  const validity = `the cluster's certificates (${path}) are valid from ${date(beginMs)} to ${date(endMs)}`;
  throw new UserError(`the machine's clock says ${date(nowMs)}, but ${validity}: set the clock and try again`);
}

const unusable = (path: string) =>
  `${path} and its key are damaged or do not belong together: restore them from a backup, or remove the cluster with \`roder reset\``;

async function openServiceAccountKey(directory: string): Promise<string> {
  const path = join(directory, "sa.key");
  const kept = await readFileIfThere(path);
  if (kept !== undefined) {
    try {
      createPrivateKey(kept);
    } catch (error) {
      const sentence = `${path}, which signs service-account tokens, is damaged: restore it from a backup, or remove it to make a new one (every token given out so far ends)`;
      throw new UserError(sentence, { cause: error });
    }
    return kept;
  }
  const key = newPrivateKey();
  await writeFileAtomically(path, key, 0o600);
  const publicKey = createPublicKey(key).export({ type: "spki", format: "pem" });
  await writeFileAtomically(join(directory, "sa.pub"), String(publicKey), 0o600);
  return key;
}

async function readPair(directory: string, file: string): Promise<KeyPair | undefined> {
  const [certificate, privateKey] = await Promise.all([
    readFileIfThere(join(directory, `${file}.crt`)),
    readFileIfThere(join(directory, `${file}.key`)),
  ]);
  return certificate === undefined || privateKey === undefined ? undefined : { certificate, privateKey };
}

/** The key first: a certificate that is there has its key. */
async function writePair(directory: string, file: string, pair: KeyPair): Promise<void> {
  await writeFileAtomically(join(directory, `${file}.key`), pair.privateKey, 0o600);
  await writeFileAtomically(join(directory, `${file}.crt`), pair.certificate, 0o600);
}

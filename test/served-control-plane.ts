// A control plane in memory with controllers and scheduler behind real HTTPS, on the machine's clock: for programs of
// others, which know nothing of ours.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runControlLoops } from "../src/cluster/control-loops.ts";
import { type ControlPlaneOptions, startControlPlane } from "../src/cluster/control-plane.ts";
import { issue, type KeyPair, newPrivateKey } from "../src/cluster/pki/certificate.ts";
import { certificateSigner } from "../src/cluster/pki/index.ts";
import { renderKubeconfig } from "../src/cluster/pki/kubeconfig.ts";
import { placementRoute } from "../src/cluster/placement-route.ts";
import { versionInfo } from "../src/cluster/version.ts";
import { silentLogger, systemClock, systemRandom } from "../src/lib/index.ts";
import { PlacementRecord } from "../src/scheduler/index.ts";
import { httpsWebhookCaller } from "../src/server/host/index.ts";
import { createExtensionServers } from "../src/server/http/extensions/index.ts";
import { startHttpServer } from "../src/server/http/index.ts";
import { ApiServices, lookupIn } from "../src/server/index.ts";
import { MemoryStorage } from "../src/storage/index.ts";

export interface ServedControlPlane {
  /** A directory for the test's files; it goes with the control plane. */
  readonly directory: string;
  /** A file with the administrator's credentials. */
  readonly kubeconfig: string;
  /** A kubeconfig for a user with a certificate of the cluster's authority. */
  kubeconfigFor(user: string, ...groups: readonly string[]): string;
  /** A certificate of the cluster's authority. */
  keyOf(user: string, ...groups: readonly string[]): KeyPair;
  readonly port: number;
  /** The certificate of the authority that signed the server's; PEM. */
  readonly authority: string;
  /** The authority of clients and of the server. */
  readonly clientAuthority: KeyPair;
  /** The authority of front proxies; PEM. */
  readonly frontProxyAuthority: KeyPair;
  close(): Promise<void>;
}

const podRange = "10.42.0.0/16";
const serviceRange = "10.43.0.0/16";
const dayMs = 86_400_000;

export async function serveControlPlane(options: Partial<ControlPlaneOptions> = {}): Promise<ServedControlPlane> {
  const nowMs = systemClock.now();
  const validity = { notBeforeMs: nowMs - dayMs, notAfterMs: nowMs + dayMs };
  const authority = issue({ commonName: "ca", usage: "authority", ...validity }, systemRandom);
  const frontProxyAuthority = issue({ commonName: "front-proxy-ca", usage: "authority", ...validity }, systemRandom);
  const frontProxy = issue(
    { commonName: "front-proxy-client", usage: "client", ...validity },
    systemRandom,
    frontProxyAuthority,
  );
  const serving = { commonName: "server", usage: "server", alternativeNames: ["127.0.0.1"], ...validity } as const;
  const serverKey = issue(serving, systemRandom, authority);
  const environment = { clock: systemClock, random: systemRandom, log: options.log ?? silentLogger };
  const plane = await startControlPlane({
    ...environment,
    storage: new MemoryStorage(),
    serviceAccountKey: newPrivateKey(),
    apiAddress: undefined,
    apiPort: 6443,
    podRange,
    serviceRange,
    clusterDomain: "cluster.local",
    callWebhook: httpsWebhookCaller(systemClock),
    freeze: true,
    ...options,
  });
  const lookup = lookupIn(plane.cache);
  const extensions = createExtensionServers({
    ...environment,
    apiServices: new ApiServices(lookup),
    lookup,
    proxyTls: () => ({ certificate: frontProxy.certificate, key: frontProxy.privateKey }),
  });
  const placements = new PlacementRecord(systemClock);
  const listener = await startHttpServer({
    ...environment,
    paths: [placementRoute(placements)],
    api: plane.api,
    authenticator: plane.authenticator,
    extensions,
    tls: {
      key: serverKey.privateKey,
      certificate: serverKey.certificate,
      clientCa: authority.certificate,
      frontProxyCa: frontProxyAuthority.certificate,
    },
    address: "127.0.0.1",
    port: 0,
    advertised: "127.0.0.1:6443",
    version: versionInfo,
  });
  const stopping = new AbortController();
  const loops = runControlLoops({
    ...environment,
    plane,
    signal: stopping.signal,
    rootCertificate: authority.certificate,
    signCertificate: certificateSigner(authority, systemRandom),
    authorities: { clients: authority.certificate, frontProxy: frontProxyAuthority.certificate },
    extensions,
    podRange,
    serviceRange,
    scheduler: { placements },
  });
  const directory = mkdtempSync(join(tmpdir(), "roder-served-"));
  const keyOf = (user: string, ...organizations: readonly string[]) =>
    issue({ commonName: user, organizations, usage: "client", ...validity }, systemRandom, authority);
  const kubeconfigFor = (user: string, ...organizations: readonly string[]) => {
    const key = keyOf(user, ...organizations);
    const server = `https://127.0.0.1:${listener.port}`;
    const file = join(directory, `${user}.kubeconfig`);
    writeFileSync(file, renderKubeconfig({ name: "test", server, authority: authority.certificate, user, ...key }));
    return file;
  };
  return {
    directory,
    kubeconfig: kubeconfigFor("admin", "system:masters"),
    kubeconfigFor,
    keyOf,
    port: listener.port,
    authority: authority.certificate,
    clientAuthority: authority,
    frontProxyAuthority,
    async close() {
      stopping.abort();
      await loops;
      await listener.close();
      await plane.close();
      rmSync(directory, { recursive: true });
    },
  };
}

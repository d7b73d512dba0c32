// The embedded cluster for programs outside its own: HTTPS on 127.0.0.1, with keys that live as long as it does.
import { type Clock, type Logger, systemClock, systemRandom } from "../../lib/index.ts";
import { httpsWebhookCaller } from "../../server/host/index.ts";
import { createExtensionServers } from "../../server/http/extensions/index.ts";
import { issuerDiscoveryRoute, type Listener, startHttpServer } from "../../server/http/index.ts";
import { ApiServices, lookupIn, type WebhookCaller } from "../../server/index.ts";
import type { Authorities } from "../authentication-trust.ts";
import type { ControlLoopsOptions } from "../control-loops.ts";
import type { ControlPlane } from "../control-plane.ts";
import { certificateSigner, issue, newPrivateKey, renderKubeconfig } from "../pki/index.ts";
import { versionInfo } from "../version.ts";

/** What a cluster that serves has beyond one that does not. */
export interface Serving
  extends Required<Pick<ControlLoopsOptions, "rootCertificate" | "signCertificate" | "extensions">> {
  readonly serviceAccountKey: string;
  readonly callWebhook: WebhookCaller;
  readonly authorities: Authorities;
  /** Of the administrator, once it listens. */
  readonly kubeconfig: string | undefined;
  listen(plane: ControlPlane): Promise<void>;
  close(): Promise<void>;
}

const dayMs = 86_400_000;
const validDays = 365;
const address = "127.0.0.1";

/**
 * Makes the keys. Time outside goes on while the cluster's may stand, so all of this keeps to the machine's clock; but
 * certificates are looked at on both sides, and must be good at the time of `clock` too.
 */
export async function prepareServing(log: Logger, clock: Clock): Promise<Serving> {
  const nowMs = systemClock.now();
  const validity = {
    notBeforeMs: Math.min(nowMs, clock.now()) - dayMs,
    notAfterMs: Math.max(nowMs, clock.now()) + validDays * dayMs,
  };
  const authority = issue({ commonName: "kubernetes", usage: "authority", ...validity }, systemRandom);
  const frontProxyAuthority = issue({ commonName: "front-proxy-ca", usage: "authority", ...validity }, systemRandom);
  const frontProxy = issue(
    { commonName: "front-proxy-client", usage: "client", ...validity },
    systemRandom,
    frontProxyAuthority,
  );
  const serving = { commonName: "kube-apiserver", usage: "server", alternativeNames: [address], ...validity } as const;
  const serverKey = issue(serving, systemRandom, authority);
  const admin = { commonName: "kubernetes-admin", organizations: ["system:masters"], usage: "client" } as const;
  const adminKey = issue({ ...admin, ...validity }, systemRandom, authority);
  const environment = { clock: systemClock, random: systemRandom, log };
  let kubeconfig: string | undefined;
  let listener: Listener | undefined;
  let extensions: ReturnType<typeof createExtensionServers> | undefined;
  const listening = () => {
    if (!extensions) throw new Error("the API server does not listen yet");
    return extensions;
  };
  return {
    serviceAccountKey: newPrivateKey(),
    rootCertificate: authority.certificate,
    signCertificate: certificateSigner(authority, systemRandom),
    authorities: { clients: authority.certificate, frontProxy: frontProxyAuthority.certificate },
    callWebhook: httpsWebhookCaller(systemClock),
    extensions: {
      check: async (service, signal) => await listening().check(service, signal),
      ask: async (service, user, request) => await listening().ask(service, user, request),
    },
    get kubeconfig() {
      return kubeconfig;
    },
    async listen(plane) {
      const lookup = lookupIn(plane.cache);
      extensions = createExtensionServers({
        ...environment,
        apiServices: new ApiServices(lookup),
        lookup,
        proxyTls: () => ({ certificate: frontProxy.certificate, key: frontProxy.privateKey }),
      });
      listener = await startHttpServer({
        ...environment,
        api: plane.api,
        authenticator: plane.authenticator,
        anonymous: plane.guards.anonymous,
        extensions,
        tls: {
          key: serverKey.privateKey,
          certificate: serverKey.certificate,
          clientCa: authority.certificate,
          frontProxyCa: frontProxyAuthority.certificate,
        },
        address,
        port: 0,
        advertised: address,
        version: versionInfo,
        paths: [issuerDiscoveryRoute(plane.issuer, address, plane.tokenKeys)],
      });
      kubeconfig = renderKubeconfig({
        name: "embedded",
        server: `https://${address}:${listener.port}`,
        authority: authority.certificate,
        user: admin.commonName,
        ...adminKey,
      });
    },
    async close() {
      await listener?.close();
    },
  };
}

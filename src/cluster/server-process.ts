// The process `server`: the control plane with its storage on disk and its HTTPS port.
import { hostname } from "node:os";
import { MetricRegistry, systemClock, systemRandom, UserError } from "../lib/index.ts";
import { gatewayOf } from "../network/index.ts";
import { PlacementRecord } from "../scheduler/index.ts";
import { httpsWebhookCaller, observeFile, observeProcess, processProfiler } from "../server/host/index.ts";
import { createExtensionServers } from "../server/http/extensions/index.ts";
import { issuerDiscoveryRoute, startHttpServer } from "../server/http/index.ts";
import { agentStats, createStreamingRoutes } from "../server/http/streaming/index.ts";
import { ApiServices, Auditor, apiServerUser, lookupIn } from "../server/index.ts";
import { encryptedStorage, measuredStorage, observeWatchCache } from "../storage/index.ts";
import { databasePath, openLmdbStorage } from "../storage/lmdb/index.ts";
import { openClusterPki } from "./cluster-pki.ts";
import { runComponent } from "./component-process.ts";
import { runControlLoops } from "./control-loops.ts";
import { serviceAccountIssuer, startControlPlane } from "./control-plane.ts";
import { nodeAddresses, renewCredentials, serverTls } from "./credentials.ts";
import { dataDirectory } from "./data-directory.ts";
import { readGuardFiles } from "./guard-files.ts";
import { healthChecks } from "./health-checks.ts";
import { collectWhenIdle } from "./idle-collection.ts";
import { certificateSigner } from "./pki/index.ts";
import { placementRoute } from "./placement-route.ts";
import { renewDaily } from "./renew-daily.ts";
import { openAuditLog, readAdmission, readEncryption, readPolicy, readScheduler } from "./server-files.ts";
import { keepServerIdentity } from "./server-identity.ts";
import { readSettings } from "./settings.ts";
import { versionInfo } from "./version.ts";
import { watchGuardFiles } from "./watch-guard-files.ts";

export function runServer(root: string): Promise<void> {
  return runComponent("server", async (log, stopping) => {
    const environment = { clock: systemClock, random: systemRandom, log };
    const directory = dataDirectory(root);
    const settings = readSettings(directory);
    if (!settings) throw new UserError(`there is no cluster in ${root}`);
    const pki = await openClusterPki(directory, settings);
    const cipherOf = await readEncryption(directory);
    const policy = await readPolicy(directory);
    const admission = await readAdmission(directory, settings);
    const placements = new PlacementRecord(systemClock);
    const scheduler = { ...(await readScheduler(directory, settings)), placements };
    const disk = await openLmdbStorage(directory.storage);
    const metrics = new MetricRegistry();
    const measured = measuredStorage(disk, metrics, systemClock);
    const storage = cipherOf ? encryptedStorage(measured, cipherOf) : measured;
    const ownIssuer = serviceAccountIssuer(settings.clusterDomain);
    const agentTls = () => ({
      certificate: pki.kubeletClient.certificate,
      key: pki.kubeletClient.privateKey,
      ca: pki.authority.certificate,
    });
    /** Where pods reach the server, for which its certificate is good too. */
    const apiAddress = settings.nodes > 0 ? gatewayOf(settings.podRange) : undefined;
    const plane = await startControlPlane({
      storage,
      metrics,
      ...environment,
      serviceAccountKey: pki.serviceAccountKey,
      apiAddress,
      apiPort: settings.port,
      podRange: settings.podRange,
      serviceRange: settings.serviceRange,
      clusterDomain: settings.clusterDomain,
      admission,
      callWebhook: httpsWebhookCaller(systemClock),
      readNodeStats: agentStats(agentTls, systemClock),
      ...(await readGuardFiles(directory, ownIssuer)),
      freeze: process.env.RODER_FREEZE === "1",
    });
    observeWatchCache(metrics, plane.cache);
    observeProcess(metrics, systemClock);
    observeFile(metrics, databasePath(directory.storage));
    const auditLog = policy && openAuditLog(directory);
    const auditor = auditLog && new Auditor({ policy, sink: auditLog, clock: systemClock, metrics });
    const lookup = lookupIn(plane.cache);
    const extensions = createExtensionServers({
      apiServices: new ApiServices(lookup),
      lookup,
      proxyTls: () => ({ certificate: pki.frontProxyClient.certificate, key: pki.frontProxyClient.privateKey }),
      ...environment,
    });
    const advertised = `127.0.0.1:${settings.port}`;
    // Those who look for the issuer by its name are pods.
    const keysAt = `${apiAddress ?? "127.0.0.1"}:${settings.port}`;
    const listener = await startHttpServer({
      api: plane.api,
      authenticator: plane.authenticator,
      anonymous: plane.guards.anonymous,
      tls: serverTls(pki),
      address: settings.bindAddress,
      port: settings.port,
      advertised,
      version: versionInfo,
      metrics,
      ...(auditor ? { auditor } : {}),
      profiler: processProfiler(systemClock),
      healthChecks: healthChecks({ storage, cache: plane.cache, clock: systemClock, stopping }),
      paths: [issuerDiscoveryRoute(plane.issuer, keysAt, plane.tokenKeys), placementRoute(placements)],
      extensions,
      streaming: createStreamingRoutes({
        lookup,
        agentTls,
        ...environment,
      }),
      ...environment,
    });
    watchGuardFiles({ directory, ownIssuer, clock: systemClock, log, signal: stopping }, (read) =>
      plane.guards.use(read),
    );
    log.info("the API server listens", { port: listener.port });
    const loops = runControlLoops({
      plane,
      ...environment,
      signal: stopping,
      metrics,
      rootCertificate: pki.authority.certificate,
      signCertificate: certificateSigner(pki.authority, systemRandom),
      authorities: { clients: pki.authority.certificate, frontProxy: pki.frontProxyAuthority.certificate },
      extensions,
      scheduler,
      podRange: settings.podRange,
      serviceRange: settings.serviceRange,
      ...(settings.nodes > 0 ? { ownNode: settings.nodeName } : {}),
    });
    const identity = keepServerIdentity({
      client: plane.client(apiServerUser, "kube-apiserver"),
      hostname: hostname(),
      ...environment,
      signal: stopping,
    });
    const stopCollecting = collectWhenIdle(systemClock, () => plane.cache.forgetBytes());
    const renewals = renewDaily({ clock: systemClock, log, signal: stopping }, async () => {
      const addresses = settings.nodes > 0 ? await nodeAddresses(settings) : [];
      await renewCredentials(directory, settings, { pki, listener, addresses });
    });
    return async () => {
      stopCollecting();
      await Promise.all([loops, identity, renewals]);
      await listener.close();
      await plane.close();
      auditLog?.close();
    };
  });
}

// The process `node`: the agent with its engine, the service proxy and the DNS server of one node.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { CriEngine } from "../agent/engine/cri/index.ts";
import { pauseImageName } from "../agent/host/containerd/index.ts";
import { linuxHost } from "../agent/host/index.ts";
import { AgentServer } from "../agent/host/streaming/index.ts";
import { evictionHardDefaults, startAgent, TokenAccess } from "../agent/index.ts";
import { Nodes, Pods } from "../api/index.ts";
import { type ConnectionOptions, type HttpsClient, httpsClient } from "../client/http/index.ts";
import { type Client, Informer, InformerSet } from "../client/index.ts";
import {
  addressAt,
  type Logger,
  MetricRegistry,
  parseRange,
  pause,
  systemClock,
  systemRandom,
  UserError,
} from "../lib/index.ts";
import {
  configurePods,
  dnsViewOf,
  gatewayOf,
  machineAddress,
  nameServers,
  networkNames,
  serveProxyHealth,
  setUpNodeNetwork,
  startDnsServer,
  startServiceProxy,
} from "../network/index.ts";
import { observeProcess } from "../server/host/index.ts";
import { cgroupRootOf } from "./cgroups.ts";
import { runComponent } from "./component-process.ts";
import { dataDirectory } from "./data-directory.ts";
import { keepRotated } from "./log-file.ts";
import { readNodeCredentials, takeRenewedCredentials } from "./node-credentials.ts";
import { enginePaths, engineSupervisor } from "./node-engine.ts";
import { renewDaily } from "./renew-daily.ts";
import { type ClusterSettings, readSettings } from "./settings.ts";
import { kubernetesVersion, observeVersion } from "./version.ts";

const dnsPort = 53;
/** How long the API server may take to come up beside this process before it is asked again. */
const retryMs = 50;

/** The kubelet's, but for the disk: many a laptop's is fuller than the 10 and 15 percent that it wants to be free. */
const evictionHard = { ...evictionHardDefaults, "nodefs.available": "5%", "imagefs.available": "5%" };

export function runNode(root: string): Promise<void> {
  return runComponent("node", async (log, stopping) => {
    const directory = dataDirectory(root);
    const settings = readSettings(directory);
    if (!settings) throw new UserError(`there is no cluster in ${root}`);
    const network = { ...networkNames(settings.name), ...settings, directory: directory.cni };
    // The route of the service range stands before anything can send to it.
    await setUpNodeNetwork(network);
    const supervisor = await engineSupervisor(directory, log);
    let [credentials] = await Promise.all([readNodeCredentials(directory), supervisor.start()]);
    const nodeClient = clientOf(credentials.node, "kubelet");
    const networkClient = clientOf(credentials.network, "kube-proxy");
    const engine = new CriEngine({ socketPath: enginePaths(directory).socket, clock: systemClock });
    const rotations = keepRotated(enginePaths(directory).log, { clock: systemClock, log, signal: stopping });
    const networkDone = startNetwork(settings, network, { nodeClient, networkClient }, log, stopping);
    const metrics = new MetricRegistry();
    observeProcess(metrics, systemClock);
    observeVersion(metrics);
    const agent = await startAgent({
      client: nodeClient,
      engine,
      host: linuxHost({ clock: systemClock, directory: directory.agent }),
      clock: systemClock,
      random: systemRandom,
      log,
      nodeName: settings.nodeName,
      settings: {
        dataDirectory: directory.agent,
        logDirectory: join(directory.agent, "logs"),
        nodeIps: [(await machineAddress()) ?? gatewayOf(settings.podRange)],
        clusterDns: [addressAt(parseRange(settings.serviceRange)!, 10)],
        clusterDomain: settings.clusterDomain,
        evictionHard,
        cgroupRoot: `${cgroupRootOf(directory)}/kubepods`,
        port: settings.agentPort,
        version: kubernetesVersion,
        keptImages: [pauseImageName],
      },
      metrics,
      signal: stopping,
    });
    const server = new AgentServer({
      agent,
      engine,
      tokens: new TokenAccess(nodeClient, systemClock, settings.nodeName),
      tls: credentials.serving,
      clock: systemClock,
      log,
    });
    await server.listen(settings.agentPort);
    const users = { node: nodeClient, network: networkClient, serving: server };
    const renewals = renewDaily({ clock: systemClock, log, signal: stopping }, async () => {
      credentials = await takeRenewedCredentials(directory, credentials, users);
    });
    log.info("the node runs", { node: settings.nodeName });
    return async () => {
      await server.close();
      await Promise.all([networkDone, renewals, rotations]);
      supervisor.release();
      engine.close();
      nodeClient.close();
      networkClient.close();
    };
  });
}

/** `userAgent` is who manages the fields that it writes: the name of the program that writes them in Kubernetes. */
function clientOf(connection: ConnectionOptions, userAgent: string): HttpsClient {
  return httpsClient({ ...connection, clock: systemClock, random: systemRandom, userAgent });
}

/** Brings up pod addresses, the service proxy and DNS as the API gives what they need; resolves when all have ended. */
async function startNetwork(
  settings: ClusterSettings,
  network: Parameters<typeof setUpNodeNetwork>[0],
  { nodeClient, networkClient }: { nodeClient: Client; networkClient: Client },
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  const environment = { clock: systemClock, random: systemRandom, log, signal };
  const { nodeName, podRange, serviceRange } = settings;
  const podCidr = await podCidrOf(nodeClient, nodeName, signal);
  if (podCidr === undefined) return;
  await configurePods(network, podCidr);
  const informers = new InformerSet({ client: networkClient, ...environment });
  const pods = new Informer(
    Pods,
    { fieldSelector: `spec.nodeName=${nodeName}` },
    { client: nodeClient, ...environment },
  );
  const node = new Informer(
    Nodes,
    { fieldSelector: `metadata.name=${nodeName}` },
    { client: nodeClient, ...environment },
  );
  const address = gatewayOf(podCidr);
  const view = dnsViewOf(informers, settings.clusterDomain);
  const proxy = startServiceProxy({
    informers,
    pods,
    node,
    nodeName,
    podRange,
    serviceRange,
    nftTable: network.nftTable,
    ...environment,
  });
  const health = await serveProxyHealth({ state: proxy.state, address: settings.bindAddress, ...environment });
  await informers.synced();
  const dns = await startDnsServer({
    address,
    port: dnsPort,
    view,
    upstream: nameServers(readFileSync("/etc/resolv.conf", "utf8"), [address]),
    ...environment,
  });
  await proxy.done;
  health.close();
  await dns.close();
}

/** The node's part of the pod range, once the control plane has given it one; undefined when the signal ended the wait. */
async function podCidrOf(client: Client, name: string, signal: AbortSignal): Promise<string | undefined> {
  while (!signal.aborted) {
    try {
      for await (const event of client.watch(Nodes, { fieldSelector: `metadata.name=${name}`, signal })) {
        if (event.type !== "BOOKMARK" && event.object.spec.podCIDR) return event.object.spec.podCIDR;
      }
    } catch {
      // The server does not answer yet, or not any more: the loop asks again until the signal ends it.
    }
    await pause(systemClock, retryMs, signal);
  }
  return undefined;
}

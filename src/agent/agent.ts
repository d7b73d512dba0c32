// The node's agent: registers the node, gives every pod that is bound to it a worker, and feeds the workers with what happens.
import { type Node, type Pod, RuntimeClasses, type Secret, type StatsSummary } from "../api/index.ts";
import { type Client, createEventRecorder, type InformerEvent } from "../client/index.ts";
import {
  type Clock,
  errorMessage,
  type Logger,
  type MetricRegistry,
  pause,
  type Random,
  sleep,
  waitAtMost,
} from "../lib/index.ts";
import { AgentMetrics } from "./agent-metrics.ts";
import { type ClusterView, watchedView } from "./cluster-view.ts";
import type { AgentContext } from "./context.ts";
import { type ContainerEngine, measuredEngine } from "./engine/index.ts";
import { NodePressure } from "./eviction/node-pressure.ts";
import type { AgentHost, Machine } from "./host.ts";
import { ImagePuller } from "./images/image-puller.ts";
import { PulledImages } from "./images/pulled-images.ts";
import { startMaintenance } from "./maintenance.ts";
import { keepNodeLease } from "./node/node-lease.ts";
import { NodeReporter } from "./node/node-reporter.ts";
import { readNodeStats } from "./node/node-stats.ts";
import { type ReadAnswer, readEndpoint } from "./node/read-endpoint.ts";
import { PodObjects } from "./objects/pod-objects.ts";
import { Paths } from "./paths.ts";
import {
  type ContainerLocation,
  type ContainerQuery,
  locateContainer,
  locateLog,
  locateSandbox,
} from "./pod/locate-container.ts";
import { removeOrphans } from "./pod/orphans.ts";
import { type PodEvents, podEvents } from "./pod/pod-events.ts";
import { PodSet } from "./pod/pod-set.ts";
import { listRuntime } from "./pod/runtime-list.ts";
import { type AgentSettings, periodsOf, settingsDefaults } from "./settings.ts";
import { removeDirectoriesOfVolumes } from "./volumes/local-volumes.ts";
import { Volumes } from "./volumes/volumes.ts";

export interface AgentOptions {
  readonly client: Client;
  readonly engine: ContainerEngine;
  readonly host: AgentHost;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly nodeName: string;
  readonly settings: AgentSettings;
  /** How it sees the cluster; by watches of its own when left out. */
  readonly view?: ClusterView;
  /** Where the agent and its engine are measured. */
  readonly metrics?: MetricRegistry;
  /** Ends the agent; containers go on running, and the next agent adopts them. */
  readonly signal: AbortSignal;
}

export interface Agent {
  readonly nodeName: string;
  /** The pods of this node with the status that the agent last found. */
  pods(): readonly Pod[];
  // These throw ApiError in the kubelet's words.
  /** The running container that exec and attach mean. */
  findContainer(query: ContainerQuery): ContainerLocation;
  /** The sandbox that port-forward means. */
  findSandbox(query: ContainerQuery): { readonly sandboxId: string };
  /** The container whose log is asked for; with `previous` the one before the last restart. */
  findLog(query: ContainerQuery, previous: boolean): ContainerLocation;
  node(): Node | undefined;
  /** What the node and its pods use, as of now. */
  stats(): Promise<StatsSummary>;
  /** What is answered to a GET of the path, as `metrics/resource`; undefined where there is nothing. */
  read(path: string): Promise<ReadAnswer | undefined>;
}

const engineRetryMs = 1_000;
/** A status that the API does not take keeps the node waiting this long and no longer. */
const firstStatusesMsMax = 5_000;

/** Starts the agent of one node; resolves when the node is registered and its pods have been taken over. */
export async function startAgent(given: AgentOptions): Promise<Agent> {
  const { metrics } = given;
  const options = metrics ? { ...given, engine: measuredEngine(given.engine, metrics, given.clock) } : given;
  const { client, engine, host, clock, random, log, nodeName, settings, signal } = options;
  const recorder = createEventRecorder({ client, clock, random, component: "kubelet", host: nodeName, log, signal });
  const machine = await host.machine();
  const version = await engineVersion(options);
  const view = options.view ?? watchedView(nodeName, { client, clock, random, log, signal });
  const { context, pods, objects, volumes } = assemble(options, view, podEvents(recorder), machine, version.runtime);
  signal.addEventListener("abort", () => pods.close(), { once: true });
  await volumes.start();
  const facts = { name: nodeName, machine, settings, engine: version };
  const reporter = new NodeReporter(context, facts, recorder, () =>
    pods.hasTakenOver ? "" : "pods are being taken over",
  );
  const node = await reporter.register();
  recorder.normal(node, "Starting", "Starting kubelet.");
  await view.synced();
  void followEngine(options, pods);
  const runtime = await listRuntime(engine);
  for (const pod of view.pods()) objects.track(pod);
  pods.takeOver(view.pods(), runtime);
  removeOrphans(context, pods, runtime).catch((error) =>
    log.warn("orphaned pods not looked for", { error: errorMessage(error) }),
  );
  view.onPod((event) => onPod(pods, objects, event));
  void keepNodeLease(context, context.node);
  // Whoever sees the node ready after a stop of the machine must not see its pods as they were before.
  await waitAtMost(clock, firstStatusesMsMax, pods.reported());
  await reporter.tryToReport(context.node() ?? node);
  void reporter.run(context.node);
  startMaintenance(context, pods, recorder);
  if (settings.localVolumes !== false) void removeDirectoriesOfVolumes(context, recorder);
  const stats = () => readNodeStats({ engine, host, clock, nodeName });
  return {
    nodeName,
    node: context.node,
    stats,
    read: (path) => readEndpoint({ context, pods, metrics, stats }, path),
    pods: () => pods.list(),
    findContainer: (query) => locateContainer(pods, query),
    findSandbox: (query) => locateSandbox(pods, query),
    findLog: (query, previous) => locateLog(pods, query, previous),
  };
}

/** The parts of the agent that know each other; none of them is at work yet. */
function assemble(
  { client, engine, host, clock, random, log, nodeName, settings, signal, metrics }: AgentOptions,
  view: ClusterView,
  events: PodEvents,
  machine: Machine,
  runtimeName: string,
): { readonly context: AgentContext; readonly pods: PodSet; readonly objects: PodObjects; readonly volumes: Volumes } {
  const environment = { client, clock, random, log, signal };
  const paths = new Paths(settings);
  const pods: PodSet = new PodSet(
    () => context,
    (podUid) => objects.untrack(podUid),
  );
  const objects = new PodObjects(environment, (uids) => pods.sourcesChanged(uids));
  const shared: Omit<AgentContext, "volumes"> = {
    ...environment,
    ...(metrics ? { metrics: new AgentMetrics(metrics, nodeName, pods) } : {}),
    engine,
    host,
    settings,
    nodeName,
    machine,
    paths,
    pressure: new NodePressure({
      thresholds: settings.evictionHard ?? settingsDefaults.evictionHard,
      transitionMs: settings.evictionTransitionMs ?? settingsDefaults.evictionTransitionMs,
      memoryBytes: machine.memoryBytes,
    }),
    events,
    images: new ImagePuller({
      engine,
      clock,
      events,
      pullsAtOnceMax: settings.pullsAtOnceMax ?? settingsDefaults.pullsAtOnceMax,
      pulled: new PulledImages(host.files, paths.pulledImages),
    }),
    objects,
    runtimeName,
    node: view.node,
    services: view.services,
    async runtimeHandler(pod) {
      const name = pod.spec.runtimeClassName;
      return name ? (await client.get(RuntimeClasses, { name })).handler : "";
    },
    pullSecrets: (pod) => pullSecretsOf(pod, objects, events),
  };
  const volumes = new Volumes(shared);
  const context: AgentContext = { ...shared, volumes };
  return { context, pods, objects, volumes };
}

/** The Secrets with which the pod's images are pulled; those that are not there are told of. */
async function pullSecretsOf(pod: Pod, objects: PodObjects, events: PodEvents): Promise<readonly Secret[]> {
  const names = (pod.spec.imagePullSecrets ?? []).flatMap(({ name }) => name ?? []);
  const found = await Promise.all(names.map((name) => objects.secret(pod.metadata.namespace ?? "", name)));
  const missing = names.filter((_name, index) => found[index] === undefined);
  if (missing.length > 0) {
    const what = `Unable to retrieve some image pull secrets (${missing.join(", ")})`;
    const message = `${what}; attempting to pull the image may not succeed.`;
    events.warning(pod, "FailedToRetrieveImagePullSecret", message);
  }
  return found.filter((each) => each !== undefined);
}

function onPod(pods: PodSet, objects: PodObjects, event: InformerEvent<Pod>): void {
  const { object } = event;
  if (event.type === "delete") {
    pods.remove(object);
    return;
  }
  objects.track(object);
  pods.update(object);
}

async function engineVersion({ engine, clock, log, signal }: AgentOptions) {
  for (;;) {
    try {
      return await engine.version();
    } catch (error) {
      if (signal.aborted) throw error;
      log.warn("container engine does not answer", { error: errorMessage(error) });
      await sleep(clock, engineRetryMs, signal);
    }
  }
}

/** Tells the workers what happens in the engine; lists everything again when events were lost, and now and then. */
async function followEngine(options: AgentOptions, pods: PodSet): Promise<void> {
  const { engine, clock, log, signal } = options;
  const { relistMs } = periodsOf(options.settings);
  const relist = async () => {
    const startedMs = clock.now();
    await pods.relisted(await listRuntime(engine), startedMs);
  };
  const relistNowAndThen = async () => {
    for (await pause(clock, relistMs, signal); !signal.aborted; await pause(clock, relistMs, signal)) {
      await relist().catch((error) => log.warn("relist failed", { error: errorMessage(error) }));
    }
  };
  void relistNowAndThen();
  let first = true;
  while (!signal.aborted) {
    try {
      const events = engine.events(signal);
      if (!first) await relist();
      first = false;
      for await (const event of events) pods.engineEvent(event);
    } catch (error) {
      if (signal.aborted) return;
      log.warn("container engine lost", { error: errorMessage(error) });
    }
    await pause(clock, engineRetryMs, signal);
  }
}

// A control plane in memory with controllers, on a clock that the test moves.
import type { TestContext } from "node:test";
import {
  type Event,
  Events,
  type KubeObject,
  type NewObject,
  type Pod,
  Pods,
  type ResourceHandler,
  type ResourceReference,
  type ResourceRequest,
  type ResourceResponse,
  type User,
} from "../src/api/index.ts";
import {
  type Client,
  type ControllerDefinition,
  InformerSet,
  inProcessClient,
  runControllers,
} from "../src/client/index.ts";
import { startControlPlane } from "../src/cluster/control-plane.ts";
import { issue, newPrivateKey } from "../src/cluster/pki/certificate.ts";
import { certificateSigner } from "../src/cluster/pki/index.ts";
import { allControllers, type CheckApiService } from "../src/controllers/index.ts";
import {
  type Logger,
  type MetricRegistry,
  seededRandom,
  silentLogger,
  timestamp,
  VirtualClock,
} from "../src/lib/index.ts";
import {
  type ApiServer,
  planAdmission,
  type ReadNodeStats,
  type ResourceRegistry,
  type WebhookCaller,
} from "../src/server/index.ts";
import { MemoryStorage } from "../src/storage/index.ts";
import { realWorkDone } from "./real-work.ts";

export interface TestControlPlane {
  readonly client: Client;
  readonly api: ApiServer;
  /** The API as somebody else sees it. */
  as(user: User): Client;
  readonly clock: VirtualClock;
  readonly informers: InformerSet;
  /** The kinds that are served. */
  readonly registry: ResourceRegistry;
  /** Lets everything that is under way come to rest, as far as `ms` milliseconds bring it. */
  rest(ms?: number): Promise<void>;
  create<T extends KubeObject>(resource: ResourceReference<T>, object: NewObject<T>): Promise<T>;
  list<T extends KubeObject>(resource: ResourceReference<T>, namespace?: string): Promise<readonly T[]>;
  /** Type, reason, message and count of the events about objects of one kind. */
  events(kind: string): Promise<readonly string[]>;
  /** Plays the node for every pod that is not ready yet: it runs, has an address and is ready. */
  startPods(): Promise<void>;
  /** Makes the API refuse the controllers' requests for which `why` gives an error. */
  refuse(why: (request: ResourceRequest) => Error | undefined): void;
  /** Stands between the controllers and the API: what `fault` gives is the answer, and `send` carries the request out. */
  between(fault: Fault): void;
  /** The controllers' process dies at this moment, with requests under way, and another one starts from nothing. */
  crash(): void;
  /** The requests of the controllers so far, as `verb plural name`; no watches. */
  requests(): readonly string[];
  /** The reconciles so far, as `controller key`. */
  reconciles(): readonly string[];
  stop(): Promise<void>;
}

export type Fault = (request: ResourceRequest, send: () => Promise<ResourceResponse>) => Promise<ResourceResponse>;

export interface TestControlPlaneOptions {
  /** The names of the controllers that run; all of them when left out. */
  readonly controllers?: readonly string[];
  readonly log?: Logger;
  readonly callWebhook?: WebhookCaller;
  readonly checkApiService?: CheckApiService;
  /** What nodes use; without it there is no metrics.k8s.io. */
  readonly readNodeStats?: ReadNodeStats;
  /** Where the API server is measured, and controllers count that do not crash. */
  readonly metrics?: MetricRegistry;
  /** Admission plugins that are on beside those of the defaults. */
  readonly plugins?: readonly string[];
}

export const rootCertificate = "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n";

export async function startTestControlPlane(
  t: Pick<TestContext, "after">,
  options: TestControlPlaneOptions = {},
): Promise<TestControlPlane> {
  const clock = new VirtualClock();
  const random = seededRandom(1);
  const log = options.log ?? silentLogger;
  const plane = await startControlPlane({
    storage: new MemoryStorage(),
    clock,
    random,
    log,
    serviceAccountKey: newPrivateKey(),
    podRange: "10.42.0.0/16",
    serviceRange: "10.43.0.0/16",
    clusterDomain: "cluster.local",
    apiAddress: "192.0.2.1",
    apiPort: 6443,
    ...(options.callWebhook ? { callWebhook: options.callWebhook } : {}),
    ...(options.readNodeStats ? { readNodeStats: options.readNodeStats } : {}),
    ...(options.metrics ? { metrics: options.metrics } : {}),
    ...(options.plugins ? { admission: planAdmission({ enabled: options.plugins }) } : {}),
    freeze: true,
  });
  const user = { name: "system:kube-controller-manager", groups: ["system:masters"] };
  let fault: Fault = (_, send) => send();
  const requests: string[] = [];
  const reconciles: string[] = [];
  // The test's own requests are neither refused nor counted.
  const client = plane.client(user);
  const validity = { notBeforeMs: clock.now(), notAfterMs: clock.now() + 10 * 365 * 86_400_000 };
  const authority = issue({ commonName: "kubernetes", usage: "authority", ...validity }, random);
  const counted = (definition: ControllerDefinition): ControllerDefinition => ({
    ...definition,
    reconcile(context, key) {
      reconciles.push(`${definition.name} ${key}`);
      return definition.reconcile(context, key);
    },
  });
  const startControllers = () => {
    const stopping = new AbortController();
    const handler: ResourceHandler = {
      async handle(request, by) {
        if (stopping.signal.aborted) throw new Error("this process has ended");
        if (request.verb !== "watch") requests.push(`${request.verb} ${request.plural} ${request.name ?? ""}`.trim());
        return await fault(request, () => plane.api.handle(request, by));
      },
    };
    const controllersClient = inProcessClient(handler, user);
    const informers = new InformerSet({ client: controllersClient, clock, random, log, signal: stopping.signal });
    const all = allControllers({
      resources: plane.api.registry,
      informers,
      ...(options.metrics ? { metrics: options.metrics } : {}),
      rootCertificate,
      signServiceAccountToken: plane.signServiceAccountToken,
      signCertificate: certificateSigner(authority, random),
      podRange: "10.42.0.0/16",
      dnsAddress: "10.43.0.10",
      ...(options.checkApiService ? { checkApiService: options.checkApiService } : {}),
    });
    const isWanted = ({ name }: ControllerDefinition) => options.controllers?.includes(name) ?? true;
    for (const name of options.controllers ?? []) {
      if (!all.some((each) => each.name === name)) throw new Error(`there is no controller ${name}`);
    }
    const running = runControllers({
      controllers: all.filter(isWanted).map(counted),
      client: controllersClient,
      informers,
      clock,
      random,
      log,
      signal: stopping.signal,
    });
    return { informers, running, stopping };
  };
  let process = startControllers();
  const ended: Promise<void>[] = [];
  const rest = async (ms = 100) => {
    const stepMs = Math.max(1, ms / 20);
    for (let passedMs = 0; passedMs < ms; passedMs += stepMs) {
      // After this all promises that can go on have done so, however long their chains are.
      await new Promise((resolve) => setImmediate(resolve));
      await realWorkDone();
      await clock.advance(stepMs);
    }
    await new Promise((resolve) => setImmediate(resolve));
  };
  const list: TestControlPlane["list"] = async (resource, namespace) =>
    (await client.list(resource, namespace === undefined ? {} : { namespace })).items;
  let stopped = false;
  const stop = async () => {
    if (stopped) return;
    stopped = true;
    process.stopping.abort();
    let over = false;
    void Promise.all([...ended, process.running]).then(() => {
      over = true;
    });
    // A reconcile that waits for the clock at this moment ends by it.
    while (!over) await rest(10_000);
    await plane.close();
  };
  t.after(stop);
  return {
    client,
    api: plane.api,
    as: (other) => plane.client(other),
    clock,
    get informers() {
      return process.informers;
    },
    registry: plane.api.registry,
    rest,
    create: (resource, object) => client.create(resource, object),
    list,
    async events(kind) {
      const events: readonly Event[] = await list(Events);
      return events
        .filter(({ involvedObject }) => involvedObject.kind === kind)
        .map(({ type, reason, message, count }) => `${type} ${reason} ${message}${count === 1 ? "" : ` (${count})`}`);
    },
    async startPods() {
      for (const pod of await list(Pods)) {
        if (pod.status.phase !== "Pending" || pod.metadata.deletionTimestamp !== undefined) continue;
        await client.update(Pods, asRunning(pod, clock.now()), { subresource: "status" });
      }
    },
    refuse(why) {
      fault = (request, send) => {
        const error = why(request);
        return error ? Promise.reject(error) : send();
      };
    },
    between(faulty) {
      fault = faulty;
    },
    crash() {
      process.stopping.abort();
      ended.push(process.running);
      process = startControllers();
    },
    requests: () => requests,
    reconciles: () => reconciles,
    stop,
  };
}

let lastAddress = 0;

function asRunning(pod: Pod, nowMs: number): Pod {
  const lastTransitionTime = timestamp(nowMs);
  const podIP = `10.42.0.${(++lastAddress % 250) + 2}`;
  return {
    ...pod,
    status: {
      ...pod.status,
      phase: "Running",
      podIP,
      podIPs: [{ ip: podIP }],
      startTime: lastTransitionTime,
      conditions: [
        { type: "Ready", status: "True", lastTransitionTime },
        { type: "ContainersReady", status: "True", lastTransitionTime },
      ],
    },
  };
}

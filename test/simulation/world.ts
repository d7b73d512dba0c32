// One simulated cluster and what happens to it, all decided by a seed: work that comes, changes and goes, and faults
// meanwhile. Then the faults end, and everything has to come to what was asked for; then all is deleted, and nothing may
// be left.
import {
  ApiError,
  Cluster,
  CronJobs,
  DaemonSets,
  type Deployment,
  Deployments,
  EndpointSlices,
  type FaultRates,
  Jobs,
  type KubeObject,
  MemoryStorage,
  Namespaces,
  Nodes,
  PodDisruptionBudgets,
  Pods,
  podCondition,
  type RecordedStorage,
  ReplicaSets,
  ResourceQuotas,
  type ResourceReference,
  recordedStorage,
  Services,
  StatefulSets,
} from "roder";
import { type LogFields, type Logger, type Random, seededRandom } from "../../src/lib/index.ts";
import { Invariants } from "./invariants.ts";

export interface Outcome {
  /** Of everything that was written. */
  readonly digest: string;
  readonly writes: number;
  /** What was not as it has to be; empty when all is well. */
  readonly problems: readonly string[];
  /** What was done and what went wrong, each with its time. */
  readonly timeline: readonly string[];
}

const namespace = "work";
const opsMax = 40;
const timelineMax = 2_000;

/** Which faults a seed has, by turns: what holds without node failures or late watches is looked at more closely. */
const faultSets: readonly { readonly rates: FaultRates; readonly nodesFail: boolean }[] = [
  { rates: {}, nodesFail: false },
  { rates: { errors: 0.03, conflicts: 0.1, lostAnswers: 0.03 }, nodesFail: false },
  { rates: { crashes: 0.02 }, nodesFail: false },
  { rates: { delays: 0.05, duplicates: 0.1, brokenWatches: 0.01 }, nodesFail: false },
  { rates: {}, nodesFail: true },
  {
    rates: {
      ...{ errors: 0.03, conflicts: 0.05, lostAnswers: 0.03, crashes: 0.01 },
      ...{ delays: 0.03, duplicates: 0.05, brokenWatches: 0.01 },
    },
    nodesFail: true,
  },
];

export async function simulate(seed: number): Promise<Outcome> {
  const world = await World.create(seed);
  try {
    await world.live();
  } finally {
    await world.stop();
  }
  return world.outcome();
}

class World {
  readonly #cluster: Cluster;
  readonly #storage: RecordedStorage;
  readonly #invariants: Invariants;
  readonly #random: Random;
  readonly #nodesFail: boolean;
  readonly #timeline: string[] = [];
  readonly #problems: string[] = [];
  /** What components wanted to do and are not allowed to. */
  readonly #refused: ReadonlySet<string>;
  /** How often objects of which kind were written, by plural. */
  readonly #writes: Map<string, number>;
  /** Names by plural, of what there should be. */
  readonly #wanted = new Map<string, Set<string>>();
  #sequence = 0;

  private constructor(
    seed: number,
    parts: {
      readonly cluster: Cluster;
      readonly storage: RecordedStorage;
      readonly invariants: Invariants;
      readonly refused: ReadonlySet<string>;
      readonly writes: Map<string, number>;
    },
  ) {
    const { cluster, storage, invariants, refused, writes } = parts;
    this.#refused = refused;
    this.#writes = writes;
    this.#cluster = cluster;
    this.#storage = storage;
    this.#invariants = invariants;
    this.#random = seededRandom(seed);
    this.#nodesFail = faultsOf(seed).nodesFail;
    invariants.onBroken = (what) => this.#note(`BROKEN: ${what}`);
    cluster.faults.onFault = (what) => this.#note(`fault: ${what}`);
  }

  static async create(seed: number): Promise<World> {
    const { rates, nodesFail } = faultsOf(seed);
    const invariants = new Invariants(!nodesFail && !rates.delays && !rates.brokenWatches);
    const writes = new Map<string, number>();
    const storage = recordedStorage(new MemoryStorage(), (changes) => {
      invariants.observe(changes);
      for (const { key } of changes) {
        const plural = key.split("/", 4)[3] ?? "";
        writes.set(plural, (writes.get(plural) ?? 0) + 1);
      }
    });
    const refused = new Set<string>();
    const cluster = await Cluster.start({
      log: logTo((message) => refused.add(message)),
      nodes: 3 + (seed % 5),
      clock: "virtual",
      seed,
      storage,
      freeze: false,
      faults: rates,
      profile: {
        zones: ["a", "b", "c"],
        // That a node lives is said rarely, so that more seeds can be looked at.
        leaseRenewal: "30s",
        statusCheck: "30s",
        start: "100ms..8s",
        pull: "0s..3s",
        containers: [
          { image: "job:*", exit: "5s..60s", stop: "0s..2s" },
          { image: "*", stop: "0s..20s", ...(nodesFail ? { failure: 0.05 } : {}) },
        ],
      },
    });
    return new World(seed, { cluster, storage, invariants, refused, writes });
  }

  async live(): Promise<void> {
    const { client } = this.#cluster;
    await client.create(Namespaces, { metadata: { name: namespace } });
    await this.#cluster.advance("2s");
    await this.#quota();
    for (let done = 0; done < opsMax; done++) {
      await this.#operate();
      await this.#cluster.advance(this.#between(1, 60) * 1_000);
      await this.#expectIdentities();
    }
    this.#note("the faults end");
    this.#cluster.faults.end();
    await client.delete(ResourceQuotas, { namespace, name: "pods" });
    for (const node of this.#cluster.nodes.values()) if (!node.isUp) await node.start();
    await this.#cluster.advance("30m");
    await this.#expectWanted();
    await this.#expectRest();
    await this.#deleteAll();
  }

  async stop(): Promise<void> {
    await this.#cluster.stop();
  }

  outcome(): Outcome {
    return {
      digest: this.#storage.digest,
      writes: this.#storage.revision,
      problems: [...this.#invariants.broken, ...this.#problems, ...this.#refused],
      timeline: this.#timeline,
    };
  }

  async #operate(): Promise<void> {
    const operations = [
      ...Array.from({ length: 2 }, () => () => this.#createDeployment()),
      () => this.#createStatefulSet(),
      () => this.#createDaemonSet(),
      () => this.#createJob(),
      () => this.#createCronJob(),
      () => this.#createService(),
      ...Array.from({ length: 4 }, () => () => this.#scale()),
      ...Array.from({ length: 4 }, () => () => this.#roll()),
      () => this.#deleteOne(),
      () => this.#deletePod(),
      ...(this.#nodesFail ? Array.from({ length: 3 }, () => () => this.#disturbNode()) : []),
    ];
    try {
      await this.#oneOf(operations)?.();
    } catch (error) {
      // What the world asks may meet what controllers do at the same time, and be refused: that is no fault of theirs.
      if (!(error instanceof ApiError)) throw error;
      this.#note(`refused: ${error.message}`);
    }
  }

  #quota() {
    return this.#create(ResourceQuotas, { name: "pods" }, { hard: { pods: String(this.#between(20, 60)) } });
  }

  #createDeployment() {
    const recreate = this.#random.next() < 0.2;
    const amount = () => (this.#random.next() < 0.5 ? this.#between(0, 3) : `${this.#between(0, 5) * 10}%`);
    const [maxSurge, maxUnavailable] = [amount(), amount()];
    // Both at nothing is refused.
    const isStuck = Number.parseInt(String(maxSurge), 10) === 0 && Number.parseInt(String(maxUnavailable), 10) === 0;
    const rollingUpdate = { maxSurge: isStuck ? 1 : maxSurge, maxUnavailable };
    return this.#workload(Deployments, this.#name("web"), {
      replicas: this.#between(1, 12),
      strategy: recreate ? { type: "Recreate" } : { type: "RollingUpdate", rollingUpdate },
    });
  }

  #createStatefulSet() {
    return this.#workload(StatefulSets, this.#name("db"), {
      replicas: this.#between(1, 4),
      serviceName: "db",
      podManagementPolicy: this.#oneOf(["OrderedReady", "Parallel"]),
    });
  }

  #createDaemonSet() {
    return this.#workload(DaemonSets, this.#name("agent"), {});
  }

  #jobSpec(name: string) {
    const completions = this.#between(1, 8);
    return {
      completions,
      parallelism: this.#between(1, completions),
      completionMode: this.#oneOf(["Indexed", "NonIndexed"]),
      backoffLimit: 100,
      template: {
        metadata: { labels: { job: name } },
        spec: { ...podSpec("job:1"), restartPolicy: "Never" },
      },
    };
  }

  #createJob() {
    const name = this.#name("job");
    return this.#create(Jobs, { name }, this.#jobSpec(name));
  }

  #createCronJob() {
    const name = this.#name("cron");
    const concurrencyPolicy = this.#oneOf(["Allow", "Forbid", "Replace"]);
    return this.#create(
      CronJobs,
      { name },
      {
        schedule: `*/${this.#between(2, 10)} * * * *`,
        concurrencyPolicy,
        jobTemplate: { spec: this.#jobSpec(name) },
      },
    );
  }

  async #createService() {
    const name = this.#random.next() < 0.5 ? this.#pick("deployments") : this.#pick("statefulsets");
    if (name === undefined) return;
    await this.#create(Services, { name }, { selector: { app: name }, ports: [{ port: 80 }] });
    await this.#create(PodDisruptionBudgets, { name }, { maxUnavailable: 1, selector: { matchLabels: { app: name } } });
  }

  async #scale() {
    const target = this.#target();
    if (!target) return;
    const replicas = this.#between(0, 12);
    this.#note(`scale ${target.name} to ${replicas}`);
    await this.#cluster.client.patch(target.resource, target, { spec: { replicas } });
  }

  async #roll() {
    const target = this.#target(true);
    if (!target) return;
    const image = `app:${this.#between(2, 9)}`;
    this.#note(`set the image of ${target.name} to ${image}`);
    const template = { spec: { containers: [{ name: "main", image }] } };
    await this.#cluster.client.patch(target.resource, target, { spec: { template } });
  }

  async #deleteOne() {
    const [plural, names] = this.#oneOf([...this.#wanted].filter(([, each]) => each.size > 0)) ?? [];
    const name = names && this.#oneOf([...names]);
    const resource = plural !== undefined && resources.find((each) => each.plural === plural);
    if (!resource || name === undefined || resource === ResourceQuotas) return;
    const propagationPolicy = this.#random.next() < 0.5 ? "Background" : "Foreground";
    this.#note(`delete ${plural} ${name} (${propagationPolicy})`);
    await this.#cluster.client.delete(resource, { namespace, name }, { body: { propagationPolicy } });
    names?.delete(name);
  }

  async #deletePod() {
    const { items } = await this.#cluster.client.list(Pods, { namespace });
    const pod = this.#oneOf(items);
    if (!pod) return;
    this.#note(`delete the pod ${pod.metadata.name}`);
    this.#invariants.willGo(pod.metadata.uid);
    await this.#cluster.client.delete(Pods, { namespace, name: pod.metadata.name });
  }

  async #disturbNode() {
    const node = this.#oneOf([...this.#cluster.nodes.values()]);
    if (!node) return;
    if (!node.isUp) {
      this.#note(`${node.name} comes back`);
      // It registers in the time that passes.
      void node.start();
    } else if (this.#random.next() < 0.5) {
      this.#note(`${node.name} loses power`);
      node.fail();
    } else {
      this.#note(`the agent of ${node.name} stops`);
      node.stop();
    }
  }

  #workload(resource: ResourceReference<KubeObject>, name: string, spec: object) {
    const labels = { app: name };
    const template = { metadata: { labels }, spec: podSpec(`app:${this.#between(1, 9)}`) };
    return this.#create(resource, { name }, { selector: { matchLabels: labels }, template, ...spec });
  }

  async #create(resource: ResourceReference<KubeObject>, metadata: { readonly name: string }, spec: object) {
    this.#note(`create ${resource.plural} ${metadata.name} ${JSON.stringify(spec)}`);
    // Each caller gives what its kind has.
    const object = { metadata: { ...metadata, namespace }, spec } as never;
    await this.#cluster.client.create(resource, object);
    this.#wanted.getOrInsertComputed(resource.plural, () => new Set()).add(metadata.name);
  }

  /** No pod of a StatefulSet runs twice, wherever: not even on a node of which nobody knows. */
  async #expectIdentities(): Promise<void> {
    const seen = new Map<string, string>();
    for (const { name, engine } of this.#cluster.nodes.values()) {
      const running = new Set(
        (await engine.listContainers()).filter(({ state }) => state === "running").map(({ sandboxId }) => sandboxId),
      );
      for (const sandbox of await engine.listSandboxes()) {
        if (sandbox.namespace !== namespace || !sandbox.name.startsWith("db-") || !running.has(sandbox.id)) continue;
        const other = seen.get(sandbox.name);
        if (other !== undefined) this.#problem(`${sandbox.name} runs on ${other} and on ${name}`);
        seen.set(sandbox.name, name);
      }
    }
  }

  /** Everything that was asked for is there, and no more than that. */
  async #expectWanted(): Promise<void> {
    const { client } = this.#cluster;
    const expect = (holds: boolean, what: string) => {
      if (!holds) this.#problem(`not as asked for: ${what}`);
    };
    for (const { metadata, status } of (await client.list(Nodes)).items) {
      const ready = status.conditions?.find(({ type }) => type === "Ready")?.status;
      expect(ready === "True", `node ${metadata.name} is ready: ${ready}`);
    }
    const pods = (await client.list(Pods, { namespace })).items;
    const count = (name: string) =>
      pods.filter((pod) => pod.metadata.labels?.app === name && podCondition(pod, "Ready")?.status === "True").length;
    const all = (name: string) => pods.filter((pod) => pod.metadata.labels?.app === name).length;
    for (const each of (await client.list(Deployments, { namespace })).items) expectDeployment(each, expect);
    for (const { metadata, spec } of (await client.list(Deployments, { namespace })).items) {
      expect(
        all(metadata.name) === spec.replicas,
        `${metadata.name} has ${all(metadata.name)} pods of ${spec.replicas}`,
      );
    }
    for (const { metadata, spec, status } of (await client.list(StatefulSets, { namespace })).items) {
      const what = `${metadata.name} has ${count(metadata.name)} ready pods of ${spec.replicas}`;
      expect(count(metadata.name) === spec.replicas && all(metadata.name) === spec.replicas, what);
      expect(status.currentRevision === status.updateRevision, `${metadata.name} is at its last revision`);
    }
    const nodes = this.#cluster.nodes.size;
    for (const { metadata } of (await client.list(DaemonSets, { namespace })).items) {
      expect(count(metadata.name) === nodes, `${metadata.name} has ${count(metadata.name)} ready pods of ${nodes}`);
    }
    for (const { metadata, spec, status } of (await client.list(Jobs, { namespace })).items) {
      if (controllerOfCron(metadata)) continue;
      const what = `${metadata.name} succeeded ${status.succeeded} times of ${spec.completions}`;
      expect(status.succeeded === spec.completions, what);
    }
    for (const { metadata } of (await client.list(Services, { namespace })).items) {
      const slices = (await client.list(EndpointSlices, { namespace })).items.filter(
        (slice) => slice.metadata.labels?.["kubernetes.io/service-name"] === metadata.name,
      );
      const ready = slices.flatMap(({ endpoints }) => endpoints ?? []).filter((each) => each.conditions?.ready).length;
      expect(ready === count(metadata.name), `${metadata.name} has ${ready} endpoints of ${count(metadata.name)}`);
    }
  }

  /** Where nothing is asked for nothing is written, but that the nodes are there. */
  async #expectRest(): Promise<void> {
    const { client } = this.#cluster;
    for (const { metadata } of (await client.list(CronJobs, { namespace })).items) {
      await client.patch(CronJobs, { namespace, name: metadata.name }, { spec: { suspend: true } });
    }
    await this.#cluster.advance("20m");
    this.#writes.clear();
    const minutes = 10;
    await this.#cluster.advance(`${minutes}m`);
    const nodes = this.#cluster.nodes.size;
    // A lease every half a minute, a status every five minutes. What happened an hour ago is forgotten.
    const expected: Readonly<Record<string, number>> = {
      leases: nodes * minutes * 2,
      nodes: nodes * 3,
      events: 10_000,
    };
    for (const [plural, count] of this.#writes) {
      if (count > (expected[plural] ?? 0)) this.#problem(`no rest: ${count} writes of ${plural} while nothing happens`);
    }
  }

  /** What is deleted leaves nothing. */
  async #deleteAll(): Promise<void> {
    const { client } = this.#cluster;
    this.#note("delete everything");
    this.#invariants.promisesEnd();
    await client.delete(Namespaces, { name: namespace });
    await this.#cluster.advance("10m");
    for (const resource of [...resources, Pods, ReplicaSets, EndpointSlices]) {
      const left = (await client.list(resource, { namespace })).items.map(({ metadata }) => metadata.name);
      if (left.length > 0) this.#problem(`left behind: ${resource.plural} ${left.join(", ")}`);
    }
    const namespaces = (await client.list(Namespaces)).items.map(({ metadata }) => metadata.name);
    if (namespaces.includes(namespace)) this.#problem("left behind: the namespace");
    for (const { name, engine } of this.#cluster.nodes.values()) {
      const sandboxes = (await engine.listSandboxes()).filter((each) => each.namespace === namespace);
      if (sandboxes.length > 0) this.#problem(`left behind: ${sandboxes.length} sandboxes on ${name}`);
    }
  }

  /** A workload that can be scaled, or rolled. */
  #target(withDaemonSets = false) {
    const kinds: ResourceReference[] = [
      Deployments,
      Deployments,
      StatefulSets,
      ...(withDaemonSets ? [DaemonSets] : []),
    ];
    const resource = this.#oneOf(kinds);
    const name = resource && this.#pick(resource.plural);
    return name === undefined || !resource ? undefined : { resource, namespace, name };
  }

  #pick(plural: string): string | undefined {
    return this.#oneOf([...(this.#wanted.get(plural) ?? [])]);
  }

  #name(prefix: string): string {
    return `${prefix}-${++this.#sequence}`;
  }

  #between(from: number, to: number): number {
    return from + Math.floor(this.#random.next() * (to - from + 1));
  }

  #oneOf<T>(all: readonly T[]): T | undefined {
    return all[Math.floor(this.#random.next() * all.length)];
  }

  #problem(what: string): void {
    this.#problems.push(what);
    this.#note(`PROBLEM: ${what}`);
  }

  #note(what: string): void {
    if (this.#timeline.length === timelineMax) this.#timeline.shift();
    this.#timeline.push(`${new Date(this.#cluster.clock.now()).toISOString().slice(11, 23)} ${what}`);
  }
}

const resources: readonly ResourceReference[] = [
  ...[Deployments, StatefulSets, DaemonSets, CronJobs, Jobs],
  ...[Services, PodDisruptionBudgets, ResourceQuotas],
];

function faultsOf(seed: number) {
  const set = faultSets[seed % faultSets.length];
  if (!set) throw new Error(`the seed ${seed} is no whole number from 0 on`);
  return set;
}

/** Notes what a component's role does not allow: each has to have all that its work takes. */
function logTo(note: (message: string) => void): Logger {
  const write = (_message: string, fields?: LogFields) => {
    const error = String(fields?.error ?? "");
    if (/is forbidden: User "/.test(error)) note(error);
  };
  const log: Logger = { debug: () => {}, info: () => {}, warn: write, error: write, child: () => log };
  return log;
}

function podSpec(image: string) {
  const resourceRequests = { requests: { cpu: "10m", memory: "16Mi" } };
  return {
    automountServiceAccountToken: false,
    terminationGracePeriodSeconds: 10,
    containers: [{ name: "main", image, resources: resourceRequests }],
  };
}

function controllerOfCron({ ownerReferences = [] }: KubeObject["metadata"]): boolean {
  return ownerReferences.some(({ kind }) => kind === "CronJob");
}

function expectDeployment({ metadata, spec, status }: Deployment, expect: (holds: boolean, what: string) => void) {
  const { replicas = 1 } = spec;
  const { updatedReplicas = 0, availableReplicas = 0 } = status;
  expect(updatedReplicas === replicas, `${metadata.name} has ${updatedReplicas} updated replicas of ${replicas}`);
  expect(availableReplicas === replicas, `${metadata.name} has ${availableReplicas} available replicas of ${replicas}`);
}

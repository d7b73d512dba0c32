import {
  ApiError,
  isPodTerminal,
  type KubeObject,
  type Namespace,
  Namespaces,
  type Node,
  Nodes,
  type Pod,
  Pods,
  type ResourceReference,
} from "../api/index.ts";
import {
  type Client,
  createEventRecorder,
  type EventRecorder,
  type Informer,
  type InformerEvent,
  type InformerSet,
  keyOf,
  type ObjectKey,
} from "../client/index.ts";
import { type Clock, deepEqual, errorMessage, type Logger, MetricRegistry, type Random } from "../lib/index.ts";
import { BindingCycle } from "./binding-cycle.ts";
import { defaultConfiguration, defaultSchedulerName, type SchedulerConfiguration } from "./configuration.ts";
import type { Diagnosis } from "./diagnosis.ts";
import { explainNodes } from "./explanation.ts";
import { isJoining, sameForScheduling } from "./node-changes.ts";
import type { Explanation, PlacementRecord } from "./placement-record.ts";
import { Planner } from "./planner.ts";
import type { PluginDefinition, Remedy, WakeHint } from "./plugin.ts";
import { asPod, objectKeyOf } from "./pod-key.ts";
import { PodReports } from "./pod-reports.ts";
import { PodShapes } from "./pod-shape.ts";
import { createProfile, type Profile } from "./profile.ts";
import { type QueuedPod, SchedulingQueue } from "./queue.ts";
import { findRemedy, nothingHelps } from "./remedies.ts";
import type { PodToPlace } from "./rule.ts";
import { type AttemptResult, SchedulerMetrics } from "./scheduler-metrics.ts";
import { type NodeState, Snapshot, sameForOthers } from "./snapshot.ts";

export interface SchedulerOptions {
  readonly client: Client;
  /** Shared with whoever else reads in this process; its signal should not end before `signal`. */
  readonly informers: InformerSet;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** Where events go; to the API when left out. */
  readonly events?: EventRecorder;
  /** Where attempts are counted. */
  readonly metrics?: MetricRegistry;
  /** One profile with Kubernetes' defaults when left out. */
  readonly configuration?: SchedulerConfiguration;
  /** Plugins beside the default ones, which profiles may name. */
  readonly plugins?: readonly PluginDefinition[];
  /** Where decisions are kept. */
  readonly placements?: PlacementRecord;
}

/** Kubernetes' words for what wakes pods, as metrics have them. */
const actions = { add: "Add", update: "Update", delete: "Delete" } as const;
/** Also for room that was only kept. */
const podGone = "AssignedPodDelete";

/** How many writes are under way at once. While they are, the event loop has its turn. */
const writesMax = 256;

/** Gives pods their nodes until `signal` is aborted; resolves when the last write has ended. */
export async function runScheduler(options: SchedulerOptions): Promise<void> {
  await new Scheduler(options).run();
}

/** What places the pods of one profile. */
interface Placing {
  readonly profile: Profile;
  readonly planner: Planner;
  readonly cycle: BindingCycle;
}

/** The shell around the planner: events in, bindings, conditions and events out. */
class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #metrics: SchedulerMetrics;
  readonly #events: EventRecorder;
  readonly #reports: PodReports;
  readonly #snapshot: Snapshot;
  readonly #placings = new Map<string, Placing>();
  readonly #wakes: readonly { readonly plugin: string; readonly hint: WakeHint }[];
  readonly #queue: SchedulingQueue;
  readonly #pods: Informer<Pod>;
  readonly #nodes: Informer<Node>;
  readonly #namespaces: Informer<Namespace>;
  /** The informers that plugins use. */
  readonly #used = new Set<Informer>();
  /** Those that count against `writesMax`. */
  #writes = 0;
  #underWay = 0;
  #started = false;
  #pumpScheduled = false;
  #whenIdle: (() => void) | undefined;

  constructor(options: SchedulerOptions) {
    const { client, clock, random, log, signal, informers } = options;
    this.#options = options;
    this.#events =
      options.events ?? createEventRecorder({ client, clock, random, log, signal, component: defaultSchedulerName });
    this.#metrics = new SchedulerMetrics(options.metrics ?? new MetricRegistry(), clock);
    const shapes = new PodShapes();
    this.#snapshot = new Snapshot(shapes);
    this.#pods = informers.informer(Pods);
    this.#nodes = informers.informer(Nodes);
    this.#namespaces = informers.informer(Namespaces);
    this.#reports = new PodReports({
      ...options,
      events: this.#events,
      write: (writing) => this.#write(writing),
      latest: (pod) => this.#pods.get(keyOf(pod)) ?? pod,
    });
    const context = { ...options, events: this.#events, snapshot: this.#snapshot, informer: this.#informer };
    const { profiles, initialBackoffMs, maxBackoffMs } = options.configuration ?? defaultConfiguration;
    for (const settings of profiles) {
      const profile = createProfile(settings, context, options.plugins);
      const planner = new Planner(this.#snapshot, profile, random);
      this.#placings.set(profile.schedulerName, {
        profile,
        planner,
        cycle: new BindingCycle(profile, this.#snapshot, client, (point, act) =>
          this.#metrics.timed(point, profile.schedulerName, act),
        ),
      });
    }
    this.#wakes = [...this.#placings.values()].flatMap(({ profile }) =>
      profile.plugins.flatMap(({ name, wakes = [] }) => wakes.map((hint) => ({ plugin: name, hint }))),
    );
    for (const { hint } of this.#wakes) this.#informer(hint.resource);
    this.#queue = new SchedulingQueue(
      clock,
      shapes,
      () => this.#schedulePump(),
      (pod) => this.#gateOf(pod),
      { firstMs: initialBackoffMs, maxMs: maxBackoffMs },
      this.#metrics.incoming,
    );
    this.#metrics.observeQueue(this.#queue);
  }

  /** Gives plugins their informers, and notes them: planning begins when all have their first list. */
  readonly #informer = <T extends KubeObject>(resource: ResourceReference<T>): Informer<T> => {
    const informer = this.#options.informers.informer(resource);
    // Only handlers and the first list matter here, not the type of what is in it.
    this.#used.add(informer as unknown as Informer);
    return informer;
  };

  #gateOf(pod: Pod): string | undefined {
    const { preEnqueue = [] } = this.#placings.get(schedulerNameOf(pod))?.profile ?? {};
    return preEnqueue.find((plugin) => plugin.preEnqueue!(pod) !== undefined)?.name;
  }

  async run(): Promise<void> {
    const { signal } = this.#options;
    const stopHandlers = [
      this.#namespaces.addHandler((event) => this.#onNamespace(event)),
      this.#nodes.addHandler((event) => this.#onNode(event)),
      this.#pods.addHandler((event) => this.#onPod(event)),
      ...this.#wakes.map(({ plugin, hint }) =>
        this.#informer(hint.resource).addHandler((event) => {
          const label = `${hint.resource.kind}${actions[event.type]}`;
          this.#queue.wakeRejectedBy(plugin, label, (pod) => hint.mayHelp(pod, event));
        }),
      ),
    ];
    const informers = [this.#namespaces, this.#nodes, this.#pods, ...this.#used];
    await Promise.all(informers.map((informer) => informer.synced()));
    this.#started = true;
    this.#options.placements?.attach((key) => this.#explain(key));
    this.#schedulePump();
    await new Promise<void>((resolve) => {
      const stop = () => {
        for (const stopHandler of stopHandlers) stopHandler();
        this.#queue.close();
        this.#options.placements?.attach(undefined);
        if (this.#underWay === 0) resolve();
        else this.#whenIdle = resolve;
      };
      if (signal.aborted) stop();
      else signal.addEventListener("abort", stop, { once: true });
    });
  }

  /** What was decided of a pod, and what the rules say now. */
  #explain({ namespace = "", name }: ObjectKey): Explanation | undefined {
    const pod = this.#pods.get(`${namespace}/${name}`);
    if (pod === undefined) return undefined;
    const { uid } = pod.metadata;
    const schedulerName = schedulerNameOf(pod);
    const profile = this.#placings.get(schedulerName)?.profile;
    const nodes = profile ? explainNodes(pod, profile, this.#snapshot) : [];
    const decision = this.#options.placements?.decisionOf(uid);
    const waiting = this.#queue.describe(uid);
    return {
      namespace,
      name,
      schedulerName,
      ...(pod.spec.nodeName ? { node: pod.spec.nodeName } : {}),
      ...(waiting === undefined ? {} : { waiting }),
      ...(decision === undefined ? {} : { decision }),
      nodes,
    };
  }

  #onNamespace(event: InformerEvent<Namespace>): void {
    const { name, labels = {} } = event.object.metadata;
    if (event.type === "delete") this.#snapshot.removeNamespace(name);
    else this.#snapshot.setNamespace(name, labels);
    if (event.type !== "update" || deepEqual(event.old.metadata.labels, event.object.metadata.labels)) return;
    // Terms may select namespaces by their labels.
    this.#queue.wake("NamespaceUpdate", (pod) => pod.spec.affinity !== undefined);
  }

  #onNode(event: InformerEvent<Node>): void {
    const { name } = event.object.metadata;
    const label = `Node${actions[event.type]}`;
    if (event.type === "delete") {
      const nominated = [...(this.#snapshot.node(name)?.nominated.keys() ?? [])];
      this.#snapshot.removeNode(name);
      for (const uid of nominated) this.#queue.wakePod(uid, label);
      // With it a domain may be gone that had the fewest pods.
      this.#queue.wake(label, (_, shape) => shape.hasSpreadConstraints);
      return;
    }
    // Most updates are heartbeats, which say nothing about where pods fit.
    if (event.type === "update" && sameForScheduling(event.old, event.object)) {
      this.#snapshot.refreshNode(event.object);
      return;
    }
    const before = this.#queue.hasWaiting ? this.#snapshot.node(name)?.with({ added: [], removed: [] }) : undefined;
    this.#snapshot.setNode(event.object);
    const node = this.#snapshot.node(name);
    this.#wakeFor(node, label);
    if (before === undefined || node === undefined || isJoining(before.node)) return;
    this.#queue.wake(label, (pod, shape) => this.#plannerOf(pod)?.isJudgedAnew({ pod, shape }, before, node) ?? false);
  }

  #onPod(event: InformerEvent<Pod>): void {
    const { type, object: pod } = event;
    const { uid } = pod.metadata;
    if (type === "delete" || isPodTerminal(pod)) {
      if (type === "delete") this.#options.placements?.forget(uid);
      this.#queue.delete(uid);
      this.#withdrawNomination(pod);
      this.#leave(pod);
      return;
    }
    if (pod.spec.nodeName) {
      this.#queue.delete(uid);
      this.#withdrawNomination(pod);
      const before = this.#snapshot.placed(uid);
      this.#snapshot.place(pod, pod.spec.nodeName);
      // One that was resized may leave more than before.
      if (before && before.shape !== this.#snapshot.placed(uid)?.shape) {
        this.#wakeFor(this.#snapshot.node(before.nodeName), "AssignedPodUpdate");
      }
      if (before && before.nodeName === pod.spec.nodeName && sameForOthers(before.pod, pod)) return;
      const label = before ? "AssignedPodUpdate" : "AssignedPodAdd";
      this.#wakeForPod(pod, label);
      // Where it was as it was before, others may be now.
      if (before) this.#wakeForPod(before.pod, label);
      return;
    }
    if (!this.#isOurs(pod)) {
      this.#queue.delete(uid);
      this.#withdrawNomination(pod);
      // One that goes before it was bound will not be bound any more.
      this.#leave(pod);
      return;
    }
    this.#queue.add(pod);
    this.#followNomination(pod, type === "update" ? event.old : undefined);
  }

  /** Takes a pod from its node, if it is or was about to be on one, and lets others have its place. */
  #leave(pod: Pod): void {
    const placed = this.#snapshot.unplace(pod.metadata.uid);
    if (placed === undefined) return;
    this.#wakeFor(this.#snapshot.node(placed.nodeName), podGone);
    this.#wakeForPod(pod, podGone);
  }

  /** Takes over a nomination that was written: by this scheduler, one before it, or one who takes it away. */
  #followNomination(pod: Pod, old: Pod | undefined): void {
    const { nominatedNodeName = "" } = pod.status ?? {};
    if (nominatedNodeName === (old?.status?.nominatedNodeName ?? "")) return;
    if (nominatedNodeName !== "") {
      // One that is being bound has its room.
      if (this.#snapshot.placed(pod.metadata.uid)) return;
      this.#nominate(pod, nominatedNodeName);
    } else if (this.#snapshot.nominatedNode(pod.metadata.uid) !== undefined) {
      this.#withdrawNomination(pod);
      this.#queue.wakePod(pod.metadata.uid, "UnschedulablePodUpdate");
    }
  }

  /** Lets the pods try again that would fit on a node that has changed. */
  #wakeFor(node: NodeState | undefined, event: string): void {
    if (node === undefined) return;
    // Those for which room is being made there see how far that is, or that it is no use any more.
    for (const uid of node.nominated.keys()) this.#queue.wakePod(uid, event);
    this.#queue.wake(event, (pod, shape) => this.#plannerOf(pod)?.mayFit({ pod, shape }, node) ?? false);
  }

  /** Lets the pods try again to which it matters where other pods are. */
  #wakeForPod(other: Pod, event: string): void {
    let found: PodToPlace | undefined;
    this.#queue.wake(event, (pod, shape) => {
      // Worked out only where pods wait.
      found ??= { pod: other, shape: this.#snapshot.shapes.of(other, this.#snapshot.placed(other.metadata.uid)) };
      return this.#plannerOf(pod)?.isConcernedBy({ pod, shape }, found) ?? false;
    });
  }

  #plannerOf(pod: Pod): Planner | undefined {
    return this.#placings.get(schedulerNameOf(pod))?.planner;
  }

  /** Plans after the events that are being handed out, so that all of them are known. */
  #schedulePump(): void {
    if (!this.#started || this.#pumpScheduled) return;
    this.#pumpScheduled = true;
    void Promise.resolve().then(() => {
      this.#pumpScheduled = false;
      this.#pump();
    });
  }

  #pump(): void {
    while (this.#writes < writesMax) {
      const queued = this.#queue.take();
      if (queued === undefined) return;
      const startMs = this.#options.clock.monotonicMs();
      try {
        this.#schedule(queued, startMs);
      } catch (error) {
        // A plugin that fails with one pod must not keep the others from their nodes.
        const { pod, shape } = queued;
        const placed = this.#snapshot.unplace(pod.metadata.uid);
        const cycle = this.#placings.get(schedulerNameOf(pod))?.cycle;
        if (placed) cycle?.unreserve({ pod, shape }, placed.nodeName);
        this.#attempted(pod, "error", startMs);
        this.#failed(queued, error);
      }
    }
  }

  #schedule(queued: QueuedPod, startMs: number): void {
    const { pod } = queued;
    const placing = this.#placings.get(schedulerNameOf(pod));
    // Its profile was there when it came, and profiles do not change.
    if (placing === undefined) throw new Error(`no profile for the pod ${keyOf(pod)}`);
    const { planner, cycle, profile } = placing;
    const toPlace: PodToPlace = { pod, shape: queued.shape };
    const plan = planner.plan(pod, queued.shape);
    this.#metrics.searched("nodeName" in plan, profile.schedulerName, startMs);
    if ("nodeName" in plan) {
      // The pod counts as placed from here on, so that the next plan need not wait for the binding.
      this.#snapshot.place(pod, plan.nodeName, queued);
      const rejected = cycle.reserve(toPlace, plan.nodeName);
      if (rejected === undefined) {
        // What was kept for it on another node is free now.
        const kept = this.#snapshot.withdrawNomination(pod.metadata.uid);
        if (kept !== undefined && kept !== plan.nodeName) this.#wakeFor(this.#snapshot.node(kept), podGone);
        this.#options.placements?.placed(pod, queued.failures + 1, plan.nodeName, plan.scores);
        this.#wakeForPod(pod, "AssignedPodAdd");
        // One that waits for a volume, say, must not keep the others from their nodes.
        this.#write(this.#bind(queued, cycle, plan.nodeName, startMs), cycle.waits(toPlace) ? 0 : 1);
      } else {
        this.#snapshot.unplace(pod.metadata.uid);
        this.#unschedulable(queued, startMs, rejected, nothingHelps);
      }
      return;
    }
    const { diagnosis } = plan;
    const soughtMs = this.#options.clock.monotonicMs();
    const remedy = findRemedy(profile.postFilter, toPlace, diagnosis, () => planner.checkFor(pod));
    this.#metrics.soughtRemedy(remedy, profile.schedulerName, soughtMs);
    this.#unschedulable(queued, startMs, diagnosis, remedy);
  }

  /** Puts a pod without a node back, and has done what may help it. */
  #unschedulable(queued: QueuedPod, startMs: number, diagnosis: Diagnosis, remedy: Remedy): void {
    const { carryOut, nodeName } = remedy;
    const message = diagnosis.message(remedy.message);
    this.#queue.wait(queued, diagnosis.rules, carryOut !== undefined);
    if (nodeName === null) this.#withdrawNomination(queued.pod);
    else if (nodeName !== undefined) this.#nominate(queued.pod, nodeName);
    this.#attempted(queued.pod, "unschedulable", startMs);
    this.#options.placements?.failed(queued.pod, queued.failures, message, diagnosis);
    const reported = this.#reports.tell(queued, "Unschedulable", message, nodeName);
    if (carryOut) this.#write(this.#carryOut(queued, reported, carryOut));
  }

  #nominate(pod: Pod, nodeName: string): void {
    const before = this.#snapshot.nominatedNode(pod.metadata.uid);
    this.#snapshot.nominate(pod, nodeName);
    if (before !== undefined && before !== nodeName) this.#wakeFor(this.#snapshot.node(before), podGone);
  }

  /** Others may have the room that was kept for the pod. */
  #withdrawNomination({ metadata: { uid } }: Pod): void {
    const nodeName = this.#snapshot.withdrawNomination(uid);
    if (nodeName !== undefined) this.#wakeFor(this.#snapshot.node(nodeName), podGone);
  }

  /** Does what a plugin found, after it was written where: who goes on from here after a crash knows for whom it was. */
  async #carryOut(
    queued: QueuedPod,
    reported: Promise<void> | undefined,
    carryOut: NonNullable<Remedy["carryOut"]>,
  ): Promise<void> {
    const { log, signal } = this.#options;
    let failed = false;
    try {
      await reported;
      await carryOut(signal);
    } catch (error) {
      // The next plan looks for a way again.
      failed = true;
      if (!signal.aborted) log.warn("no room made for pod", { pod: keyOf(queued.pod), error: errorMessage(error) });
    }
    this.#queue.release(queued, failed);
  }

  #attempted(pod: Pod, result: AttemptResult, startMs: number): void {
    this.#metrics.attempted(schedulerNameOf(pod), result, startMs);
  }

  async #bind(queued: QueuedPod, cycle: BindingCycle, nodeName: string, startMs: number): Promise<void> {
    const { signal, log } = this.#options;
    const { pod } = queued;
    const { namespace, name } = pod.metadata;
    const toPlace: PodToPlace = { pod, shape: queued.shape };
    this.#queue.listen(queued, cycle.permitting(toPlace));
    try {
      // What takes its time is told before: https://kep.k8s.io/5278
      if (cycle.waits(toPlace)) await this.#reports.nominate(queued, nodeName);
      const rejected = await cycle.bind(toPlace, nodeName, signal);
      if (rejected) {
        this.#takeBack(toPlace, cycle, nodeName);
        this.#unschedulable(queued, startMs, rejected, nothingHelps);
        return;
      }
    } catch (error) {
      this.#attempted(pod, "error", startMs);
      if (!signal.aborted) await this.#bindingFailed(queued, cycle, nodeName, error);
      return;
    }
    this.#attempted(pod, "scheduled", startMs);
    this.#metrics.bound(queued.failures + 1, queued.firstTriedMs ?? startMs);
    log.debug("bound pod", { pod: keyOf(pod), node: nodeName });
    this.#events.normal(asPod(pod), "Scheduled", `Successfully assigned ${namespace}/${name} to ${nodeName}`);
  }

  async #bindingFailed(queued: QueuedPod, cycle: BindingCycle, nodeName: string, error: unknown): Promise<void> {
    const { pod } = queued;
    const cause = error instanceof Error && error.cause instanceof ApiError ? error.cause : undefined;
    // The binding may have reached the server although its answer did not reach us: then the informer has the last word.
    if (await this.#isBound(pod, cause !== undefined && cause.code < 500)) return;
    this.#takeBack({ pod, shape: queued.shape }, cycle, nodeName);
    // One that was deleted meanwhile is gone in a moment: the informer will say so.
    if (cause?.code === 404) this.#queue.retry(queued);
    else this.#failed(queued, error);
  }

  /** Whether the pod has a node. Where nobody was refused, the server is asked: what is taken back too early is given twice. */
  async #isBound(pod: Pod, isRefused: boolean): Promise<boolean> {
    const { client, signal } = this.#options;
    const hasNode = (known: Pod | undefined) => known?.metadata.uid === pod.metadata.uid && !!known.spec.nodeName;
    if (hasNode(this.#pods.get(keyOf(pod)))) return true;
    if (isRefused) return false;
    try {
      return hasNode(await client.get(Pods, objectKeyOf(pod), { signal }));
    } catch {
      // Nobody answers now either: it counts as not bound until the informer says otherwise.
      return hasNode(this.#pods.get(keyOf(pod)));
    }
  }

  /** Something went wrong with the pod that is nobody's rule: it is tried again later, on any node. */
  #failed(queued: QueuedPod, error: unknown): void {
    this.#queue.retry(queued);
    this.#options.log.warn("a pod could not be placed", { pod: keyOf(queued.pod), error: errorMessage(error) });
    this.#withdrawNomination(queued.pod);
    this.#reports.tell(queued, "SchedulerError", errorMessage(error), null);
  }

  /** Takes a pod from the node that it did not reach after all. */
  #takeBack(toPlace: PodToPlace, cycle: BindingCycle, nodeName: string): void {
    const { pod } = toPlace;
    cycle.unreserve(toPlace, nodeName);
    this.#snapshot.unplace(pod.metadata.uid);
    // Also for one that was deleted and left before: what was reserved for it is free only now.
    this.#wakeFor(this.#snapshot.node(nodeName), podGone);
    this.#wakeForPod(pod, podGone);
  }

  /** Whether the pod is ours to schedule: under a name of ours, and not going away. */
  #isOurs(pod: Pod): boolean {
    return this.#placings.has(schedulerNameOf(pod)) && pod.metadata.deletionTimestamp === undefined;
  }

  #write(writing: Promise<void>, weight = 1): void {
    this.#writes += weight;
    this.#underWay++;
    void writing.finally(() => {
      this.#writes -= weight;
      this.#underWay--;
      if (this.#underWay === 0) this.#whenIdle?.();
      this.#schedulePump();
    });
  }
}

function schedulerNameOf(pod: Pod): string {
  return pod.spec.schedulerName ?? defaultSchedulerName;
}

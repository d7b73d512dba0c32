import {
  ApiError,
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
  type InformerSet,
  keyOf,
  type ObjectKey,
} from "../client/index.ts";
import { type Clock, errorMessage, type Logger, MetricRegistry, type Random } from "../lib/index.ts";
import { BindingCycle } from "./binding-cycle.ts";
import { ClusterChanges } from "./cluster-changes.ts";
import { defaultConfiguration, defaultSchedulerName, type SchedulerConfiguration } from "./configuration.ts";
import type { Diagnosis } from "./diagnosis.ts";
import { explainNodes } from "./explanation.ts";
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
import { Snapshot } from "./snapshot.ts";

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

/** How many writes are under way at once. While they are, the event loop has its turn. */
const writesMax = 256;
/** How many bindings wait at once, for volumes say: more than are made in the ten seconds until another pod is tried again. */
const waitsMax = 1_000;

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
  readonly #changes: ClusterChanges;
  readonly #pods: Informer<Pod>;
  readonly #nodes: Informer<Node>;
  readonly #namespaces: Informer<Namespace>;
  /** The informers that plugins use. */
  readonly #used = new Set<Informer>();
  readonly #underWay = { writes: 0, waits: 0 };
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
      write: (writing) => this.#follow(writing),
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
    this.#changes = new ClusterChanges({
      snapshot: this.#snapshot,
      queue: this.#queue,
      plannerOf: (pod) => this.#placingOf(pod)?.planner,
      placements: options.placements,
    });
  }

  /** Gives plugins their informers, and notes them: planning begins when all have their first list. */
  readonly #informer = <T extends KubeObject>(resource: ResourceReference<T>): Informer<T> => {
    const informer = this.#options.informers.informer(resource);
    // Only handlers and the first list matter here, not the type of what is in it.
    this.#used.add(informer as unknown as Informer);
    return informer;
  };

  /** Undefined for a pod of another scheduler. */
  #placingOf(pod: Pod): Placing | undefined {
    return this.#placings.get(schedulerNameOf(pod));
  }

  #gateOf(pod: Pod): string | undefined {
    const { preEnqueue = [] } = this.#placingOf(pod)?.profile ?? {};
    return preEnqueue.find((plugin) => plugin.preEnqueue!(pod) !== undefined)?.name;
  }

  async run(): Promise<void> {
    const { signal } = this.#options;
    const stopHandlers = [
      this.#namespaces.addHandler((event) => this.#changes.onNamespace(event)),
      this.#nodes.addHandler((event) => this.#changes.onNode(event)),
      this.#pods.addHandler((event) => this.#changes.onPod(event)),
      ...this.#wakes.map(({ plugin, hint }) =>
        this.#informer(hint.resource).addHandler((event) => this.#changes.onHinted(plugin, hint, event)),
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
        if (this.#isIdle) resolve();
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
    const profile = this.#placingOf(pod)?.profile;
    const nodes = profile ? explainNodes(pod, profile, this.#snapshot) : [];
    const decision = this.#options.placements?.decisionOf(uid);
    const waiting = this.#queue.describe(uid);
    return {
      namespace,
      name,
      schedulerName: schedulerNameOf(pod),
      ...(pod.spec.nodeName ? { node: pod.spec.nodeName } : {}),
      ...(waiting === undefined ? {} : { waiting }),
      ...(decision === undefined ? {} : { decision }),
      nodes,
    };
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
    while (this.#underWay.writes < writesMax) {
      const queued = this.#queue.take();
      if (queued === undefined) return;
      const startMs = this.#options.clock.monotonicMs();
      try {
        this.#schedule(queued, startMs);
      } catch (error) {
        // A plugin that fails with one pod must not keep the others from their nodes.
        const { pod, shape } = queued;
        const placed = this.#snapshot.unplace(pod.metadata.uid);
        if (placed) this.#placingOf(pod)?.cycle.unreserve({ pod, shape }, placed.nodeName);
        this.#attempted(pod, "error", startMs);
        this.#failed(queued, error);
      }
    }
  }

  #schedule(queued: QueuedPod, startMs: number): void {
    const { pod } = queued;
    const placing = this.#placingOf(pod);
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
        const waits = cycle.waits(toPlace);
        // It is tried again after a pause, as when anything else fails; meanwhile others that need not wait are bound.
        if (waits && this.#underWay.waits >= waitsMax) throw new Error(`${waitsMax} other pods wait to be bound`);
        this.#options.placements?.placed(pod, queued.failures + 1, plan.nodeName, plan.scores);
        this.#changes.settle(pod, plan.nodeName);
        // One that waits for a volume, say, must not keep the others from their nodes.
        this.#follow(this.#bind(queued, cycle, plan.nodeName, startMs), waits ? "waits" : "writes");
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
    if (nodeName === null) this.#changes.withdrawNomination(queued.pod);
    else if (nodeName !== undefined) this.#changes.nominate(queued.pod, nodeName);
    this.#attempted(queued.pod, "unschedulable", startMs);
    this.#options.placements?.failed(queued.pod, queued.failures, message, diagnosis);
    const reported = this.#reports.tell(queued, "Unschedulable", message, nodeName);
    if (carryOut) this.#follow(this.#carryOut(queued, reported, carryOut));
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
    this.#changes.withdrawNomination(queued.pod);
    this.#reports.tell(queued, "SchedulerError", errorMessage(error), null);
  }

  /** Takes a pod from the node that it did not reach after all. */
  #takeBack(toPlace: PodToPlace, cycle: BindingCycle, nodeName: string): void {
    cycle.unreserve(toPlace, nodeName);
    // Also for one that was deleted and left before: what was reserved for it is free only now.
    this.#changes.takeBack(toPlace.pod, nodeName);
  }

  get #isIdle(): boolean {
    return this.#underWay.writes + this.#underWay.waits === 0;
  }

  /** Counts what is under way, and plans on when it has ended. */
  #follow(work: Promise<void>, kind: "writes" | "waits" = "writes"): void {
    this.#underWay[kind]++;
    void work.finally(() => {
      this.#underWay[kind]--;
      if (this.#isIdle) this.#whenIdle?.();
      this.#schedulePump();
    });
  }
}

function schedulerNameOf(pod: Pod): string {
  return pod.spec.schedulerName ?? defaultSchedulerName;
}

import {
  ApiError,
  isPodTerminal,
  type KubeObject,
  type Namespace,
  Namespaces,
  type Node,
  Nodes,
  type Pod,
  type PodCondition,
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
} from "../client/index.ts";
import {
  type Clock,
  deepEqual,
  errorMessage,
  type Logger,
  type MetricRegistry,
  type Random,
  timestamp,
} from "../lib/index.ts";
import { BindingCycle, objectKeyOf } from "./binding-cycle.ts";
import type { Diagnosis } from "./diagnosis.ts";
import { Planner } from "./planner.ts";
import type { Remedy, WakeHint } from "./plugin.ts";
import { createDefaultPlugins } from "./plugins.ts";
import { PodShapes } from "./pod-shape.ts";
import { type Profile, profileOf } from "./profile.ts";
import { type QueuedPod, SchedulingQueue } from "./queue.ts";
import type { PodToPlace } from "./rule.ts";
import { type AttemptResult, SchedulerMetrics } from "./scheduler-metrics.ts";
import { type NodeState, Snapshot } from "./snapshot.ts";

export const defaultSchedulerName = "default-scheduler";

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
}

/** How many writes are under way at once. While they are, the event loop has its turn. */
const writesMax = 64;
/** How long a pod's failure is not told again in the same words. */
const repeatReportMs = 5 * 60_000;

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
  readonly #metrics: SchedulerMetrics | undefined;
  readonly #events: EventRecorder;
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
    this.#metrics = options.metrics && new SchedulerMetrics(options.metrics, defaultSchedulerName);
    this.#events =
      options.events ?? createEventRecorder({ client, clock, random, log, signal, component: defaultSchedulerName });
    const shapes = new PodShapes();
    this.#snapshot = new Snapshot(shapes);
    this.#pods = informers.informer(Pods);
    this.#nodes = informers.informer(Nodes);
    this.#namespaces = informers.informer(Namespaces);
    const context = { ...options, snapshot: this.#snapshot, informer: this.#informer };
    for (const profile of [profileOf(defaultSchedulerName, createDefaultPlugins(context))]) {
      const planner = new Planner(this.#snapshot, profile, random);
      this.#placings.set(profile.schedulerName, {
        profile,
        planner,
        cycle: new BindingCycle(profile, this.#snapshot, client),
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
    );
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
          if (this.#started) this.#queue.wakeRejectedBy(plugin, (pod) => hint.mayHelp(pod, event));
        }),
      ),
    ];
    const informers = [this.#namespaces, this.#nodes, this.#pods, ...this.#used];
    await Promise.all(informers.map((informer) => informer.synced()));
    this.#started = true;
    this.#schedulePump();
    await new Promise<void>((resolve) => {
      const stop = () => {
        for (const stopHandler of stopHandlers) stopHandler();
        this.#queue.close();
        if (this.#underWay === 0) resolve();
        else this.#whenIdle = resolve;
      };
      if (signal.aborted) stop();
      else signal.addEventListener("abort", stop, { once: true });
    });
  }

  #onNamespace(event: InformerEvent<Namespace>): void {
    const { name, labels = {} } = event.object.metadata;
    if (event.type === "delete") this.#snapshot.removeNamespace(name);
    else this.#snapshot.setNamespace(name, labels);
    if (event.type !== "update" || deepEqual(event.old.metadata.labels, event.object.metadata.labels)) return;
    // Terms may select namespaces by their labels.
    this.#queue.wake((pod) => pod.spec.affinity !== undefined);
  }

  #onNode(event: InformerEvent<Node>): void {
    const { name } = event.object.metadata;
    if (event.type === "delete") {
      this.#snapshot.removeNode(name);
      return;
    }
    // Most updates are heartbeats, which say nothing about where pods fit.
    if (event.type === "update" && sameForScheduling(event.old, event.object)) return;
    this.#snapshot.setNode(event.object);
    this.#wakeFor(this.#snapshot.node(name));
  }

  #onPod({ type, object: pod }: InformerEvent<Pod>): void {
    const { uid } = pod.metadata;
    if (type === "delete" || isPodTerminal(pod)) {
      this.#queue.delete(uid);
      const placed = this.#snapshot.unplace(uid);
      if (placed === undefined) return;
      this.#wakeFor(this.#snapshot.node(placed.nodeName));
      this.#wakeForPod(pod);
      return;
    }
    if (pod.spec.nodeName) {
      this.#queue.delete(uid);
      this.#snapshot.place(pod, pod.spec.nodeName);
      this.#wakeForPod(pod);
      return;
    }
    if (!this.#isOurs(pod)) this.#queue.delete(uid);
    else this.#queue.add(pod);
  }

  /** Lets the pods try again that would fit on a node that has changed. */
  #wakeFor(node: NodeState | undefined): void {
    if (node !== undefined) this.#queue.wake((pod) => this.#plannerOf(pod)?.mayFit(pod, node) ?? false);
  }

  /** Lets the pods try again to which it matters where other pods are. */
  #wakeForPod(other: Pod): void {
    this.#queue.wake((pod) => this.#plannerOf(pod)?.isConcernedBy(pod, other) ?? false);
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
      this.#schedule(queued);
    }
  }

  #schedule(queued: QueuedPod): void {
    const { pod } = queued;
    const startMs = this.#options.clock.monotonicMs();
    const placing = this.#placings.get(schedulerNameOf(pod));
    // Its profile was there when it came, and profiles do not change.
    if (placing === undefined) throw new Error(`no profile for the pod ${keyOf(pod)}`);
    const { planner, cycle, profile } = placing;
    const toPlace: PodToPlace = { pod, shape: queued.shape };
    const plan = planner.plan(pod);
    if ("nodeName" in plan) {
      // The pod counts as placed from here on, so that the next plan need not wait for the binding.
      this.#snapshot.place(pod, plan.nodeName);
      const rejected = cycle.reserve(toPlace, plan.nodeName);
      if (rejected === undefined) {
        this.#wakeForPod(pod);
        // One that waits for a volume, say, must not keep the others from their nodes.
        this.#write(this.#bind(queued, cycle, plan.nodeName, startMs), cycle.waits(toPlace) ? 0 : 1);
      } else {
        this.#snapshot.unplace(pod.metadata.uid);
        this.#unschedulable(queued, startMs, rejected, rejected.message());
      }
      return;
    }
    const { diagnosis } = plan;
    const said: string[] = [];
    let found: Remedy | undefined;
    for (const plugin of diagnosis.nodeCount > 0 ? profile.postFilter : []) {
      const remedy = plugin.postFilter!(toPlace, diagnosis);
      if (remedy.nodeName !== undefined || remedy.carryOut !== undefined) {
        found = remedy;
        break;
      }
      said.push(remedy.message);
    }
    this.#unschedulable(queued, startMs, diagnosis, diagnosis.message(found ? [found.message] : said), found);
  }

  /** Puts a pod without a node back, and has done what may help it. */
  #unschedulable(queued: QueuedPod, startMs: number, diagnosis: Diagnosis, message: string, remedy?: Remedy): void {
    const { carryOut } = remedy ?? {};
    this.#queue.wait(queued, diagnosis.rules, carryOut !== undefined);
    this.#attempted("unschedulable", startMs);
    this.#report(queued, "Unschedulable", message);
    if (carryOut) this.#write(this.#carryOut(queued, carryOut));
  }

  async #carryOut(queued: QueuedPod, carryOut: NonNullable<Remedy["carryOut"]>): Promise<void> {
    const { log, signal } = this.#options;
    let failed = false;
    try {
      await carryOut(signal);
    } catch (error) {
      // The next plan looks for a way again.
      failed = true;
      if (!signal.aborted) log.warn("no room made for pod", { pod: keyOf(queued.pod), error: errorMessage(error) });
    }
    this.#queue.release(queued, failed);
  }

  #attempted(result: AttemptResult, startMs: number): void {
    this.#metrics?.attempted(result, (this.#options.clock.monotonicMs() - startMs) / 1000);
  }

  async #bind(queued: QueuedPod, cycle: BindingCycle, nodeName: string, startMs: number): Promise<void> {
    const { signal, log } = this.#options;
    const { pod } = queued;
    const { namespace, name } = pod.metadata;
    const toPlace: PodToPlace = { pod, shape: queued.shape };
    try {
      const rejected = await cycle.bind(toPlace, nodeName, signal);
      if (rejected) {
        this.#takeBack(toPlace, cycle, nodeName);
        this.#unschedulable(queued, startMs, rejected, rejected.message());
        return;
      }
    } catch (error) {
      this.#attempted("error", startMs);
      if (!signal.aborted) this.#bindingFailed(queued, cycle, nodeName, error);
      return;
    }
    this.#attempted("scheduled", startMs);
    log.debug("bound pod", { pod: keyOf(pod), node: nodeName });
    this.#events.normal(asPod(pod), "Scheduled", `Successfully assigned ${namespace}/${name} to ${nodeName}`);
  }

  #bindingFailed(queued: QueuedPod, cycle: BindingCycle, nodeName: string, error: unknown): void {
    const { pod } = queued;
    const known = this.#pods.get(keyOf(pod));
    // The binding may have reached the server although its answer did not reach us: then the informer has the last word.
    if (known?.metadata.uid === pod.metadata.uid && known.spec.nodeName) return;
    this.#takeBack({ pod, shape: queued.shape }, cycle, nodeName);
    this.#queue.retry(queued);
    if (error instanceof ApiError && error.code === 404) return; // deleted meanwhile: the informer will say so
    this.#options.log.warn("binding failed", { pod: keyOf(pod), node: nodeName, error: errorMessage(error) });
    this.#report(queued, "SchedulerError", errorMessage(error));
  }

  /** Takes a pod from the node that it did not reach after all. */
  #takeBack(toPlace: PodToPlace, cycle: BindingCycle, nodeName: string): void {
    const { pod } = toPlace;
    cycle.unreserve(toPlace, nodeName);
    this.#snapshot.unplace(pod.metadata.uid);
    this.#wakeFor(this.#snapshot.node(nodeName));
    this.#wakeForPod(pod);
  }

  /** Tells people why the pod has no node: an event, and the pod's condition. */
  #report(queued: QueuedPod, reason: string, message: string): void {
    const nowMs = this.#options.clock.monotonicMs();
    const { reported } = queued;
    if (reported?.message === message && nowMs - reported.atMs < repeatReportMs) return;
    queued.reported = { message, atMs: nowMs };
    this.#events.warning(asPod(queued.pod), "FailedScheduling", message);
    this.#write(this.#setCondition(queued.pod, reason, message));
  }

  async #setCondition(pod: Pod, reason: string, message: string): Promise<void> {
    const { client, clock, log, signal } = this.#options;
    const old = pod.status?.conditions?.find((condition) => condition.type === "PodScheduled");
    if (old?.status === "False" && old.reason === reason && old.message === message) return;
    const condition: PodCondition = {
      type: "PodScheduled",
      status: "False",
      reason,
      message,
      ...(pod.metadata.generation === undefined ? {} : { observedGeneration: pod.metadata.generation }),
      lastTransitionTime:
        old?.status === "False" && old.lastTransitionTime ? old.lastTransitionTime : timestamp(clock.now()),
    };
    try {
      await client.patch(
        Pods,
        objectKeyOf(pod),
        { metadata: { uid: pod.metadata.uid }, status: { conditions: [condition] } },
        { subresource: "status", type: "application/strategic-merge-patch+json", signal },
      );
    } catch (error) {
      // It only tells people; the next failure says it again.
      if (!signal.aborted) log.debug("condition not written", { pod: keyOf(pod), error: errorMessage(error) });
    }
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

/** Whether two versions of a node take the same pods and rank the same. */
function sameForScheduling(a: Node, b: Node): boolean {
  return (
    a.spec?.unschedulable === b.spec?.unschedulable &&
    deepEqual(a.spec?.taints, b.spec?.taints) &&
    deepEqual(a.metadata.labels, b.metadata.labels) &&
    deepEqual(a.status?.allocatable, b.status?.allocatable) &&
    deepEqual(a.status?.images, b.status?.images)
  );
}

/** The pod with its kind, which events refer to and lists leave out. */
function asPod(pod: Pod): Pod {
  return pod.kind === undefined ? { ...pod, apiVersion: "v1", kind: "Pod" } : pod;
}

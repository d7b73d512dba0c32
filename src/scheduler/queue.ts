import { type Pod, podClaims } from "../api/index.ts";
import { type Backoff, backoffMs } from "../client/index.ts";
import { type Clock, Heap, type Timer } from "../lib/index.ts";
import { priorityOf } from "./pod-key.ts";
import type { PodShape, PodShapes } from "./pod-shape.ts";

/**
 * Where a pod is: to be tried next, tried again later, waiting for the cluster to change, kept back by a plugin before it
 * is tried at all, or in a plan right now.
 */
type Place = "active" | "backoff" | "waiting" | "gated" | "taken" | "gone";

/** A pod without a node, and what happened to it so far. */
export interface QueuedPod {
  pod: Pod;
  shape: PodShape;
  /** How many plans failed since the pod was new. */
  failures: number;
  /** What the pod's last failure said, and when that was reported. */
  reported?: { readonly message: string; readonly atMs: number };
  /** The node that its status was last told to name; empty for none. */
  nominated?: string;
  /** When it was taken to be tried for the first time; undefined before. */
  firstTriedMs?: number;
}

interface Entry extends QueuedPod {
  place: Place;
  /** Never changes. */
  readonly priority: number;
  /** Orders pods of one priority: those that failed come after those that came meanwhile. */
  sequence: number;
  /** Grows with every move: items of heaps that carry an older one are void. */
  move: number;
  retryAtMs: number;
  /** Whether the failure was an error rather than a lack of room: then the pause is kept even if nothing else waits. */
  failedByError: boolean;
  waitingSinceMs: number;
  /** The plugins that rejected it when it was tried last, or that keep it back. */
  rejectedBy: ReadonlySet<string>;
  /** The group of its shape in which it waits. */
  group: string;
  /** Whether it is not to be tried while what should help it is being done, and whether something woke it meanwhile. */
  held: boolean;
  wokenWhileHeld: boolean;
}

/** Waiting pods between which no rule can tell the difference, rejected by the same: asked about once, woken together. */
type Group = Set<Entry>;

interface Item {
  readonly entry: Entry;
  readonly move: number;
  /** What it is ordered by: the entry's as it was when the item was made. */
  readonly order: number;
}

/** kube-scheduler's podInitialBackoffSeconds and podMaxBackoffSeconds. */
const retryBackoff: Backoff = { firstMs: 1_000, maxMs: 10_000 };
/** A pod that waits this long is tried again whatever happened: kube-scheduler's podMaxInUnschedulablePodsDuration. */
const waitingMsMax = 5 * 60_000;
const waitingCheckMs = 30_000;

const attemptFailure = "ScheduleAttemptFailure";
const podUpdate = "UnschedulablePodUpdate";

/** The name of the plugin that keeps the pod from being tried; undefined when none does. */
export type GateOf = (pod: Pod) => string | undefined;

/** Hears of each pod that comes to a part of the queue, and of what made it: Kubernetes' words for both. */
export type Incoming = (to: "active" | "backoff" | "unschedulable", event: string) => void;

/**
 * The pods that need a node: by priority, then in the order of their coming or last failing. One that fits nowhere waits until something
 * changed that could make it fit, and at least its backoff, unless there is nothing better to do.
 */
export class SchedulingQueue {
  readonly #clock: Clock;
  readonly #shapes: PodShapes;
  readonly #onReady: () => void;
  readonly #gateOf: GateOf;
  readonly #incoming: Incoming;
  readonly #retryBackoff: Backoff;
  readonly #entries = new Map<string, Entry>();
  readonly #active = new Heap<Item>((a, b) => b.entry.priority - a.entry.priority || a.order - b.order);
  readonly #backoff = new Heap<Item>((a, b) => a.order - b.order);
  readonly #waiting = new Map<PodShape, Map<string, Group>>();
  readonly #gated = new Set<Entry>();
  /** The pods that plugins may still reject before they are bound: by plugin, whether what helps them happened by then. */
  readonly #late = new Map<Entry, Map<string, boolean>>();
  #sequence = 0;
  #retryTimer: { readonly atMs: number; readonly timer: Timer } | undefined;
  #waitingTimer: Timer | undefined;
  #closed = false;

  /** `onReady` is called when a pod can be taken that could not before; `gateOf` is asked before a pod is let in. */
  constructor(
    clock: Clock,
    shapes: PodShapes,
    onReady: () => void,
    gateOf: GateOf = () => undefined,
    backoff: Backoff = retryBackoff,
    incoming: Incoming = () => {},
  ) {
    this.#incoming = incoming;
    this.#retryBackoff = backoff;
    this.#clock = clock;
    this.#shapes = shapes;
    this.#onReady = onReady;
    this.#gateOf = gateOf;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Whether there are pods that wait for the cluster to change. */
  get hasWaiting(): boolean {
    return this.#waiting.size > 0;
  }

  /** How many pods wait, by where they do. */
  count(): Readonly<Record<"active" | "backoff" | "waiting" | "gated", number>> {
    const counts = { active: 0, backoff: 0, waiting: 0, gated: 0, taken: 0, gone: 0 };
    for (const { place } of this.#entries.values()) counts[place]++;
    return counts;
  }

  /** Adds a pod, or its new version; one whose spec or labels changed is tried again, after its backoff. */
  add(pod: Pod): void {
    if (this.#closed) return;
    const entry = this.#entries.get(pod.metadata.uid);
    if (entry === undefined) {
      this.#addNew(pod);
      return;
    }
    const isSame = sameForScheduling(entry.pod, pod);
    entry.pod = pod;
    if (isSame) return;
    const { place } = entry;
    // One that waits is filed under its old shape. One that was taken is tried in its new version if it is given back.
    if (place === "waiting" || place === "gated") this.#moveTo(entry, "taken");
    entry.shape = this.#shapes.of(pod);
    if (place === "gated") this.#toActive(entry, podUpdate);
    if (place !== "waiting") return;
    if (entry.held) this.#toWaiting(entry);
    this.#requeue(entry, podUpdate);
  }

  delete(uid: string): void {
    const entry = this.#entries.get(uid);
    if (entry === undefined) return;
    this.#moveTo(entry, "gone");
    this.#entries.delete(uid);
  }

  /** The pod to plan next. It is given back with `wait` or `retry`, or taken out with `delete`. */
  take(): QueuedPod | undefined {
    this.#activateDue();
    const entry = this.#pop(this.#active) ?? this.#popEarly();
    if (entry) {
      this.#moveTo(entry, "taken");
      entry.firstTriedMs ??= this.#clock.monotonicMs();
    }
    return entry;
  }

  /**
   * Gives back a pod that fits nowhere, with the plugins that rejected it: it is tried again when `wake` says so, or in
   * some minutes. `held` keeps it from being tried until `release`.
   */
  wait(queued: QueuedPod, rejectedBy: ReadonlySet<string> = new Set(), held = false): void {
    const entry = this.#taken(queued);
    if (entry === undefined) return;
    this.#failed(entry, false);
    const late = this.#late.get(entry);
    entry.rejectedBy = rejectedBy;
    entry.held = held;
    entry.wokenWhileHeld = false;
    this.#toWaiting(entry);
    this.#incoming("unschedulable", attemptFailure);
    if ([...rejectedBy].some((plugin) => late?.get(plugin))) this.#requeue(entry, attemptFailure);
  }

  /** Notes from now on what helps a pod that was taken and that these plugins may still reject. */
  listen(queued: QueuedPod, plugins: readonly string[]): void {
    const entry = this.#taken(queued);
    if (entry && plugins.length > 0) this.#late.set(entry, new Map(plugins.map((plugin) => [plugin, false])));
  }

  /** Ends the holding of a pod: it goes on waiting, or is tried again, after what was done failed or if it was woken. */
  release(queued: QueuedPod, failed: boolean): void {
    const entry = this.#entries.get(queued.pod.metadata.uid);
    if (entry === undefined || !entry.held) return;
    entry.held = false;
    if (entry.place !== "waiting") return;
    entry.failedByError = failed;
    if (failed) this.#toBackoff(entry, attemptFailure);
    else if (entry.wokenWhileHeld) this.#requeue(entry, "ForceActivate");
  }

  /** What a pod waits for, in a few words; undefined when it is not in the queue. */
  describe(uid: string): string | undefined {
    const entry = this.#entries.get(uid);
    const plugins = [...(entry?.rejectedBy ?? [])].join(", ");
    switch (entry?.place) {
      case "gated":
        return `kept from the queue by ${plugins}`;
      case "waiting":
        return `waits for a change that matters to ${plugins}`;
      case "backoff":
        return "is tried again within seconds";
      case "active":
        return "is tried next";
      case "taken":
        return "is being bound";
      default:
        return undefined;
    }
  }

  /** Lets one waiting pod try again, since `event` happened. */
  wakePod(uid: string, event: string): void {
    const entry = this.#entries.get(uid);
    if (entry?.place === "waiting") this.#requeue(entry, event);
  }

  /** Gives back a pod whose placing failed: it is tried again after its backoff. */
  retry(queued: QueuedPod): void {
    const entry = this.#taken(queued);
    if (entry === undefined) return;
    this.#failed(entry, true);
    this.#toBackoff(entry, attemptFailure);
  }

  /** Lets the waiting pods try again of which `mayFit` says so after `event`; it is asked once for like pods. */
  wake(event: string, mayFit: (pod: Pod, shape: PodShape) => boolean): void {
    for (const [shape, groups] of [...this.#waiting]) {
      for (const group of [...groups.values()]) {
        const [any] = group;
        if (any !== undefined && mayFit(any.pod, shape)) for (const entry of [...group]) this.#requeue(entry, event);
      }
    }
  }

  /** As `wake`, for the pods that a plugin rejected, and those that it keeps back. */
  wakeRejectedBy(plugin: string, event: string, mayHelp: (pod: Pod) => boolean): void {
    for (const entry of [...this.#gated]) {
      if (entry.rejectedBy.has(plugin) && mayHelp(entry.pod)) this.#toActive(entry, event);
    }
    for (const [entry, late] of this.#late) {
      if (late.get(plugin) === false && mayHelp(entry.pod)) late.set(plugin, true);
    }
    for (const groups of [...this.#waiting.values()]) {
      for (const group of [...groups.values()]) {
        const [any] = group;
        if (any?.rejectedBy.has(plugin) && mayHelp(any.pod))
          for (const entry of [...group]) this.#requeue(entry, event);
      }
    }
  }

  /** Drops everything; nothing can be added any more. */
  close(): void {
    this.#closed = true;
    for (const uid of [...this.#entries.keys()]) this.delete(uid);
    this.#retryTimer?.timer.cancel();
    this.#waitingTimer?.cancel();
  }

  #addNew(pod: Pod): void {
    const entry: Entry = {
      pod,
      shape: this.#shapes.of(pod),
      failures: 0,
      place: "taken",
      priority: priorityOf(pod),
      sequence: this.#sequence++,
      move: 0,
      retryAtMs: 0,
      failedByError: false,
      waitingSinceMs: 0,
      rejectedBy: new Set(),
      group: "",
      held: false,
      wokenWhileHeld: false,
    };
    this.#entries.set(pod.metadata.uid, entry);
    this.#toActive(entry, "UnschedulablePodAdd");
  }

  #taken(queued: QueuedPod): Entry | undefined {
    const entry = this.#entries.get(queued.pod.metadata.uid);
    // Undefined when it was deleted while it was planned.
    return entry?.place === "taken" ? entry : undefined;
  }

  #failed(entry: Entry, byError: boolean): void {
    entry.failedByError = byError;
    entry.sequence = this.#sequence++;
    entry.retryAtMs = this.#clock.monotonicMs() + backoffMs(this.#retryBackoff, entry.failures);
    entry.failures++;
  }

  #requeue(entry: Entry, event: string): void {
    if (entry.held) entry.wokenWhileHeld = true;
    else if (entry.retryAtMs > this.#clock.monotonicMs()) this.#toBackoff(entry, event);
    else this.#toActive(entry, event);
  }

  #toWaiting(entry: Entry): void {
    this.#moveTo(entry, "waiting");
    entry.waitingSinceMs = this.#clock.monotonicMs();
    const groups = this.#waiting.getOrInsertComputed(entry.shape, () => new Map());
    entry.group = groupOf(entry);
    groups.getOrInsertComputed(entry.group, () => new Set()).add(entry);
    this.#waitingTimer ??= this.#clock.setTimer(waitingCheckMs, this.#checkWaiting);
  }

  /** Lets the pod in, unless a plugin keeps it back. */
  #toActive(entry: Entry, event: string): void {
    const gate = this.#gateOf(entry.pod);
    if (gate !== undefined) {
      this.#moveTo(entry, "gated");
      entry.rejectedBy = new Set([gate]);
      this.#gated.add(entry);
      this.#incoming("unschedulable", event);
      return;
    }
    this.#moveTo(entry, "active");
    this.#incoming("active", event);
    this.#active.push({ entry, move: entry.move, order: entry.sequence });
    this.#onReady();
  }

  #toBackoff(entry: Entry, event: string): void {
    this.#moveTo(entry, "backoff");
    this.#incoming("backoff", event);
    this.#backoff.push({ entry, move: entry.move, order: entry.retryAtMs });
    if (!entry.failedByError) this.#onReady();
    else this.#setRetryTimer();
  }

  /** Takes the entry from where it is: out of the waiting ones, and what heaps hold of it becomes void. */
  #moveTo(entry: Entry, place: Place): void {
    if (entry.place === "gated") this.#gated.delete(entry);
    this.#late.delete(entry);
    if (entry.place === "waiting") {
      const groups = this.#waiting.get(entry.shape);
      const group = groups?.get(entry.group);
      group?.delete(entry);
      if (group?.size === 0) groups?.delete(entry.group);
      if (groups?.size === 0) this.#waiting.delete(entry.shape);
    }
    entry.place = place;
    entry.move++;
  }

  #pop(heap: Heap<Item>): Entry | undefined {
    const item = this.#peek(heap);
    heap.pop();
    return item?.entry;
  }

  /** The first item that is not void. */
  #peek(heap: Heap<Item>): Item | undefined {
    for (let item = heap.peek(); item; item = heap.peek()) {
      if (item.move === item.entry.move) return item;
      heap.pop();
    }
    return undefined;
  }

  /** A pod whose backoff is not over, when no other waits: kube-scheduler's SchedulerPopFromBackoffQ. */
  #popEarly(): Entry | undefined {
    const item = this.#peek(this.#backoff);
    if (item === undefined || item.entry.failedByError) return undefined;
    this.#backoff.pop();
    return item.entry;
  }

  #activateDue(): void {
    const nowMs = this.#clock.monotonicMs();
    for (
      let item = this.#peek(this.#backoff);
      item && item.entry.retryAtMs <= nowMs;
      item = this.#peek(this.#backoff)
    ) {
      this.#backoff.pop();
      this.#moveTo(item.entry, "active");
      this.#incoming("active", "BackoffComplete");
      this.#active.push({ entry: item.entry, move: item.entry.move, order: item.entry.sequence });
    }
  }

  #setRetryTimer(): void {
    const first = this.#peek(this.#backoff);
    if (first === undefined || this.#closed) return;
    const atMs = first.entry.retryAtMs;
    if (this.#retryTimer && this.#retryTimer.atMs <= atMs) return;
    this.#retryTimer?.timer.cancel();
    const timer = this.#clock.setTimer(atMs - this.#clock.monotonicMs(), () => {
      this.#retryTimer = undefined;
      this.#activateDue();
      this.#onReady();
      this.#setRetryTimer();
    });
    this.#retryTimer = { atMs, timer };
  }

  readonly #checkWaiting = () => {
    this.#waitingTimer = undefined;
    const oldestMs = this.#clock.monotonicMs() - waitingMsMax;
    for (const groups of [...this.#waiting.values()]) {
      for (const group of [...groups.values()]) {
        for (const entry of [...group])
          if (entry.waitingSinceMs <= oldestMs) this.#requeue(entry, "UnschedulableTimeout");
      }
    }
    if (this.#waiting.size > 0) this.#waitingTimer = this.#clock.setTimer(waitingCheckMs, this.#checkWaiting);
  };
}

/** What tells pods of one shape apart for rules about other pods, about claims, and by which of them they were rejected. */
function groupOf({ pod, rejectedBy }: Entry): string {
  const { namespace, labels } = pod.metadata;
  return JSON.stringify([namespace, labels, podClaims(pod), pod.spec.resourceClaims, [...rejectedBy].sort()]);
}

/** Whether nothing changed that could make a pod schedulable: its status says only what is known anyway. */
function sameForScheduling(a: Pod, b: Pod): boolean {
  return (
    a.metadata.generation === b.metadata.generation &&
    JSON.stringify(a.metadata.labels) === JSON.stringify(b.metadata.labels)
  );
}

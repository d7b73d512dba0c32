import { type Node, Nodes, type Pod } from "../../api/index.ts";
import { errorMessage } from "../../lib/index.ts";
import type { AgentContext } from "../context.ts";
import type { EngineEvent } from "../engine/index.ts";
import { isCriticalPod } from "../eviction/eviction-order.ts";
import { admitPod, noRoom, shortages } from "./admit-pod.ts";
import type { PodFailure } from "./pod-status.ts";
import { PodWorker } from "./pod-worker.ts";
import { podsToPreempt } from "./preempt-pods.ts";
import type { RuntimeList } from "./runtime-list.ts";

/** Refusals that come from the node's labels and taints, which others change. */
const dependsOnNode: ReadonlySet<string> = new Set(["NodeAffinity", "TaintToleration"]);

/** The workers of all pods of the node. */
export class PodSet {
  readonly #context: () => AgentContext;
  readonly #gone: (podUid: string) => void;
  readonly #workers = new Map<string, PodWorker>();
  #takenOver = false;

  /** `gone` is told the uid of a pod of which nothing is left. */
  constructor(context: () => AgentContext, gone: (podUid: string) => void) {
    this.#context = context;
    this.#gone = gone;
  }

  /** Whether the pods that were here before this agent have their workers. */
  get hasTakenOver(): boolean {
    return this.#takenOver;
  }

  get workers(): Iterable<PodWorker> {
    return this.#workers.values();
  }

  get(uid: string): PodWorker | undefined {
    return this.#workers.get(uid);
  }

  list(): readonly Pod[] {
    return [...this.#workers.values()].map((each) => ({ ...each.pod, status: each.status }));
  }

  /** Gives a worker to each of the node's pods, those first that run already, then the oldest. */
  takeOver(pods: readonly Pod[], runtime: RuntimeList): void {
    const running = (pod: Pod) => (runtime.get(pod.metadata.uid)?.sandboxes.length ? 0 : 1);
    const sorted = [...pods].sort(
      (a, b) => running(a) - running(b) || a.metadata.creationTimestamp.localeCompare(b.metadata.creationTimestamp),
    );
    for (const pod of sorted) this.#add(pod, runtime);
    this.#takenOver = true;
  }

  /** Resolves when the API knows how all pods are, as far as this agent does. */
  async reported(): Promise<void> {
    await Promise.all([...this.#workers.values()].map((each) => each.reported()));
  }

  update(pod: Pod): void {
    const worker = this.#workers.get(pod.metadata.uid);
    if (!worker) this.#add(pod, undefined);
    else if (worker.pod.metadata.resourceVersion !== pod.metadata.resourceVersion) worker.update(pod);
  }

  /** The agent stops: the containers go on running. */
  close(): void {
    for (const worker of this.#workers.values()) worker.close();
  }

  remove(pod: Pod): void {
    this.#workers.get(pod.metadata.uid)?.remove();
  }

  /** What begins is the workers' own doing; of what ends they learn here. */
  engineEvent({ type, containerId }: EngineEvent): void {
    if (type === "created" || type === "started") return;
    for (const worker of this.#workers.values()) {
      if (worker.owns(containerId)) worker.engineChanged(containerId);
    }
  }

  async relisted(runtime: RuntimeList, startedMs: number): Promise<void> {
    const nothing = { sandboxes: [], containers: [] };
    await Promise.all(
      [...this.#workers].map(([uid, worker]) => worker.relisted(runtime.get(uid) ?? nothing, startedMs)),
    );
  }

  sourcesChanged(podUids: readonly string[]): void {
    for (const uid of podUids) this.#workers.get(uid)?.sourceChanged();
  }

  #add(pod: Pod, runtime: RuntimeList | undefined): void {
    const context = this.#context();
    const { uid } = pod.metadata;
    const snapshot = runtime?.get(uid);
    const others = () =>
      [...this.#workers.values()]
        .filter((each) => each.isActive && each.pod.metadata.uid !== uid)
        .map((each) => each.pod);
    const worker = new PodWorker({
      context,
      pod,
      snapshot: snapshot ?? { sandboxes: [], containers: [] },
      others,
      onDone: () => {
        this.#workers.delete(uid);
        // Who waits for room may have it now.
        for (const each of this.#workers.values()) if (each.waitsForRoom) each.wake();
        this.#gone(uid);
      },
    });
    this.#workers.set(uid, worker);
    const node = context.node();
    if (snapshot || !worker.isActive || pod.metadata.deletionTimestamp !== undefined || !node) return;
    const refusal = this.#refusal(pod, others(), node);
    if (refusal && dependsOnNode.has(refusal.reason)) void worker.decideBy(this.#refusalAnew(pod, others, refusal));
    else if (refusal) worker.reject(refusal);
  }

  #refusal(pod: Pod, others: readonly Pod[], node: Node): PodFailure | undefined {
    const { clock, pressure, settings } = this.#context();
    const failure = admitPod(pod, others, node, {
      allowedUnsafeSysctls: settings.allowedUnsafeSysctls,
      pressures: pressure.conditions(clock.monotonicMs()),
    });
    return failure ?? this.#makeRoom(pod, others, node);
  }

  /** By the node as the API has it now: who bound the pod may know of a change that has not come here yet. */
  async #refusalAnew(pod: Pod, others: () => readonly Pod[], refusal: PodFailure): Promise<PodFailure | undefined> {
    const { client, nodeName, signal, log } = this.#context();
    try {
      return this.#refusal(pod, others(), await client.get(Nodes, { name: nodeName }, { signal }));
    } catch (error) {
      log.warn("the node was not read again for a pod that it does not suit", { error: errorMessage(error) });
      return refusal;
    }
  }

  /** Ends pods for a critical one that has no room; gives why, when that would not help. */
  #makeRoom(pod: Pod, others: readonly Pod[], node: Node): PodFailure | undefined {
    const missing = isCriticalPod(pod) ? shortages(pod, others, node) : [];
    if (missing.length === 0) return undefined;
    const preempted = podsToPreempt(pod, others, missing);
    if (!preempted) return noRoom(missing);
    for (const { metadata } of preempted) this.#workers.get(metadata.uid)?.preempt();
    return undefined;
  }
}

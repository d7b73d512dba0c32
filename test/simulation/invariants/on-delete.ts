// Who is updated only when somebody deletes a pod keeps those that nobody deletes.
import { controllerOf, type DaemonSet, type Node, type Pod, type StatefulSet } from "roder";
import { controller } from "./asked.ts";
import type { Departure } from "./readiness.ts";
import { daemonNodeOf, type Invariant, isUp, ordinalOf, type State, type Write } from "./state.ts";

export class OnDelete implements Invariant {
  readonly #state: State;
  /** By name, when nodes were last known to keep pods away. */
  readonly #taintedMs = new Map<string, number>();

  constructor(state: State) {
    this.#state = state;
  }

  *problems({ kind, before, now, departure, atMs }: Write): Iterable<string> {
    if (kind === "nodes")
      for (const node of [before, now] as readonly (Node | undefined)[]) // the kind says so
        if (node?.spec?.taints?.length) this.#taintedMs.set(node.metadata.name, atMs);
    if (departure?.by === controller("statefulset-controller")) yield* this.#ofStatefulSet(departure);
    if (departure?.by === controller("daemon-set-controller")) yield* this.#ofDaemonSet(departure);
  }

  *#ofStatefulSet({ pod, atMs }: Departure): Iterable<string> {
    const set = this.#state.find<StatefulSet>("statefulsets", controllerOf(pod)?.uid);
    if (set?.spec.updateStrategy?.type !== "OnDelete" || set.metadata.deletionTimestamp !== undefined) return;
    const sizes = this.#state.lateSpecs(set, atMs).map(({ spec }) => spec.replicas ?? 1);
    if (ordinalOf(pod) < Math.min(...sizes)) yield `${pod.metadata.name} goes, and nobody has deleted it`;
  }

  *#ofDaemonSet({ pod, atMs }: Departure): Iterable<string> {
    const set = this.#state.find<DaemonSet>("daemonsets", controllerOf(pod)?.uid);
    if (set?.spec.updateStrategy?.type !== "OnDelete" || set.metadata.deletionTimestamp !== undefined) return;
    const name = daemonNodeOf(pod);
    const node = this.#state.list<Node>("nodes").find((each) => each.metadata.name === name);
    // It goes from a node that does not take it, and where there are two of them.
    if (!node || atMs - (this.#taintedMs.get(node.metadata.name) ?? 0) <= this.#state.keptMs) return;
    if (node.spec?.taints?.length) return;
    const others = this.#state.controlledBy<Pod>(set.metadata.uid, "pods").filter((each) => each !== pod && isUp(each));
    if (others.some((each) => daemonNodeOf(each) === name)) return;
    yield `${pod.metadata.name} goes from ${name}, and nobody has deleted it`;
  }
}

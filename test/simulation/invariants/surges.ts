// DaemonSets start no more pods beside those that serve than their maxSurge allows.
import { controllerOf, type DaemonSet, type Node, type Pod, scaledIntOrPercent } from "roder";
import { controller } from "./asked.ts";
import { isReadyFor, readyTimes } from "./readiness.ts";
import { daemonNodeOf, type Invariant, isAvailable, isUp, type State, type Write } from "./state.ts";

export class Surges implements Invariant {
  readonly #state: State;
  /** The uids of pods, by those of the pods that served where they came to. */
  readonly #beside = new Map<string, string>();

  constructor(state: State) {
    this.#state = state;
  }

  *problems({ kind, before, now, by, atMs }: Write): Iterable<string> {
    if (kind === "pods" && !now && before) this.#beside.delete(before.metadata.uid);
    if (kind !== "pods" || before || by !== controller("daemon-set-controller")) return;
    const pod = now as Pod; // the kind says so
    const set = this.#state.find<DaemonSet>("daemonsets", controllerOf(pod)?.uid);
    if (!set) return;
    const pods = this.#state.controlledBy<Pod>(set.metadata.uid, "pods").filter(isUp);
    const node = daemonNodeOf(pod);
    const specs = this.#state.lateSpecs(set, atMs);
    const { longMs } = readyTimes(specs);
    // One beside a pod that is not available costs nothing.
    const isServing = (each: Pod) => isAvailable(each) && isReadyFor(each, longMs, atMs - this.#state.lateMs);
    const old = pods.find((each) => each !== pod && isServing(each) && daemonNodeOf(each) === node);
    if (!old) return;
    this.#beside.set(pod.metadata.uid, old.metadata.uid);
    const serving = new Set(pods.filter(isServing).map(({ metadata }) => metadata.uid));
    const surging = pods.filter(({ metadata: { uid } }) => {
      return !serving.has(uid) && serving.has(this.#beside.get(uid) ?? "");
    });
    const nodes = this.#state.list<Node>("nodes").length;
    const allowed = specs.map(({ spec }) =>
      scaledIntOrPercent(spec.updateStrategy?.rollingUpdate?.maxSurge ?? 0, nodes, "up"),
    );
    const most = Math.max(...allowed) + this.#state.overlookedOf(set.metadata.uid, atMs);
    if (surging.length > most) yield `${set.metadata.name} surges on ${surging.length} nodes where ${most} are allowed`;
  }
}

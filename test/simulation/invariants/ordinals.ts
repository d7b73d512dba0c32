// StatefulSets make and remove their pods in order where they have to, and update those that their partition leaves to it.
import { controllerOf, type Pod, type StatefulSet } from "roder";
import { controller } from "./asked.ts";
import { type Departure, type Readiness, readyTimes } from "./readiness.ts";
import { type Invariant, ordinalOf, type State, type Write } from "./state.ts";

const revisionLabel = "controller-revision-hash";
const statefulSets = controller("statefulset-controller");

export class Ordinals implements Invariant {
  readonly #state: State;
  readonly #readiness: Readiness;

  constructor(state: State, readiness: Readiness) {
    this.#state = state;
    this.#readiness = readiness;
  }

  *problems({ kind, before, now, by, departure, atMs }: Write): Iterable<string> {
    if (kind !== "pods" || by !== statefulSets) return;
    const pod = (now ?? before) as Pod; // the kind says so
    const set = this.#state.find<StatefulSet>("statefulsets", controllerOf(pod)?.uid);
    if (!set || set.metadata.deletionTimestamp !== undefined) return;
    if (!before) yield* this.#created(pod, set, atMs);
    else if (departure) yield* this.#deleted(departure, set);
  }

  *#created(pod: Pod, set: StatefulSet, atMs: number): Iterable<string> {
    const { name } = pod.metadata;
    const missing = this.#missingBelow(ordinalOf(pod), set, { pod, by: statefulSets, atMs, readySinceMs: undefined });
    if (missing.length > 0) yield `${name} comes while ${missing} of its set are not available`;
    const partitions = new Set(this.#state.lateSpecs(set, atMs).map(partitionOf));
    const [partition = 0] = partitions;
    const { observedGeneration, currentRevision } = set.status;
    const isSettled = partitions.size === 1 && observedGeneration === set.metadata.generation;
    const revision = pod.metadata.labels?.[revisionLabel];
    if (isSettled && ordinalOf(pod) < partition && revision !== currentRevision)
      yield `${name} comes as ${revision}, below a partition that keeps ${currentRevision}`;
  }

  *#deleted(gone: Departure, set: StatefulSet): Iterable<string> {
    const { name, labels } = gone.pod.metadata;
    const ordinal = ordinalOf(gone.pod);
    const specs = this.#state.lateSpecs(set, gone.atMs);
    const sizes = specs.map(({ spec }) => spec.replicas ?? 1);
    if (ordinal < Math.min(...sizes)) {
      const partition = Math.min(...specs.map(partitionOf));
      if (ordinal < partition) yield `${name} goes although the partition ${partition} keeps it`;
      const { observedGeneration, updateRevision } = set.status;
      if (observedGeneration === set.metadata.generation && labels?.[revisionLabel] === updateRevision)
        yield `${name} goes although it is up to date`;
    } else if (ordinal >= Math.max(...sizes) && isOrdered(set)) {
      const pods = this.#state.controlledBy<Pod>(set.metadata.uid, "pods");
      const above = pods.filter((pod) => ordinalOf(pod) > ordinal).map(({ metadata }) => metadata.name);
      if (above.length > 0) yield `${name} goes before ${above}`;
      const missing = this.#missingBelow(Math.min(...sizes), set, gone);
      if (missing.length > 0) yield `${name} goes while ${missing} of its set are not available`;
    }
  }

  /** Which of the ordinals are not available that have to be before anything else is done. */
  #missingBelow(end: number, set: StatefulSet, at: Departure): readonly number[] {
    if (!isOrdered(set)) return [];
    const { uid } = set.metadata;
    const { shortMs } = readyTimes(this.#state.lateSpecs(set, at.atMs));
    const isOne = (pod: Pod) => controllerOf(pod)?.uid === uid;
    const pods = this.#state.controlledBy<Pod>(uid, "pods");
    const serving = this.#readiness.serving(pods, at, { isOne, readyMs: () => shortMs }).map(ordinalOf);
    return Array.from({ length: end }, (_, ordinal) => ordinal).filter((ordinal) => !serving.includes(ordinal));
  }
}

const isOrdered = ({ spec }: StatefulSet) => spec.podManagementPolicy !== "Parallel";
const partitionOf = ({ spec }: StatefulSet) => spec.updateStrategy?.rollingUpdate?.partition ?? 0;

// The scheduler gives no node more than it has, keeps pods spread as far as they ask for it, and lets no pod go but for one
// of higher priority.
import { matchesLabelSelector, type Node, type Pod, parseQuantity, quantityMilliValue } from "roder";
import { type Invariant, isTerminal, type State, type Write } from "./state.ts";

const scheduler = "system:kube-scheduler";

interface Waiting {
  readonly priority: number;
  readonly mayPreempt: boolean;
  /** When it was last known to wait. */
  untilMs: number;
}

export class Placements implements Invariant {
  readonly #state: State;
  /** By uid, the pods that wait for a node, or did so lately. */
  readonly #waiting = new Map<string, Waiting>();
  /** Pods that went lately, the last at the end. */
  #gone: { readonly pod: Pod; readonly atMs: number }[] = [];

  readonly #requestsFail: boolean;

  constructor(state: State, requestsFail: boolean) {
    this.#state = state;
    this.#requestsFail = requestsFail;
  }

  *problems({ kind, before, now, by, departure, atMs }: Write): Iterable<string> {
    if (kind !== "pods") return;
    const [old, pod] = [before as Pod | undefined, now as Pod | undefined]; // the kind says so
    this.#note(old, pod, atMs);
    if (departure) {
      this.#gone = this.#gone.filter((each) => atMs - each.atMs <= this.#state.keptMs);
      this.#gone.push({ pod: departure.pod, atMs });
    }
    if (by !== scheduler) return;
    if (departure) yield* this.#preempted(departure.pod, atMs);
    if (pod?.spec.nodeName && !old?.spec.nodeName) {
      yield* this.#capacity(pod);
      // The next pods are placed beside one whose binding is under way, and may fail.
      if (!this.#requestsFail) yield* this.#spread(pod, atMs);
    }
  }

  #note(old: Pod | undefined, pod: Pod | undefined, atMs: number): void {
    const uid = (pod ?? old)?.metadata.uid ?? "";
    if (pod && !pod.spec.nodeName) {
      const { priority = 0, preemptionPolicy } = pod.spec;
      const waiting = { priority, mayPreempt: preemptionPolicy !== "Never", untilMs: Number.POSITIVE_INFINITY };
      this.#waiting.getOrInsert(uid, waiting);
    } else {
      const waited = this.#waiting.get(uid);
      if (waited && waited.untilMs > atMs) waited.untilMs = atMs;
    }
    for (const [each, { untilMs }] of this.#waiting) {
      if (atMs - untilMs > this.#state.keptMs) this.#waiting.delete(each);
    }
  }

  *#preempted({ metadata, spec }: Pod, atMs: number): Iterable<string> {
    const { priority = 0 } = spec;
    const preemptors = [...this.#waiting.values()].filter(
      (each) => each.mayPreempt && each.priority > priority && atMs - each.untilMs <= this.#state.keptMs,
    );
    if (preemptors.length === 0) yield `${metadata.name} of priority ${priority} goes for nobody above it`;
  }

  *#capacity({ metadata, spec }: Pod): Iterable<string> {
    const node = this.#state.list<Node>("nodes").find((each) => each.metadata.name === spec.nodeName);
    const pods = this.#state.list<Pod>("pods").filter((each) => each.spec.nodeName === spec.nodeName);
    const used = pods.filter((each) => !isTerminal(each)).reduce((sum, each) => sum + cpuMilliOf(each), 0);
    const { cpu = "0" } = node?.status.allocatable ?? {};
    if (used > milli(cpu))
      yield `${metadata.name} comes to ${spec.nodeName}, which then has ${used}m of ${cpu} processors`;
  }

  *#spread({ metadata, spec }: Pod, atMs: number): Iterable<string> {
    const nodes = this.#state.list<Node>("nodes");
    for (const constraint of spec.topologySpreadConstraints ?? []) {
      const { topologyKey, maxSkew, whenUnsatisfiable, labelSelector, matchLabelKeys = [] } = constraint;
      if (whenUnsatisfiable !== "DoNotSchedule") continue;
      const domains = new Map(nodes.map((node) => [node.metadata.name, node.metadata.labels?.[topologyKey] ?? ""]));
      const isOne = (each: Pod) =>
        each.metadata.namespace === metadata.namespace &&
        matchesLabelSelector(labelSelector, each.metadata.labels) &&
        matchLabelKeys.every((key) => each.metadata.labels?.[key] === metadata.labels?.[key]);
      const isPresent = (each: Pod) => each.metadata.deletionTimestamp === undefined && !isTerminal(each);
      const present = this.#state.list<Pod>("pods").filter((each) => isOne(each) && isPresent(each));
      // What went lately may still have been counted.
      const gone = this.#gone.filter(({ pod, atMs: goneMs }) => isOne(pod) && atMs - goneMs <= this.#state.keptMs);
      const counted = [...present, ...gone.map(({ pod }) => pod)];
      const domain = domains.get(spec.nodeName ?? "");
      const countIn = (pods: readonly Pod[], where: string | undefined) =>
        pods.filter((each) => each.spec.nodeName && domains.get(each.spec.nodeName) === where).length;
      const here = countIn(present, domain);
      const least = Math.min(...[...new Set(domains.values())].map((each) => countIn(counted, each)));
      if (here - least > maxSkew) yield `${metadata.name} is one of ${here} in ${domain}, where another has ${least}`;
    }
  }
}

const milli = (quantity: string) => quantityMilliValue(parseQuantity(quantity));

function cpuMilliOf({ spec }: Pod): number {
  return spec.containers.reduce((sum, { resources }) => sum + milli(resources?.requests?.cpu ?? "0"), 0);
}

import {
  isGone,
  labelSelectorRequirements,
  type Pod,
  type PodCondition,
  PodDisruptionBudgets,
  Pods,
  podCondition,
} from "../../api/index.ts";
import { timestamp } from "../../lib/index.ts";
import { type Diagnosis, summary } from "../diagnosis.ts";
import type { Plugin, PluginContext, PluginDefinition, Remedy } from "../plugin.ts";
import { type PreemptionSettings, preemptionArgs } from "../plugin-args.ts";
import { asPod, objectKeyOf, priorityOf } from "../pod-key.ts";
import type { NodeCheck, PodToPlace } from "../rule.ts";
import type { NodeState } from "../snapshot.ts";
import { type Budget, type Candidate, leastLoss, selectVictims } from "./victims.ts";

const noVictims = "No preemption victims found for incoming pod";
const notHelpful = "Preemption is not helpful for scheduling";
const preempted = { type: "DisruptionTarget", reason: "PreemptionByScheduler" };

/** Victims that are ended at the same time. */
const writesMax = 16;

/** Ends pods of lower priority where that makes room for one that fits nowhere. */
export const defaultPreemption: PluginDefinition = {
  name: "DefaultPreemption",
  checkArgs: preemptionArgs,
  create: (context, args) => new Preemption(context, preemptionArgs(args)),
};

class Preemption implements Plugin {
  readonly name = "DefaultPreemption";
  readonly #context: PluginContext;
  readonly #settings: PreemptionSettings;
  readonly #budgets;
  /** What was said of a diagnosis that leaves no way: like pods share it, and need not all search the cluster. */
  readonly #hopeless = new WeakMap<Diagnosis, Remedy>();

  constructor(context: PluginContext, settings: PreemptionSettings) {
    this.#context = context;
    this.#settings = settings;
    this.#budgets = context.informer(PodDisruptionBudgets);
  }

  readonly postFilter = ({ pod }: PodToPlace, diagnosis: Diagnosis, fits: () => NodeCheck): Remedy => {
    const refusal = this.#refusal(pod, diagnosis);
    if (refusal) return { message: `preemption: ${refusal}`, victims: 0 };
    const known = this.#hopeless.get(diagnosis);
    if (known) return known;
    const { candidates, reasons, asked } = this.#candidates(pod, diagnosis, fits);
    const best = leastLoss(candidates);
    if (best === undefined) {
      const { nodeCount } = diagnosis;
      const all = [...reasons, ...new Array<string>(nodeCount - asked).fill(notHelpful)];
      const remedy = { message: `preemption: ${summary(nodeCount, all)}`, nodeName: null, victims: 0 };
      this.#hopeless.set(diagnosis, remedy);
      return remedy;
    }
    return {
      message: "",
      nodeName: best.node.name,
      victims: best.victims.length,
      carryOut: (signal) => this.#carryOut(pod, best, signal),
    };
  };

  /** Why the pod may not preempt, or not now. */
  #refusal(pod: Pod, { rejections, podRejection }: Diagnosis): string | undefined {
    if (pod.spec.preemptionPolicy === "Never") return "not eligible due to preemptionPolicy=Never.";
    const nodeName = this.#context.snapshot.nominatedNode(pod.metadata.uid);
    const node = nodeName === undefined ? undefined : this.#context.snapshot.node(nodeName);
    if (node === undefined || podRejection?.rejection.isResolvable === false) return undefined;
    // When nothing that goes from there can help, another node may be found.
    if (rejections.find((each) => each.node.name === nodeName)?.rejection.isResolvable === false) return undefined;
    const isGoing = [...node.pods.values()].some(
      (placed) => priorityOf(placed.pod) < priorityOf(pod) && isBeingPreempted(placed.pod),
    );
    return isGoing ? "not eligible due to a terminating pod on the nominated node." : undefined;
  }

  /** Nodes that can be made feasible, enough to choose from; and what is said of those that cannot. */
  #candidates(pod: Pod, diagnosis: Diagnosis, fits: () => NodeCheck) {
    const nodes = diagnosis.podRejection
      ? diagnosis.podRejection.rejection.isResolvable
        ? this.#context.snapshot.nodes
        : []
      : diagnosis.rejections.filter(({ rejection }) => rejection.isResolvable).map(({ node }) => node);
    const { candidatesMin, candidatesMinPercent } = this.#settings;
    const enough = Math.max(candidatesMin, Math.floor((nodes.length * candidatesMinPercent) / 100));
    const start = Math.floor(this.#context.random.next() * nodes.length);
    const candidates: Candidate[] = [];
    const reasons: string[] = [];
    let asked = 0;
    let check: NodeCheck | undefined;
    let budgets: readonly Budget[] = [];
    for (let i = 0; i < nodes.length; i++) {
      const node = nodes[(start + i) % nodes.length]!;
      asked++;
      if (node.lowestPriority >= priorityOf(pod)) {
        reasons.push(noVictims);
        continue;
      }
      if (check === undefined) {
        check = fits();
        budgets = this.#currentBudgets();
      }
      const found = selectVictims(pod, node, check, budgets);
      if (found !== undefined && "victims" in found) candidates.push(found);
      else reasons.push(...(found?.reasons ?? [noVictims]));
      if (candidates.length >= enough && candidates.some(({ violations }) => violations === 0)) break;
    }
    return { candidates, reasons, asked };
  }

  #currentBudgets(): readonly Budget[] {
    return this.#budgets.list().map(({ metadata, spec, status }) => ({
      namespace: metadata.namespace ?? "",
      requirements: labelSelectorRequirements(spec.selector) ?? [],
      disruptionsAllowed: status?.disruptionsAllowed ?? 0,
      disruptedPods: new Set(Object.keys(status?.disruptedPods ?? {})),
    }));
  }

  async #carryOut(pod: Pod, { node, victims }: Candidate, signal: AbortSignal): Promise<void> {
    await this.#withdrawOthers(pod, node, signal);
    const going = victims.filter((victim) => victim.pod.metadata.deletionTimestamp === undefined);
    for (let i = 0; i < going.length; i += writesMax) {
      const ended = going.slice(i, i + writesMax).map((victim) => this.#end(victim.pod, pod, node, signal));
      await Promise.all(ended);
    }
  }

  /** Pods that were to come to the node, and may not fit there any more, look for another at once. */
  async #withdrawOthers(pod: Pod, node: NodeState, signal: AbortSignal): Promise<void> {
    const { client, log } = this.#context;
    for (const { pod: other } of [...node.nominated.values()]) {
      if (priorityOf(other) >= priorityOf(pod)) continue;
      try {
        await client.patch(
          Pods,
          objectKeyOf(other),
          { metadata: { uid: other.metadata.uid }, status: { nominatedNodeName: null } },
          { subresource: "status", type: "application/merge-patch+json", signal },
        );
      } catch (error) {
        if (signal.aborted) throw error;
        // They are tried again later in any case.
        log.debug("nomination not withdrawn", { pod: other.metadata.name, error: String(error) });
      }
    }
  }

  async #end(victim: Pod, pod: Pod, node: NodeState, signal: AbortSignal): Promise<void> {
    const { client, clock, events } = this.#context;
    const { uid, generation } = victim.metadata;
    const old = podCondition(victim, preempted.type);
    const condition: PodCondition = {
      ...preempted,
      status: "True",
      message: `${pod.spec.schedulerName}: preempting to accommodate a higher priority pod`,
      ...(generation === undefined ? {} : { observedGeneration: generation }),
      lastTransitionTime:
        old?.status === "True" && old.lastTransitionTime ? old.lastTransitionTime : timestamp(clock.now()),
    };
    try {
      await client.patch(
        Pods,
        objectKeyOf(victim),
        { metadata: { uid }, status: { conditions: [condition] } },
        { subresource: "status", type: "application/strategic-merge-patch+json", signal },
      );
      await client.delete(Pods, objectKeyOf(victim), { body: { preconditions: { uid } }, signal });
    } catch (error) {
      // Either way there is room.
      if (isGone(error)) return;
      throw error;
    }
    events.normal(asPod(victim), "Preempted", `Preempted by pod ${pod.metadata.uid} on node ${node.name}`);
  }
}

/** Whether the pod is on its way out because a scheduler wanted its room. */
function isBeingPreempted(pod: Pod): boolean {
  if (pod.metadata.deletionTimestamp === undefined) return false;
  const condition = podCondition(pod, preempted.type);
  return condition?.status === "True" && condition.reason === preempted.reason;
}

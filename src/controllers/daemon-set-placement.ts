// Where a DaemonSet's pods belong: NodeShouldRunDaemonPod of pkg/controller/daemon and
// https://kubernetes.io/docs/concepts/workloads/controllers/daemonset/#how-daemon-pods-are-scheduled. Pure functions.
import {
  type Affinity,
  type DaemonSet,
  diskPressureTaint,
  matchesNodeSelector,
  memoryPressureTaint,
  type Node,
  networkUnavailableTaint,
  notReadyTaint,
  type Pod,
  type PodSpec,
  pidPressureTaint,
  type Toleration,
  unreachableTaint,
  unschedulableTaint,
  untoleratedTaint,
} from "../api/index.ts";

const nodeNameField = "metadata.name";

/** What a node's own state must not keep daemons away from. */
const troubles: readonly { readonly key: string; readonly effect: string }[] = [
  { key: notReadyTaint, effect: "NoExecute" },
  { key: unreachableTaint, effect: "NoExecute" },
  { key: diskPressureTaint, effect: "NoSchedule" },
  { key: memoryPressureTaint, effect: "NoSchedule" },
  { key: pidPressureTaint, effect: "NoSchedule" },
  { key: unschedulableTaint, effect: "NoSchedule" },
];
const networkTrouble = { key: networkUnavailableTaint, effect: "NoSchedule" };

/** The tolerations of the template and those that every daemon has, which take the place of their likes. */
export function daemonTolerations({ tolerations = [], hostNetwork }: PodSpec): readonly Toleration[] {
  const own = (hostNetwork ? [...troubles, networkTrouble] : troubles).map(
    (each): Toleration => ({ ...each, operator: "Exists" }),
  );
  const missing = new Set(own);
  const given = tolerations.map((toleration) => {
    const like = own.find(
      ({ key, effect }) =>
        toleration.key === key && toleration.effect === effect && toleration.operator === "Exists" && !toleration.value,
    );
    if (like) missing.delete(like);
    return like ?? toleration;
  });
  return [...given, ...missing];
}

export interface Placement {
  /** Whether a pod is to be made on the node where there is none. */
  readonly runs: boolean;
  /** Whether a pod that is on the node may stay. */
  readonly stays: boolean;
}

const nowhere: Placement = { runs: false, stays: false };

/** Says of any node whether the set's pods belong there; what does not depend on the node is worked out once. */
export function placementOf({ spec }: DaemonSet): (node: Node) => Placement {
  const podSpec = spec.template.spec;
  const tolerations = daemonTolerations(podSpec);
  return (node) => {
    if (podSpec.nodeName && podSpec.nodeName !== node.metadata.name) return nowhere;
    if (!matchesNodeSelector({ spec: podSpec }, node)) return nowhere;
    const { taints } = node.spec ?? {};
    const stays = !untoleratedTaint(taints, tolerations, ["NoExecute"]);
    return { runs: stays && !untoleratedTaint(taints, tolerations, ["NoSchedule"]), stays };
  };
}

/** The specification of the pod for one node: the scheduler can bind it to that node only. */
export function podSpecFor(spec: PodSpec, tolerations: readonly Toleration[], nodeName: string): PodSpec {
  const { affinity } = spec;
  const required = affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  const nodeSelectorTerms = [{ matchFields: [{ key: nodeNameField, operator: "In", values: [nodeName] }] }];
  const bound: Affinity = {
    ...affinity,
    nodeAffinity: {
      ...affinity?.nodeAffinity,
      requiredDuringSchedulingIgnoredDuringExecution: { ...required, nodeSelectorTerms },
    },
  };
  return { ...spec, tolerations, affinity: bound };
}

/** The node that a daemon pod is on or is meant for; undefined when it says neither. */
export function targetNode({ spec }: Pod): string | undefined {
  if (spec.nodeName) return spec.nodeName;
  const required = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  for (const term of required?.nodeSelectorTerms ?? []) {
    for (const { key, operator, values = [] } of term.matchFields ?? []) {
      if (key === nodeNameField && operator === "In") return values.length === 1 ? values[0] : undefined;
    }
  }
  return undefined;
}

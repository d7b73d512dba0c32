// The spread constraints of pods that have none of their own: those that the profile gives them.
import {
  controllerOf,
  hostnameLabel,
  isPodTerminal,
  type LabelSelector,
  matchesLabels,
  Nodes,
  type Pod,
  Pods,
  ReplicaSets,
  ReplicationControllers,
  Services,
  StatefulSets,
  type TopologySpreadConstraint,
  zoneLabel,
} from "../api/index.ts";
import { deepEqual } from "../lib/index.ts";
import { type PluginContext, type WakeHint, wakeHint } from "./plugin.ts";
import { type SpreadConstraint, spreadConstraint, spreadConstraintsOf } from "./pod-terms.ts";
import { sameForOthers } from "./snapshot.ts";

export type SpreadAction = "DoNotSchedule" | "ScheduleAnyway";

export interface SpreadDefaults {
  readonly constraints: readonly Omit<TopologySpreadConstraint, "labelSelector">[];
  /** Whether they are Kubernetes' own: these take nodes that lack a topology as they are. */
  readonly areSystems: boolean;
}

/** What kube-scheduler spreads by when nobody says otherwise. */
export const systemSpreadDefaults: SpreadDefaults = {
  areSystems: true,
  constraints: [
    { maxSkew: 3, topologyKey: hostnameLabel, whenUnsatisfiable: "ScheduleAnyway" },
    { maxSkew: 5, topologyKey: zoneLabel, whenUnsatisfiable: "ScheduleAnyway" },
  ],
};

/** The constraints of a pod, its own or the defaults. */
export interface SpreadSource {
  readonly of: (pod: Pod, action: SpreadAction) => readonly SpreadConstraint[];
  /** Whether nodes without a topology count where they can. */
  readonly anyTopology: (pod: Pod) => boolean;
}

/** Only what pods say themselves. */
export const ownConstraints: SpreadSource = { of: spreadConstraintsOf, anyTopology: () => false };

/**
 * What may help pods that default constraints keep from nodes. For pods with constraints of their own that is known from
 * their shape.
 */
export function spreadWakes(source: SpreadSource, { constraints }: SpreadDefaults): readonly WakeHint[] {
  if (constraints.every(({ whenUnsatisfiable }) => whenUnsatisfiable !== "DoNotSchedule")) return [];
  return [
    wakeHint(Pods, (pod, event) => {
      if (event.object.metadata.namespace !== pod.metadata.namespace) return false;
      const versions = event.type === "update" ? [event.old, event.object] : [event.object];
      if (!event.object.spec.nodeName || (event.type === "update" && !isNews(event.old, event.object))) return false;
      return source
        .of(pod, "DoNotSchedule")
        .some(({ selects }) => versions.some(({ metadata }) => selects(metadata.labels)));
    }),
    wakeHint(Nodes, (_, event) => {
      if (event.type !== "update") return event.type === "delete";
      return !deepEqual(event.old.metadata.labels, event.object.metadata.labels);
    }),
  ];
}

/** Whether another number of pods may be counted where the pod is. */
function isNews(old: Pod, pod: Pod): boolean {
  return old.spec.nodeName !== pod.spec.nodeName || isPodTerminal(pod) || !sameForOthers(old, pod);
}

/** Selectors that are remembered; forgetting costs only working them out again. */
const selectorsMax = 2_000;

/** Gives pods without constraints the defaults, over those pods that their services or their workload select. */
export function spreadSource(context: PluginContext, defaults: SpreadDefaults): SpreadSource {
  if (defaults.constraints.length === 0) return ownConstraints;
  const services = context.informer(Services);
  const replicationControllers = context.informer(ReplicationControllers);
  const replicaSets = context.informer(ReplicaSets);
  const statefulSets = context.informer(StatefulSets);
  const selectors = new Map<string, LabelSelector | undefined>();
  for (const informer of [services, replicationControllers, replicaSets, statefulSets]) {
    informer.addHandler((event) => {
      // Mostly a status: what the object selects does not change with that. Services have no generation.
      if (event.type !== "update" || !deepEqual(event.old.spec?.selector, event.object.spec?.selector)) {
        selectors.clear();
      }
    });
  }

  /** What the pod's workload and the services before it select, all of it together; undefined when that is nothing. */
  const selectorOf = (pod: Pod): LabelSelector | undefined => {
    const { namespace = "", labels } = pod.metadata;
    const owner = controllerOf(pod);
    const key = JSON.stringify([namespace, labels, owner?.kind, owner?.name]);
    if (selectors.has(key)) return selectors.get(key);
    const matchLabels: Record<string, string> = {};
    const matchExpressions: NonNullable<LabelSelector["matchExpressions"]>[number][] = [];
    for (const service of services.list(namespace)) {
      const selector = service.spec?.selector ?? {};
      const requirements = Object.entries(selector).map(([label, value]) => ({
        key: label,
        operator: "=" as const,
        values: [value],
      }));
      if (requirements.length > 0 && matchesLabels(requirements, labels)) Object.assign(matchLabels, selector);
    }
    const ownerKey = `${namespace}/${owner?.name}`;
    if (owner?.kind === "ReplicationController") {
      Object.assign(matchLabels, replicationControllers.get(ownerKey)?.spec?.selector);
    }
    const set =
      owner?.kind === "ReplicaSet"
        ? replicaSets.get(ownerKey)
        : owner?.kind === "StatefulSet"
          ? statefulSets.get(ownerKey)
          : undefined;
    const selector = set?.spec?.selector;
    Object.assign(matchLabels, selector?.matchLabels);
    matchExpressions.push(...(selector?.matchExpressions ?? []));
    const isEmpty = Object.keys(matchLabels).length + matchExpressions.length === 0;
    if (selectors.size >= selectorsMax) selectors.clear();
    selectors.set(key, isEmpty ? undefined : { matchLabels, matchExpressions });
    return selectors.get(key);
  };

  return {
    of(pod, action) {
      if ((pod.spec.topologySpreadConstraints ?? []).length > 0) return spreadConstraintsOf(pod, action);
      const wanted = defaults.constraints.filter(({ whenUnsatisfiable }) => whenUnsatisfiable === action);
      const labelSelector = wanted.length > 0 ? selectorOf(pod) : undefined;
      if (labelSelector === undefined) return [];
      return wanted.map((constraint) => spreadConstraint({ ...constraint, labelSelector }, pod));
    },
    anyTopology: (pod) => defaults.areSystems && (pod.spec.topologySpreadConstraints ?? []).length === 0,
  };
}

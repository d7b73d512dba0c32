// Keeps what every PodDisruptionBudget allows: pkg/controller/disruption.
import {
  ApiError,
  controllerOf,
  Deployments,
  isPodTerminal,
  type KubeObject,
  matchesLabelSelector,
  type OwnerReference,
  type Pod,
  type PodDisruptionBudget,
  PodDisruptionBudgets,
  Pods,
  parseApiVersion,
  podCondition,
  ReplicaSets,
  ReplicationControllers,
  type ResourceDefinition,
  type Scale,
  type ScaleMapping,
  StatefulSets,
  withCondition,
} from "../api/index.ts";
import { also, type Cache, defineController, keyOf, type ReconcileContext } from "../client/index.ts";
import { deepEqual, errorMessage } from "../lib/index.ts";
import { countsByScale, planDisruption } from "./disruption-plan.ts";
import type { KindCatalog } from "./resource-catalog.ts";
import { candidatesFor, podsByLabel, podsWith, selectorIndex } from "./selection.ts";
import { selectorText } from "./selector-text.ts";

/** The owners of pods that are read from the cache; all others are asked for their scale. */
const scaled: readonly ScaledKind[] = [Deployments, ReplicaSets, ReplicationControllers, StatefulSets].map(
  // Each mapping is given objects of its own kind only.
  (kind) => kind as unknown as ScaledKind,
);

type ScaledKind = ResourceDefinition & { readonly scale: ScaleMapping<KubeObject> };

export function disruptionController(catalog: KindCatalog) {
  const told = new WeakSet<Pod>();
  return defineController({
    name: "disruption-controller",
    recordsAs: "controllermanager",
    watches: {
      for: PodDisruptionBudgets,
      also: [
        also(Pods, budgetsOf),
        ...scaled.map((kind) =>
          also(kind, (object, cache, old) =>
            old && kind.scale.specReplicas(old) === kind.scale.specReplicas(object) ? [] : scaleBudgets(object, cache),
          ),
        ),
      ],
    },
    indexes: [podsByLabel, budgetsBySelector],
    async reconcile(context, key) {
      const { cache, clock, events } = context;
      const budget = cache.get(PodDisruptionBudgets, key);
      if (!budget) return;
      const { namespace = "", name } = budget.metadata;
      const { matchLabels } = budget.spec.selector ?? {};
      const pods = podsWith(cache, namespace, matchLabels).filter((pod) => selects(budget, pod));
      if (pods.length === 0) events.normal(budget, "NoPods", "No matching pods found");
      reportOtherBudgets(context, budget, pods, told);
      const nowMs = clock.now();
      try {
        const scale = countsByScale(budget) ? await scaleOf(context, catalog, budget, pods) : undefined;
        const { status, kept, nextCheckMs } = planDisruption(budget, pods, scale, nowMs);
        for (const pod of kept)
          events.warning(pod, "NotDeleted", `Pod was expected by PDB ${namespace}/${name} to be deleted but it wasn't`);
        await writeStatus(context, budget, status);
        // A pod stays disrupted up to the very end of its time.
        return nextCheckMs === undefined ? undefined : { afterMs: nextCheckMs - nowMs + 1 };
      } catch (error) {
        if (error instanceof ApiError) throw error;
        // Until it is known what may go, nothing may.
        const message = errorMessage(error);
        events.warning(
          budget,
          "CalculateExpectedPodCountFailed",
          `Failed to calculate the number of expected pods: ${message}`,
        );
        await writeStatus(context, budget, failed(budget, message, nowMs));
      }
    },
  });
}

/** A pod with several budgets cannot be evicted. It is said once of each pod as it is, under the first budget's key. */
function reportOtherBudgets(
  { cache, events }: ReconcileContext,
  budget: PodDisruptionBudget,
  pods: readonly Pod[],
  told: WeakSet<Pod>,
): void {
  for (const pod of pods) {
    if (told.has(pod)) continue;
    const names = budgetsFor(pod, cache)
      .filter((each) => each !== budget)
      .map(({ metadata }) => metadata.name);
    const { namespace, name } = pod.metadata;
    if (names.length === 0 || names.some((other) => other < budget.metadata.name)) continue;
    told.add(pod);
    events.warning(
      pod,
      "MultiplePodDisruptionBudgets",
      `Pod ${JSON.stringify(namespace)}/${JSON.stringify(name)} matches multiple PodDisruptionBudgets.  Chose ${JSON.stringify(budget.metadata.name)} arbitrarily.`,
    );
  }
}

function selects({ spec }: PodDisruptionBudget, { metadata }: Pod): boolean {
  return matchesLabelSelector(spec.selector, metadata.labels);
}

const budgetsBySelector = selectorIndex(PodDisruptionBudgets, ({ spec }) => spec.selector?.matchLabels);

/** The budgets that select the pod. */
function budgetsFor(pod: Pod, cache: Cache): PodDisruptionBudget[] {
  return [...candidatesFor(cache, PodDisruptionBudgets, pod)].filter((budget) => selects(budget, pod));
}

function budgetsOf(pod: Pod, cache: Cache, old: Pod | undefined): string[] {
  return [...budgetsFor(pod, cache), ...(old ? budgetsFor(old, cache) : [])].map(keyOf);
}

function scaleBudgets({ metadata }: KubeObject, cache: Cache): string[] {
  return cache.list(PodDisruptionBudgets, metadata.namespace).filter(countsByScale).map(keyOf);
}

async function writeStatus(
  { client }: ReconcileContext,
  budget: PodDisruptionBudget,
  status: PodDisruptionBudget["status"],
): Promise<void> {
  if (!deepEqual(budget.status, status))
    await client.update(PodDisruptionBudgets, { ...budget, status }, { subresource: "status" });
}

function failed({ status }: PodDisruptionBudget, message: string, nowMs: number): PodDisruptionBudget["status"] {
  const condition = {
    type: "DisruptionAllowed",
    status: "False",
    reason: "SyncFailed",
    message,
    observedGeneration: status.observedGeneration ?? 0,
  };
  return { ...status, disruptionsAllowed: 0, conditions: withCondition(status.conditions, condition, nowMs) };
}

/** How many pods the owners of `pods` want together. Throws when an owner cannot be asked. */
async function scaleOf(
  context: ReconcileContext,
  catalog: KindCatalog,
  budget: PodDisruptionBudget,
  pods: readonly Pod[],
): Promise<number> {
  const scales = new Map<string, number>();
  const seen = new Set<string>();
  let unmanaged = 0;
  for (const pod of pods) {
    const owner = controllerOf(pod);
    if (!owner) unmanaged++;
    if (!owner || seen.has(owner.uid)) continue;
    seen.add(owner.uid);
    const found = await scaleOfOwner(context, catalog, owner, pod.metadata.namespace ?? "");
    if (!found) throw new Error(`found no controllers for pod ${JSON.stringify(pod.metadata.name)}`);
    scales.set(found.uid, found.replicas);
  }
  if (unmanaged > 0)
    context.events.warning(
      budget,
      "UnmanagedPods",
      `Pods selected by this PodDisruptionBudget (selector: ${selectorText(budget.spec.selector)}) were found to be unmanaged. As a result, the status of the PDB cannot be calculated correctly, which may result in undefined behavior. To account for these pods please set ".spec.minAvailable" field of the PDB to an integer value.`,
    );
  return [...scales.values()].reduce((sum, each) => sum + each, 0);
}

interface OwnerScale {
  readonly uid: string;
  readonly replicas: number;
}

/** Undefined for an owner that is not there any more. */
async function scaleOfOwner(
  { client, cache }: ReconcileContext,
  catalog: KindCatalog,
  owner: OwnerReference,
  namespace: string,
): Promise<OwnerScale | undefined> {
  const { group } = parseApiVersion(owner.apiVersion);
  const kind = scaled.find((each) => each.kind === owner.kind && each.group === group);
  if (kind) return cachedScale(cache, kind, owner, namespace);
  const definition = catalog.all().find((each) => each.kind === owner.kind && each.group === group);
  if (!definition)
    throw new Error(`no matches for kind ${JSON.stringify(owner.kind)} in group ${JSON.stringify(group)}`);
  if (!definition.scale) {
    const resource = [definition.plural, definition.group].filter((each) => each !== "").join(".");
    throw new Error(`${resource} does not implement the scale subresource`);
  }
  try {
    const { name } = owner;
    const scale = (await client.get(definition, { namespace, name }, { subresource: "scale" })) as KubeObject & Scale; // what this subresource gives
    const { uid } = scale.metadata;
    return uid === owner.uid ? { uid, replicas: scale.spec?.replicas ?? 0 } : undefined;
  } catch (error) {
    if (error instanceof ApiError && error.code === 404) return undefined;
    throw error;
  }
}

/** A ReplicaSet's pods count for its Deployment, which moves them from one to another. */
function cachedScale(
  cache: Cache,
  kind: ScaledKind,
  { name, uid }: OwnerReference,
  namespace: string,
): OwnerScale | undefined {
  const object = cache.get(kind, `${namespace}/${name}`);
  if (object?.metadata.uid !== uid) return undefined;
  const above = controllerOf(object);
  if (above?.kind === "Deployment") return cachedScale(cache, scaled[0] as ScaledKind, above, namespace); // Deployments
  return { uid, replicas: kind.scale.specReplicas(object) };
}

/** How long a pod is believed to be going that somebody has marked and nobody deleted. */
const markedMsMax = 2 * 60_000;

/** Takes back the mark of a disruption that did not come. */
export const staleDisruptionController = defineController({
  name: "stale-pod-disruption-controller",
  watches: { also: [also(Pods, (pod) => (markEndMs(pod) === undefined ? [] : [keyOf(pod)]))] },
  async reconcile({ client, cache, clock }, key) {
    const pod = cache.get(Pods, key);
    const endMs = pod && markEndMs(pod);
    if (!pod || endMs === undefined) return;
    const leftMs = endMs - clock.now();
    if (leftMs > 0) return { afterMs: leftMs };
    const { generation } = pod.metadata;
    const condition = {
      type: "DisruptionTarget",
      status: "False",
      ...(generation === undefined ? {} : { observedGeneration: generation }),
    };
    const conditions = withCondition(pod.status.conditions, condition, clock.now());
    await client.update(Pods, { ...pod, status: { ...pod.status, conditions } }, { subresource: "status" });
  },
});

/** When the pod's mark is too old; undefined for pods without one, and for those that the node itself ends. */
function markEndMs(pod: Pod): number | undefined {
  const mark = podCondition(pod, "DisruptionTarget");
  if (mark?.status !== "True" || mark.reason === "TerminationByKubelet" || isPodTerminal(pod)) return undefined;
  if (pod.metadata.deletionTimestamp !== undefined) return undefined;
  return Date.parse(mark.lastTransitionTime ?? pod.metadata.creationTimestamp) + markedMsMax;
}

import {
  type ControllerRevision,
  ControllerRevisions,
  controllerOf,
  type DaemonSet,
  DaemonSets,
  matchesLabelSelector,
  type Node,
  Nodes,
  type Pod,
  Pods,
  templateGenerationAnnotation,
} from "../api/index.ts";
import { also, type Cache, defineController, type Key, keyOf, type ReconcileContext } from "../client/index.ts";
import { deepEqual } from "../lib/index.ts";
import { claimObjects, orphanIndex } from "./claim.ts";
import {
  forgetRevisions,
  type History,
  historyOf,
  revisionIndex,
  revisionLabel,
  watchRevisions,
} from "./controller-revisions.ts";
import { daemonTolerations, placementOf, podSpecFor } from "./daemon-set-placement.ts";
import { type DaemonSetPlan, planDaemonSet, type Removal } from "./daemon-set-plan.ts";
import { FailedPods } from "./failed-pods.ts";
import { createPod, deletePod, inGrowingBatches, podFromTemplate } from "./pod-control.ts";
import { sameStatus } from "./status-equality.ts";

/** Pods created, and pods deleted, in one reconcile at most; the next one goes on. */
const burst = 250;
/** By which pods said of which template they are, before they had the hash of a revision. */
const templateGenerationLabel = "pod-template-generation";

const failedPodBackoff = { firstMs: 1_000, maxMs: 15 * 60_000 };

/** Keeps one pod of each DaemonSet on every node where it belongs, and rolls them to its template. */
export function daemonSetController() {
  const failed = new FailedPods(failedPodBackoff);
  return defineController({
    name: "daemonset-controller",
    watches: {
      for: DaemonSets,
      owns: [Pods],
      also: [also(Pods, setsOfOrphan), also(Nodes, setsOfNode), watchRevisions(DaemonSets)],
    },
    indexes: [orphanIndex(Pods), revisionIndex],
    async reconcile(context, key) {
      const set = context.cache.get(DaemonSets, key);
      // What a set that is being deleted leaves behind is the garbage collector's, its history too.
      if (set && set.metadata.deletionTimestamp === undefined) return await reconcileSet(context, set, failed);
    },
  });
}

function* setsOfOrphan(pod: Pod, cache: Cache): Iterable<Key> {
  if (controllerOf(pod)) return;
  for (const set of cache.list(DaemonSets, pod.metadata.namespace)) {
    if (matchesLabelSelector(set.spec.selector, pod.metadata.labels)) yield keyOf(set);
  }
}

/** The sets to which a node is new, gone, or another than before. Most of what nodes report is neither. */
function* setsOfNode(node: Node, cache: Cache, old: Node | undefined): Iterable<Key> {
  if (old && deepEqual(placementFacts(old), placementFacts(node))) return;
  for (const set of cache.list(DaemonSets)) {
    const placement = placementOf(set);
    const { stays } = placement(node);
    if (old ? !deepEqual(placement(old), placement(node)) : stays) yield keyOf(set);
  }
}

function placementFacts({ metadata, spec }: Node) {
  return { uid: metadata.uid, labels: metadata.labels, taints: spec?.taints };
}

async function reconcileSet(context: ReconcileContext, set: DaemonSet, failed: FailedPods) {
  const { cache, client, clock } = context;
  const history = await historyOf(context, set, DaemonSets, revisionLabel);
  if (!history) return;
  const pods = await claimObjects(context, {
    owner: set,
    ownerResource: DaemonSets,
    resource: Pods,
    matches: ({ metadata }) => matchesLabelSelector(set.spec.selector, metadata.labels),
  });
  await mendHistory(context, history, pods);
  // The pods have other labels now than those that were looked at.
  if (history.duplicates.length > 0) return { afterMs: 0 };
  const hash = hashOf(history.present);
  const plan = planDaemonSet({
    set,
    nodes: cache.list(Nodes),
    pods,
    hash,
    holdOffMs: (nodeName) => failed.waitMs(set, nodeName, clock.monotonicMs()),
    nowMs: clock.now(),
  });
  const problem = await carryOut(context, set, hash, plan, failed);
  if (!problem) await forgetOldest(context, set, history, pods);
  if (!sameStatus(set.status, plan.status)) {
    await client.update(DaemonSets, { ...set, status: plan.status }, { subresource: "status" });
  }
  if (problem) throw problem.error;
  if (plan.create.length > burst || plan.remove.length > burst) return { afterMs: 0 };
  return plan.afterMs === undefined ? undefined : { afterMs: plan.afterMs };
}

/** What pods of the revision carry as a label. */
function hashOf({ metadata }: ControllerRevision): string {
  return metadata.labels?.[revisionLabel] ?? metadata.name;
}

/** Several revisions of the present template become one, and its pods are told so. */
async function mendHistory(
  { client }: ReconcileContext,
  { present, duplicates, old }: History,
  pods: readonly Pod[],
): Promise<void> {
  const label = (value: string) => ({ metadata: { labels: { [revisionLabel]: value } } });
  for (const revision of [...old, present]) {
    if (revision.metadata.labels?.[revisionLabel] !== undefined) continue;
    await client.patch(ControllerRevisions, revision.metadata, label(hashOf(revision)));
  }
  if (duplicates.length === 0) return;
  const others = new Set<string | undefined>(duplicates.map(hashOf));
  others.delete(hashOf(present));
  for (const pod of pods) {
    if (!others.has(pod.metadata.labels?.[revisionLabel])) continue;
    await client.patch(Pods, pod.metadata, label(hashOf(present)));
  }
  await forgetRevisions({ client }, duplicates, duplicates.length);
}

/** Deletes what no pod uses of the history, until it is no longer than it may be. */
async function forgetOldest(
  context: ReconcileContext,
  { spec }: DaemonSet,
  { old }: History,
  pods: readonly Pod[],
): Promise<void> {
  const inUse = new Set(pods.map(({ metadata }) => metadata.labels?.[revisionLabel]));
  const dead = old.filter((revision) => !inUse.has(hashOf(revision)));
  await forgetRevisions(context, dead, old.length - (spec.revisionHistoryLimit ?? 10));
}

/** Creates and deletes; the one does not wait for the other. */
async function carryOut(
  context: ReconcileContext,
  set: DaemonSet,
  hash: string,
  { create, remove }: DaemonSetPlan,
  failed: FailedPods,
): Promise<{ readonly error: unknown } | undefined> {
  const { template } = set.spec;
  const tolerations = daemonTolerations(template.spec);
  const generation = set.metadata.annotations?.[templateGenerationAnnotation];
  const labels = {
    ...template.metadata?.labels,
    ...(generation === undefined ? {} : { [templateGenerationLabel]: generation }),
    [revisionLabel]: hash,
  };
  const pod = podFromTemplate(set, DaemonSets, { ...template, metadata: { ...template.metadata, labels } });
  const notCreated = await inGrowingBatches(create.slice(0, burst), (nodeName) =>
    createPod(context, set, { ...pod, spec: podSpecFor(template.spec, tolerations, nodeName) }),
  );
  const notRemoved = await inGrowingBatches(remove.slice(0, burst), async (removal) => {
    reportEnd(context, set, removal, failed);
    await deletePod(context, set, removal.pod);
  });
  return notCreated ?? notRemoved;
}

function reportEnd(
  { events, clock }: ReconcileContext,
  set: DaemonSet,
  { pod, endedOn }: Removal,
  failed: FailedPods,
): void {
  if (endedOn === undefined) return;
  const about = `daemon pod ${keyOf(pod)} on node ${endedOn}`;
  if (pod.status.phase === "Failed") {
    failed.note(set, endedOn, clock.monotonicMs());
    events.warning(set, "FailedDaemonPod", `Found failed ${about}, will try to kill it`);
  } else {
    events.normal(set, "SucceededDaemonPod", `Found succeeded ${about}, will try to delete it`);
  }
}

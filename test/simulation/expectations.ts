// What a simulated cluster has to have come to once the faults are over.
import {
  type Cluster,
  DaemonSets,
  Deployments,
  EndpointSlices,
  HorizontalPodAutoscalers,
  isJobFinished,
  Jobs,
  type KubeObject,
  Namespaces,
  Nodes,
  PersistentVolumeClaims,
  Pods,
  podCondition,
  ReplicaSets,
  Services,
  StatefulSets,
} from "roder";
import { ordinalOf, setOf } from "./invariants/index.ts";
import { failing, namespace, resources } from "./scene.ts";

/** No pod of a StatefulSet runs twice, wherever: not even on a node of which nobody knows. */
export async function doubledIdentities({ nodes }: Cluster): Promise<readonly string[]> {
  const problems: string[] = [];
  const seen = new Map<string, string>();
  for (const { name, engine } of nodes.values()) {
    const running = new Set(
      (await engine.listContainers()).filter(({ state }) => state === "running").map(({ sandboxId }) => sandboxId),
    );
    for (const sandbox of await engine.listSandboxes()) {
      if (sandbox.namespace !== namespace || !sandbox.name.startsWith("db-") || !running.has(sandbox.id)) continue;
      const other = seen.get(sandbox.name);
      if (other !== undefined) problems.push(`${sandbox.name} runs on ${other} and on ${name}`);
      seen.set(sandbox.name, name);
    }
  }
  return problems;
}

/** Everything that was asked for is there, and no more than that. */
export async function notAsAskedFor({ client, nodes }: Cluster): Promise<readonly string[]> {
  const problems: string[] = [];
  const expect = (holds: boolean, what: string) => {
    if (!holds) problems.push(`not as asked for: ${what}`);
  };
  for (const { metadata, status } of (await client.list(Nodes)).items) {
    const ready = status.conditions?.find(({ type }) => type === "Ready")?.status;
    expect(ready === "True", `node ${metadata.name} is ready: ${ready}`);
  }
  const pods = (await client.list(Pods, { namespace })).items;
  const allOf = (name: string) => pods.filter((pod) => pod.metadata.labels?.app === name);
  const all = (name: string) => allOf(name).length;
  const count = (name: string) => allOf(name).filter((pod) => podCondition(pod, "Ready")?.status === "True").length;
  for (const { metadata, spec, status } of (await client.list(Deployments, { namespace })).items) {
    const { name } = metadata;
    const { replicas = 1 } = spec;
    const { updatedReplicas = 0, availableReplicas = 0 } = status;
    expect(updatedReplicas === replicas, `${name} has ${updatedReplicas} updated replicas of ${replicas}`);
    expect(availableReplicas === replicas, `${name} has ${availableReplicas} available replicas of ${replicas}`);
    expect(all(name) === replicas, `${name} has ${all(name)} pods of ${replicas}`);
  }
  const { items: sets } = await client.list(StatefulSets, { namespace });
  for (const { metadata, spec, status } of sets) {
    const what = `${metadata.name} has ${count(metadata.name)} ready pods of ${spec.replicas}`;
    expect(count(metadata.name) === spec.replicas && all(metadata.name) === spec.replicas, what);
    // What is updated by hand may be at several.
    const isAtLast = spec.updateStrategy?.type === "OnDelete" || status.currentRevision === status.updateRevision;
    expect(isAtLast, `${metadata.name} is at its last revision`);
  }
  for (const { metadata, status } of (await client.list(PersistentVolumeClaims, { namespace })).items) {
    const set = sets.find((each) => each.metadata.name === setOf(metadata.name));
    const isWanted = ordinalOf(metadata.name) < (set?.spec.replicas ?? 0);
    expect(!isWanted || status.phase === "Bound", `the claim ${metadata.name} is ${status.phase}`);
  }
  for (const { metadata } of (await client.list(DaemonSets, { namespace })).items) {
    const what = `${metadata.name} has ${count(metadata.name)} ready pods of ${nodes.size}`;
    expect(count(metadata.name) === nodes.size, what);
  }
  for (const job of (await client.list(Jobs, { namespace })).items) {
    const { metadata, spec, status } = job;
    if (isOfCronJob(metadata)) continue;
    const what = `${metadata.name} succeeded ${status.succeeded} times of ${spec.completions}`;
    // What fails has ended as well; that it had a reason is looked at when it ends.
    const isDone = metadata.name.startsWith(failing) ? isJobFinished(job) : status.succeeded === spec.completions;
    expect(isDone, what);
  }
  for (const { metadata } of (await client.list(Services, { namespace })).items) {
    const slices = (await client.list(EndpointSlices, { namespace })).items.filter(
      (slice) => slice.metadata.labels?.["kubernetes.io/service-name"] === metadata.name,
    );
    const ready = slices.flatMap(({ endpoints }) => endpoints ?? []).filter((each) => each.conditions?.ready).length;
    expect(ready === count(metadata.name), `${metadata.name} has ${ready} endpoints of ${count(metadata.name)}`);
  }
  for (const { metadata, spec } of (await client.list(HorizontalPodAutoscalers, { namespace })).items) {
    const target = (await client.list(Deployments, { namespace })).items.find(
      (each) => each.metadata.name === spec.scaleTargetRef.name,
    );
    const { replicas = 1 } = target?.spec ?? {};
    // Who is scaled to nothing is scaled by nobody else.
    const isWithin = replicas >= (spec.minReplicas ?? 1) && replicas <= spec.maxReplicas;
    expect(!target || replicas === 0 || isWithin, `${metadata.name} is scaled to ${replicas}, outside of its bounds`);
  }
  return problems;
}

/** What is left of what was deleted. */
export async function leftovers({ client, nodes }: Cluster): Promise<readonly string[]> {
  const problems: string[] = [];
  for (const resource of [...resources, Pods, ReplicaSets, EndpointSlices]) {
    const left = (await client.list(resource, { namespace })).items.map(({ metadata }) => metadata.name);
    if (left.length > 0) problems.push(`left behind: ${resource.plural} ${left.join(", ")}`);
  }
  const namespaces = (await client.list(Namespaces)).items.map(({ metadata }) => metadata.name);
  if (namespaces.includes(namespace)) problems.push("left behind: the namespace");
  for (const { name, engine } of nodes.values()) {
    const sandboxes = (await engine.listSandboxes()).filter((each) => each.namespace === namespace);
    if (sandboxes.length > 0) problems.push(`left behind: ${sandboxes.length} sandboxes on ${name}`);
  }
  return problems;
}

function isOfCronJob({ ownerReferences = [] }: KubeObject["metadata"]): boolean {
  return ownerReferences.some(({ kind }) => kind === "CronJob");
}

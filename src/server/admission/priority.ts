import {
  clusterCriticalPriority,
  type NewObject,
  nodeCriticalPriority,
  Pods,
  type PriorityClass,
  PriorityClasses,
  type ResourceHandler,
} from "../../api/index.ts";
import { apiServerUser } from "../authorization/index.ts";
import type { Lookup } from "../lookup.ts";
import type { AdmissionPlugin, AdmissionRequest } from "./admission.ts";
import { refuse } from "./refusal.ts";
import { written } from "./subject.ts";

const preemptLower = "PreemptLowerPriority";

/** The classes that every cluster has: pods without which it does not work. */
const systemPriorityClasses: readonly NewObject<PriorityClass>[] = [
  {
    metadata: { name: "system-node-critical" },
    value: nodeCriticalPriority,
    description: "Used for system critical pods that must not be moved from their current node.",
    preemptionPolicy: preemptLower,
  },
  {
    metadata: { name: "system-cluster-critical" },
    value: clusterCriticalPriority,
    description:
      "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.",
    preemptionPolicy: preemptLower,
  },
];

/** Creates those of the system's priority classes that are missing; runs at every start. */
export async function ensureSystemPriorityClasses(handler: ResourceHandler, lookup: Lookup): Promise<void> {
  const { group, version, plural } = PriorityClasses;
  const missing = systemPriorityClasses.filter(
    ({ metadata }) => !lookup.get(PriorityClasses, undefined, metadata.name ?? ""),
  );
  await Promise.all(
    missing.map((each) =>
      handler.handle(
        {
          verb: "create",
          group,
          version,
          plural,
          body: { apiVersion: "scheduling.k8s.io/v1", kind: "PriorityClass", ...each },
        },
        apiServerUser,
      ),
    ),
  );
}

/** Turns the name of a pod's priority class into its number, and keeps the default class the only one. */
export function priority(lookup: Lookup): AdmissionPlugin {
  return {
    name: "Priority",
    resources: [Pods, PriorityClasses],
    admit(request) {
      const pod = written(request, Pods, "CREATE", "UPDATE");
      if (!pod) return;
      if (request.operation === "UPDATE") keepPriority(request);
      else setPriority(request, lookup);
    },
    validate(request) {
      const priorityClass = written(request, PriorityClasses, "CREATE", "UPDATE");
      if (!priorityClass?.globalDefault) return;
      const present = defaultClass(lookup);
      if (present && (request.operation === "CREATE" || present.metadata.name !== priorityClass.metadata.name))
        throw refuse(
          request,
          `PriorityClass ${present.metadata.name} is already marked as default. Only one default can exist`,
        );
    },
  };
}

/** A client that leaves the numbers out of an update did not mean to change them. */
function keepPriority(request: AdmissionRequest): void {
  const pod = written(request, Pods, "UPDATE");
  const old = request.old as typeof pod;
  if (!pod || !old) return;
  if (pod.spec.priority === undefined && old.spec.priority !== undefined) pod.spec.priority = old.spec.priority;
  if (pod.spec.preemptionPolicy === undefined && old.spec.preemptionPolicy !== undefined)
    pod.spec.preemptionPolicy = old.spec.preemptionPolicy;
}

function setPriority(request: AdmissionRequest, lookup: Lookup): void {
  const spec = written(request, Pods, "CREATE")?.spec;
  if (!spec) return;
  let found: PriorityClass | undefined;
  if (spec.priorityClassName) {
    found = lookup.get(PriorityClasses, undefined, spec.priorityClassName);
    if (!found) throw refuse(request, `no PriorityClass with name ${spec.priorityClassName} was found`);
  } else {
    found = defaultClass(lookup);
    if (found) spec.priorityClassName = found.metadata.name;
  }
  const value = found?.value ?? 0;
  const policy = found?.preemptionPolicy ?? preemptLower;
  if (spec.priority !== undefined && spec.priority !== value)
    throw refuse(
      request,
      `the integer value of priority (${spec.priority}) must not be provided in pod spec; priority admission controller computed ${value} from the given PriorityClass name`,
    );
  spec.priority = value;
  if (spec.preemptionPolicy !== undefined && spec.preemptionPolicy !== policy)
    throw refuse(
      request,
      `the string value of PreemptionPolicy (${spec.preemptionPolicy}) must not be provided in pod spec; priority admission controller computed ${policy} from the given PriorityClass name`,
    );
  spec.preemptionPolicy = policy;
}

/** The default class; the lowest where there are several by accident. */
function defaultClass(lookup: Lookup): PriorityClass | undefined {
  let lowest: PriorityClass | undefined;
  for (const each of lookup.list(PriorityClasses))
    if (each.globalDefault && (lowest === undefined || (each.value ?? 0) < (lowest.value ?? 0))) lowest = each;
  return lowest;
}

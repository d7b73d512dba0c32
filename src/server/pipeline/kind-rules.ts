// Rules of single kinds that belong to the server and not to the kind's definition.

import {
  builtInResources,
  type Job,
  type KubeObject,
  type Namespace,
  type Pod,
  type ResourceDefinition,
} from "../../api/index.ts";
import type { Int64 } from "../../lib/index.ts";

const builtIn: ReadonlySet<ResourceDefinition> = new Set(builtInResources);

/** Whether the kind is one of Kubernetes' own and not a custom resource. */
export function isBuiltIn(definition: ResourceDefinition): boolean {
  return builtIn.has(definition);
}

/**
 * Whether requests for the kind come by routes, which are of one method each: those of Kubernetes and of its metrics
 * server. Custom resources, which are what is stored in a version of its definition, are served without.
 */
export function isRouted(definition: ResourceDefinition): boolean {
  return isBuiltIn(definition) || definition.stored === undefined;
}

function isCore(definition: ResourceDefinition, ...plurals: readonly string[]): boolean {
  return definition.group === "" && plurals.includes(definition.plural);
}

/** What everybody hears who still uses the kind; undefined for kinds that have a future. */
export function deprecationOf(definition: ResourceDefinition): string | undefined {
  if (isCore(definition, "endpoints"))
    return "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice";
  if (isCore(definition, "componentstatuses")) return "v1 ComponentStatus is deprecated in v1.19+";
  return definition.deprecationWarning;
}

/** Whether a status that comes with a new object is kept: the agent registers its node with one. */
export function keepsStatusOnCreate(definition: ResourceDefinition): boolean {
  return isCore(definition, "nodes");
}

/** Fields of metadata that an update of the status leaves as they are, as the status strategies upstream do. */
export function metadataKeptByStatus(definition: ResourceDefinition): readonly string[] {
  if (isCore(definition, "pods")) return ["ownerReferences"];
  if (definition.group === "apps" && definition.plural === "deployments") return ["labels"];
  return keptForStatus.has(`${definition.plural}.${definition.group}`) ? clientMetadata : [];
}

/** Fields of metadata that nobody comes to own by an update of the status. */
export function metadataUnownedByStatus(definition: ResourceDefinition): readonly string[] {
  // Upstream's strategy means to keep a definition's metadata, but lets it pass: its controller takes finalizers away so.
  return isDefinitionOfKind(definition) ? clientMetadata : metadataKeptByStatus(definition);
}

function isDefinitionOfKind({ group, plural }: ResourceDefinition): boolean {
  return group === "apiextensions.k8s.io" && plural === "customresourcedefinitions";
}

/** Kinds of which the status alone is updated (metav1.ResetObjectMetaForStatus). */
const keptForStatus: ReadonlySet<string> = new Set([
  "apiservices.apiregistration.k8s.io",
  "flowschemas.flowcontrol.apiserver.k8s.io",
  "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io",
  "resourceclaims.resource.k8s.io",
  "servicecidrs.networking.k8s.io",
  "validatingadmissionpolicies.admissionregistration.k8s.io",
  "volumeattachments.storage.k8s.io",
]);

const clientMetadata = ["labels", "annotations", "finalizers", "ownerReferences"];

/** Whether a delete answers with the object that is gone; the others answer a Status. As the registries upstream. */
export function answersDeletedObject(definition: ResourceDefinition): boolean {
  return isCore(
    definition,
    "pods",
    "services",
    "serviceaccounts",
    "persistentvolumes",
    "persistentvolumeclaims",
    "podtemplates",
    "resourcequotas",
  );
}

/** Whether dependents stay when a delete says nothing about them: only for the kinds that are older than the collector. */
export function orphansByDefault(definition: ResourceDefinition): boolean {
  return isCore(definition, "replicationcontrollers") || (definition.group === "batch" && definition.plural === "jobs");
}

/** Whether a delete may leave the object to the garbage collector, which has nothing to do with events. */
export function collectsDependents({ group, plural }: ResourceDefinition): boolean {
  return plural !== "events" || (group !== "" && group !== "events.k8s.io");
}

/** What a client should know that deletes a Job without saying what becomes of its pods. */
export const jobOrphansWarning =
  "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set propagationPolicy=Orphan to suppress this warning";

export function isJob(definition: ResourceDefinition): definition is ResourceDefinition<Job> & ResourceDefinition {
  return definition.group === "batch" && definition.plural === "jobs";
}

export function isNamespace(definition: ResourceDefinition, object: KubeObject): object is Namespace {
  return isCore(definition, "namespaces") && object.metadata !== undefined;
}

export function isBinding(definition: ResourceDefinition): boolean {
  return isCore(definition, "bindings");
}

export function isPod(definition: ResourceDefinition, object: KubeObject): object is Pod {
  return isCore(definition, "pods") && object.metadata !== undefined;
}

/** The seconds that a delete leaves the object to end by itself; 0 removes it at once. `asked` is what the client wants. */
export function graceSeconds(definition: ResourceDefinition, object: KubeObject, asked: Int64 | undefined): Int64 {
  if (!definition.defaultGraceSeconds) return 0;
  // A pod that no agent runs, or that has ended, needs no time.
  if (isPod(definition, object)) {
    const { phase } = object.status ?? {};
    if (!object.spec?.nodeName || phase === "Succeeded" || phase === "Failed") return 0;
  }
  const seconds = asked ?? definition.defaultGraceSeconds(object);
  return seconds < 0 ? 1 : seconds;
}

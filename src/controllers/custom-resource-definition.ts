// Establishes CRDs and lets them go: the controllers of k8s.io/apiextensions-apiserver (naming, establishing, approval,
// finalizer) as one, for they write one status.
import {
  ApiError,
  type CustomResourceDefinition,
  type CustomResourceDefinitionCondition,
  type CustomResourceDefinitionStatus,
  CustomResourceDefinitions,
  customResourceCleanupFinalizer,
  hasCondition,
  type ResourceDefinition,
  withCondition,
} from "../api/index.ts";
import { also, type Cache, defineController, type ReconcileContext, type ReconcileResult } from "../client/index.ts";
import { deepEqual, errorMessage } from "../lib/index.ts";
import { planNames } from "./custom-resource-names.ts";
import type { ResourceCatalog } from "./resource-catalog.ts";

/** While finalizers hold objects of a kind that goes, they are looked at this often. */
const lookAgainMs = 1_000;

export const customResourceDefinitionControllerName = "customresourcedefinition";

export function customResourceDefinitionController(catalog: ResourceCatalog) {
  return defineController({
    name: customResourceDefinitionControllerName,
    // Two of a group that want one name must not both find it free.
    concurrency: 1,
    watches: {
      for: CustomResourceDefinitions,
      also: [also(CustomResourceDefinitions, (changed, cache) => waitingForNames(changed, cache))],
    },
    async reconcile(context, key) {
      const crd = context.cache.get(CustomResourceDefinitions, key);
      if (!crd) return;
      if (crd.metadata.deletionTimestamp === undefined) await establish(context, crd);
      else if (crd.metadata.finalizers?.includes(customResourceCleanupFinalizer))
        return terminate(context, catalog, crd);
    },
  });
}

/** Whoever has not got all its names may get them when another one of the group changes or goes. */
function waitingForNames({ spec, metadata }: CustomResourceDefinition, cache: Cache): string[] {
  return cache
    .list(CustomResourceDefinitions)
    .filter((each) => each.spec.group === spec.group && each.metadata.name !== metadata.name)
    .filter((each) => !hasCondition(each, "NamesAccepted"))
    .map((each) => each.metadata.name);
}

async function establish(context: ReconcileContext, crd: CustomResourceDefinition): Promise<void> {
  const { client, clock } = context;
  // Not from the cache: what was accepted a moment ago counts.
  const { items } = await client.list(CustomResourceDefinitions);
  const { accepted, condition } = planNames(crd, items);
  const nowMs = clock.now();
  let conditions = withCondition(crd.status.conditions, condition, nowMs);
  if (!hasCondition(crd, "Established"))
    conditions = withCondition(conditions, establishedCondition(condition.status === "True"), nowMs);
  const approval = approvalCondition(crd);
  if (approval) conditions = withCondition(conditions, approval, nowMs);
  const status = { ...crd.status, acceptedNames: accepted, conditions };
  if (!deepEqual(status, crd.status)) await writeStatus(context, crd, status);
}

function establishedCondition(namesAccepted: boolean): CustomResourceDefinitionCondition {
  const type = "Established";
  return namesAccepted
    ? { type, status: "True", reason: "InitialNamesAccepted", message: "the initial names have been accepted" }
    : { type, status: "False", reason: "NotAccepted", message: "not all names are accepted" };
}

/** What is said of groups that belong to Kubernetes: pkg/controller/apiapproval. */
function approvalCondition({
  metadata,
  spec,
}: CustomResourceDefinition): CustomResourceDefinitionCondition | undefined {
  if (!/(^|\.)(k8s|kubernetes)\.io$/.test(spec.group)) return undefined;
  const type = "KubernetesAPIApprovalPolicyConformant";
  const annotation = "api-approved.kubernetes.io";
  const value = metadata.annotations?.[annotation] ?? "";
  const link = "https://github.com/kubernetes/enhancements/pull/1111";
  const must = `protected groups must have approval annotation ${JSON.stringify(annotation)}`;
  if (value === "") return { type, status: "False", reason: "MissingAnnotation", message: `${must}, see ${link}` };
  if (value.startsWith("unapproved"))
    return { type, status: "False", reason: "UnapprovedAnnotation", message: `not approved: ${JSON.stringify(value)}` };
  return URL.canParse(value)
    ? { type, status: "True", reason: "ApprovedAnnotation", message: `approved in ${value}` }
    : {
        type,
        status: "False",
        reason: "InvalidAnnotation",
        message: `${must} with either a URL or a reason starting with "unapproved", see ${link}`,
      };
}

/** Deletes the objects of the kind, then lets the CRD go. */
async function terminate(
  context: ReconcileContext,
  catalog: ResourceCatalog,
  crd: CustomResourceDefinition,
): Promise<ReconcileResult> {
  const { group, names } = crd.spec;
  const resource = catalog.all().find((each) => each.group === group && each.plural === names.plural);
  if (!hasCondition(crd, "Established") || !resource)
    return release(context, crd, "NeverEstablished", "resource was never established");
  const started = await setTerminating(
    context,
    crd,
    "InstanceDeletionInProgress",
    "CustomResource deletion is in progress",
  );
  if (!started) return undefined;
  try {
    if ((await deleteInstances(context, resource)) > 0) return { afterMs: lookAgainMs };
  } catch (error) {
    const why = `could not issue all deletes: ${errorMessage(error)}`;
    await setTerminating(context, started, "InstanceDeletionFailed", why);
    throw error;
  }
  return release(context, started, "InstanceDeletionCompleted", "removed all instances");
}

/** Answers how many are left: finalizers keep those. */
async function deleteInstances({ client }: ReconcileContext, resource: ResourceDefinition): Promise<number> {
  const { items } = await client.list(resource);
  const namespaces = new Set(items.map(({ metadata }) => metadata.namespace));
  for (const namespace of namespaces)
    await client.deleteCollection(resource, namespace === undefined ? {} : { namespace });
  return items.length === 0 ? 0 : (await client.list(resource, { limit: 1 })).items.length;
}

function terminating(status: "True" | "False", reason: string, message: string): CustomResourceDefinitionCondition {
  return { type: "Terminating", status, reason, message };
}

async function setTerminating(
  context: ReconcileContext,
  crd: CustomResourceDefinition,
  reason: string,
  message: string,
): Promise<CustomResourceDefinition | undefined> {
  const conditions = withCondition(crd.status.conditions, terminating("True", reason, message), context.clock.now());
  const status = { ...crd.status, conditions };
  return deepEqual(status, crd.status) ? crd : writeStatus(context, crd, status);
}

async function release(
  context: ReconcileContext,
  crd: CustomResourceDefinition,
  reason: string,
  message: string,
): Promise<void> {
  const conditions = withCondition(crd.status.conditions, terminating("False", reason, message), context.clock.now());
  const reported = await writeStatus(context, crd, { ...crd.status, conditions });
  if (!reported) return;
  const { name, resourceVersion } = reported.metadata;
  const finalizers = (reported.metadata.finalizers ?? []).filter((each) => each !== customResourceCleanupFinalizer);
  const patch = { metadata: { resourceVersion, finalizers } };
  await unlessOvertaken(context.client.patch(CustomResourceDefinitions, { name }, patch));
}

/** The CRD as it is then; undefined when it was changed meanwhile, which brings it here again, or is gone. */
function writeStatus(
  { client }: ReconcileContext,
  crd: CustomResourceDefinition,
  status: CustomResourceDefinitionStatus,
): Promise<CustomResourceDefinition | undefined> {
  return unlessOvertaken(client.update(CustomResourceDefinitions, { ...crd, status }, { subresource: "status" }));
}

async function unlessOvertaken<T>(write: Promise<T>): Promise<T | undefined> {
  try {
    return await write;
  } catch (error) {
    if (error instanceof ApiError && (error.code === 404 || error.code === 409)) return undefined; // as said above
    throw error;
  }
}

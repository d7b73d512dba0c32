// Empties namespaces that are being deleted: pkg/controller/namespace/deletion/namespaced_resources_deleter.go.
import {
  APIServices,
  ApiError,
  apiVersionOf,
  type KubeObject,
  type Namespace,
  Namespaces,
  namespaceFinalizer,
  type Pod,
  Pods,
} from "../api/index.ts";
import { also, type Cache, defineController, keyOf, type ReconcileContext } from "../client/index.ts";
import { deepEqual, errorMessage } from "../lib/index.ts";
import { contentConditions, type Remaining } from "./namespace-conditions.ts";
import { deletableResources, type KindCatalog, type ServedKind } from "./resource-catalog.ts";

/** What remains is looked at at least this often (nsControllerRateLimiter of the namespace controller). */
const lookAgainMsMax = 60_000;
const lookAgainMsMin = 5_000;

/** Deletes all that is in a namespace which is being deleted, then lets the namespace itself go. */
export function namespaceController(catalog: KindCatalog) {
  return defineController({
    name: "namespace-controller",
    watches: {
      also: [
        // Not its own status: how much is left changes with every look.
        also(Namespaces, (namespace, _cache, old) =>
          old && deepEqual(deletionFacts(old), deletionFacts(namespace)) ? [] : [keyOf(namespace)],
        ),
        also(Pods, emptied),
        // Only read.
        also(APIServices, () => []),
      ],
    },
    async reconcile(context, key) {
      const namespace = context.cache.get(Namespaces, key);
      if (namespace?.metadata.deletionTimestamp === undefined) return;
      if (!namespace.spec.finalizers?.includes(namespaceFinalizer)) return;
      const remaining = await deleteContent(context, catalog, namespace);
      const reported = await report(context, namespace, remaining);
      const [failure] = remaining.failures;
      if (failure) throw failure;
      if (remaining.objects.size > 0 || remaining.undiscovered.length > 0)
        return { afterMs: lookAgainMs(context.clock.now() - Date.parse(namespace.metadata.deletionTimestamp)) };
      await finalize(context, reported);
    },
  });
}

/**
 * When to look again after what no watch tells of (finalizers of custom resources, say). Who has waited long waits a little
 * longer: a quarter of that time, so what nobody ever takes away costs a look each minute.
 */
function lookAgainMs(waitedMs: number): number {
  return Math.min(Math.max(waitedMs / 4, lookAgainMsMin), lookAgainMsMax);
}

function deletionFacts({ metadata, spec }: Namespace) {
  return [metadata.deletionTimestamp, spec.finalizers];
}

/** The last of its pods is what a namespace waits for. To look after each of them would delete all the others again. */
function emptied(pod: Pod, cache: Cache): readonly string[] {
  const { namespace = "" } = pod.metadata;
  const isTerminating = cache.get(Namespaces, namespace)?.metadata.deletionTimestamp !== undefined;
  return isTerminating && !cache.get(Pods, keyOf(pod)) && cache.list(Pods, namespace).length === 0 ? [namespace] : [];
}

async function deleteContent(context: ReconcileContext, catalog: KindCatalog, namespace: Namespace) {
  const undiscovered = silentGroupVersions(context.cache);
  const remaining: Remaining = { objects: new Map(), finalizers: new Map(), failures: [], undiscovered };
  const resources = deletableResources(catalog).filter(({ namespaced }) => namespaced);
  const isPods = ({ group, plural }: ServedKind) => group === "" && plural === "pods";
  // Pods go first, so that they never run without the policies and secrets that they were made for (KEP-5080).
  await deleteAll(context, resources.find(isPods), namespace, remaining);
  if (remaining.objects.size > 0 || remaining.failures.length > 0) return remaining;
  for (const resource of resources) if (!isPods(resource)) await deleteAll(context, resource, namespace, remaining);
  return remaining;
}

/** The group versions whose servers do not answer: nobody knows what of theirs is in the namespace. */
function silentGroupVersions(cache: Cache): string[] {
  return cache
    .list(APIServices)
    .filter(({ spec, status }) => {
      const isAvailable = status.conditions?.some((each) => each.type === "Available" && each.status === "True");
      return spec.service && !isAvailable;
    })
    .map(({ spec: { group = "", version = "" } }) => apiVersionOf({ group, version }));
}

async function deleteAll(
  context: ReconcileContext,
  resource: ServedKind | undefined,
  { metadata: { name: namespace, deletionTimestamp = "" } }: Namespace,
  remaining: Remaining,
): Promise<void> {
  if (!resource) return;
  const { client, clock } = context;
  const { group, version, plural, verbs } = resource;
  try {
    const { items } = await client.list(resource, { namespace });
    if (items.length === 0) return;
    if (verbs.includes("deletecollection")) {
      await client.deleteCollection(resource, { namespace, body: { propagationPolicy: "Background" } });
    } else {
      for (const { metadata } of items) await client.delete(resource, metadata);
    }
    const left = (await client.list(resource, { namespace })).items;
    if (left.length === 0) return;
    remaining.objects.set(`${plural}.${group}`, left.length);
    const finalizers = left.flatMap(({ metadata }) => metadata.finalizers ?? []);
    for (const each of finalizers) remaining.finalizers.set(each, (remaining.finalizers.get(each) ?? 0) + 1);
    if (finalizers.length > 0 || clock.now() < Date.parse(deletionTimestamp) + longestGraceMs(items)) return;
    const what = `${group}/${version}, Resource=${plural}`;
    remaining.failures.push(new Error(`unexpected items still remain in namespace: ${namespace} for gvr: ${what}`));
  } catch (error) {
    // A kind that is served no more holds nothing up.
    if (error instanceof ApiError && (error.code === 404 || error.code === 405)) return;
    remaining.failures.push(error instanceof Error ? error : new Error(errorMessage(error)));
  }
}

/** How long pods among the objects may take to end. */
function longestGraceMs(objects: readonly KubeObject[]): number {
  return objects.reduce((longest, object) => {
    // Of other kinds nothing has this field there.
    const { spec, status } = object as Partial<Pod>;
    const hasEnded = status?.phase === "Succeeded" || status?.phase === "Failed";
    return hasEnded ? longest : Math.max(longest, Number(spec?.terminationGracePeriodSeconds ?? 0) * 1000);
  }, 0);
}

async function report(context: ReconcileContext, namespace: Namespace, remaining: Remaining): Promise<Namespace> {
  const { client, clock } = context;
  const conditions = contentConditions(namespace.status.conditions ?? [], remaining, clock.now());
  const status = { ...namespace.status, phase: "Terminating", conditions };
  if (deepEqual(status, namespace.status)) return namespace;
  return await client.update(Namespaces, { ...namespace, status }, { subresource: "status" });
}

async function finalize({ client }: ReconcileContext, namespace: Namespace): Promise<void> {
  const finalizers = (namespace.spec.finalizers ?? []).filter((each) => each !== namespaceFinalizer);
  const finalized = { ...namespace, spec: { ...namespace.spec, finalizers } };
  try {
    await client.update(Namespaces, finalized, { subresource: "finalize" });
  } catch (error) {
    // Gone already.
    if (!(error instanceof ApiError && error.code === 404)) throw error;
  }
}

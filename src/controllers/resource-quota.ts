// Counts what is in a namespace into the status of its quotas: pkg/controller/resourcequota. The API server adds what is
// created in the commit that creates it; here is counted what there was before a quota, and what goes.
import {
  addQuantities,
  formatQuantity,
  isInQuota,
  type KubeObject,
  type ParsedQuantity,
  parseQuantity,
  type QuotaEvaluator,
  quotaEvaluator,
  type ResourceDefinition,
  type ResourceQuota,
  ResourceQuotas,
} from "../api/index.ts";
import {
  defineController,
  type InformerEvent,
  type InformerSet,
  type ReconcileContext,
  type ReconcileResult,
} from "../client/index.ts";
import { deepEqual } from "../lib/index.ts";
import { deletableResources, type ResourceCatalog } from "./resource-catalog.ts";

/** The quota controller over all kinds in `catalog`, as they come and go. Its keys are namespaces. */
export function resourceQuotaController(catalog: ResourceCatalog, informers: InformerSet) {
  const countable = () => deletableResources(catalog).filter(isCountable);
  return defineController({
    name: "resourcequota-controller",
    watches: {},
    start: (context, enqueue) => new Replenishment(informers, enqueue).follow(countable, catalog, context.signal),
    reconcile: (context, namespace) => recount(context, namespace, countable()),
  });
}

/** Events come and go too often to be looked at one by one, and nobody waits for a place among them. */
function isCountable({ namespaced, group, plural }: ResourceDefinition): boolean {
  return namespaced && !(plural === "events" && (group === "" || group === "events.k8s.io"));
}

/** A pod that should be gone and is not takes nothing any more, and nothing tells when that is. Upstream's resync period. */
const goingMs = 300_000;

interface Watched {
  readonly stop: () => void;
}

/** Notices what changes the usage of a quota other than by a charge. */
class Replenishment {
  readonly #informers: InformerSet;
  readonly #enqueue: (namespace: string) => void;
  readonly #watched = new Map<ResourceDefinition, Watched>();

  constructor(informers: InformerSet, enqueue: (namespace: string) => void) {
    this.#informers = informers;
    this.#enqueue = enqueue;
  }

  follow(countable: () => readonly ResourceDefinition[], catalog: ResourceCatalog, signal: AbortSignal): void {
    this.#informers.informer(ResourceQuotas).addHandler((event) => {
      if (event.type === "delete") return;
      const { spec, status, metadata } = event.object;
      // Of one that is seen for the first time nobody knows what went while nobody looked.
      if (event.type === "add" || !deepEqual(spec.hard ?? {}, status?.hard ?? {}) || scopesDiffer(event))
        this.#enqueue(metadata.namespace ?? "");
    });
    this.#watch(countable());
    const stopListening = catalog.onChange(() => this.#watch(countable()));
    signal.addEventListener("abort", stopListening, { once: true });
  }

  #watch(kinds: readonly ResourceDefinition[]): void {
    const wanted = new Set(kinds);
    for (const [kind, { stop }] of this.#watched)
      if (!wanted.has(kind)) {
        stop();
        this.#watched.delete(kind);
      }
    for (const kind of kinds) {
      if (this.#watched.has(kind)) continue;
      const evaluator = quotaEvaluator(kind);
      const stop = this.#informers.informer(kind).addHandler((event) => this.#notice(evaluator, event));
      this.#watched.set(kind, { stop });
    }
  }

  #notice(evaluator: QuotaEvaluator, event: InformerEvent<KubeObject>): void {
    // What is new was charged when it was made.
    if (event.type === "add") return;
    const { namespace = "" } = event.object.metadata;
    const quotas = this.#informers.list(ResourceQuotas, namespace);
    if (!quotas.some(({ spec }) => Object.keys(spec.hard ?? {}).some((name) => evaluator.counts(name)))) return;
    // An amount that was given back shows whatever the time is. What goes has to be counted until it is gone.
    const usage = (object: KubeObject) => [
      object.metadata.deletionTimestamp,
      ...evaluator.usage(object, 0),
      ...quotas.map((quota) => isInQuota(quota, evaluator, object)),
    ];
    if (event.type === "update" && deepEqual(usage(event.object), usage(event.old))) return;
    this.#enqueue(namespace);
  }
}

function scopesDiffer({ object, old }: { readonly object: ResourceQuota; readonly old: ResourceQuota }): boolean {
  return !deepEqual(object.spec.scopeSelector, old.spec.scopeSelector);
}

/**
 * The quotas are read before what they count, and written only if nobody has charged them since: so what is created
 * meanwhile is either counted here or makes the write fail, and is counted again.
 */
async function recount(
  { client, clock }: ReconcileContext,
  namespace: string,
  kinds: readonly ResourceDefinition[],
): Promise<ReconcileResult> {
  const quotas = (await client.list(ResourceQuotas, { namespace })).items;
  const names = new Set(quotas.flatMap(({ spec }) => Object.keys(spec.hard ?? {})));
  const counted: Counted[] = [];
  for (const kind of kinds) {
    const evaluator = quotaEvaluator(kind);
    if (![...names].some((name) => evaluator.counts(name))) continue;
    counted.push({ evaluator, objects: (await client.list(kind, { namespace })).items });
  }
  for (const quota of quotas) {
    const hard = quota.spec.hard ?? {};
    const status = { hard, used: usedOf(quota, counted, clock.now()) };
    if (!deepEqual(quota.status, status))
      await client.update(ResourceQuotas, { ...quota, status }, { subresource: "status" });
  }
  const anyIsGoing = counted.some(({ objects }) => objects.some(({ metadata }) => metadata.deletionTimestamp));
  return anyIsGoing ? { afterMs: goingMs } : undefined;
}

interface Counted {
  readonly evaluator: QuotaEvaluator;
  readonly objects: readonly KubeObject[];
}

/** What is used of every resource that the quota limits and something counts. */
function usedOf(quota: ResourceQuota, counted: readonly Counted[], nowMs: number): Record<string, string> {
  const used = new Map<string, ParsedQuantity>();
  const names = Object.keys(quota.spec.hard ?? {});
  for (const { evaluator, objects } of counted) {
    const own = names.filter((name) => evaluator.counts(name));
    for (const name of own) used.set(name, zero);
    if (own.length === 0) continue;
    for (const object of objects) {
      if (!isInQuota(quota, evaluator, object)) continue;
      const usage = evaluator.usage(object, nowMs);
      for (const name of own) {
        const amount = usage.get(name);
        const sum = used.get(name) ?? zero;
        // The first amount gives the form in which the sum is written.
        if (amount) used.set(name, sum === zero ? amount : addQuantities(sum, amount));
      }
    }
  }
  return Object.fromEntries([...used].map(([name, amount]) => [name, formatQuantity(amount)]));
}

const zero = parseQuantity("0");

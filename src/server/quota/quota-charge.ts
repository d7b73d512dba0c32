// Takes from the quotas of a namespace what an object needs, in the commit that writes it: what is counted is what is
// there, whatever fails on the way. The rules are those of k8s.io/apiserver/pkg/admission/plugin/resourcequota.
import {
  addQuantities,
  compareQuantities,
  forbidden,
  formatQuantity,
  type GroupResource,
  isInQuota,
  type KubeObject,
  type ParsedQuantity,
  type QuotaEvaluator,
  quantitySign,
  quotaEvaluator,
  type ResourceAmounts,
  type ResourceQuota,
  ResourceQuotas,
  subtractQuantities,
} from "../../api/index.ts";
import type { Clock } from "../../lib/index.ts";
import {
  type Change,
  resourcePrefix,
  type StoredObject,
  valueFromObject,
  type WatchCache,
} from "../../storage/index.ts";

/** A write about to be committed. */
export interface ChargedWrite {
  readonly definition: GroupResource;
  readonly namespace: string;
  readonly subresource: string;
}

/** The changes of quotas to commit along with the write. Throws ApiError 403 when one has not enough left. */
export type ChargeQuota = (
  write: ChargedWrite,
  next: KubeObject | undefined,
  old: KubeObject | undefined,
) => readonly Change[];

export function quotaCharge(cache: WatchCache, clock: Pick<Clock, "now">): ChargeQuota {
  const quotas = cache.resource(resourcePrefix(ResourceQuotas));
  return (write, next, old) => {
    if (write.namespace === "" || !next) return [];
    const stored = quotas.list(write.namespace);
    if (stored.length === 0) return [];
    const evaluator = quotaEvaluator(write.definition);
    if (!evaluator.isCharged(old ? "UPDATE" : "CREATE", write.subresource, next, old)) return [];
    const isStatus = write.subresource === "status";
    const added = addedUsage(evaluator, next, old, clock.now());
    const changes: Change[] = [];
    for (const each of stored) {
      const isNew = old && !isInQuota(quotaOf(each), evaluator, old);
      const needed = isNew ? addedUsage(evaluator, next, undefined, clock.now()) : added;
      // A status that takes nothing is never held up by a quota.
      if (isStatus && needed.size === 0) continue;
      const change = charge(write, each, evaluator, next, needed);
      if (change) changes.push(change);
    }
    return changes;
  };
}

/** What the object needs more than it has; what it has counts only in quotas that it was in. */
export function addedUsage(
  evaluator: QuotaEvaluator,
  next: KubeObject,
  old: KubeObject | undefined,
  nowMs: number,
): ResourceAmounts {
  const needed = new Map(evaluator.usage(next, nowMs));
  if (old)
    for (const [name, amount] of evaluator.usage(old, nowMs)) {
      const now = needed.get(name);
      if (now) needed.set(name, subtractQuantities(now, amount));
    }
  for (const [name, amount] of needed) if (quantitySign(amount) <= 0) needed.delete(name);
  return needed;
}

function quotaOf({ object }: StoredObject): ResourceQuota {
  return object as ResourceQuota; // below the prefix of quotas
}

function charge(
  write: ChargedWrite,
  stored: StoredObject,
  evaluator: QuotaEvaluator,
  next: KubeObject,
  needed: ResourceAmounts,
): Change | undefined {
  const quota = quotaOf(stored);
  const { hard = {}, used = {} } = quota.status ?? {};
  const counted = Object.keys(hard).filter((name) => evaluator.counts(name));
  if (counted.length === 0 || !isInQuota(quota, evaluator, next)) return undefined;
  const refuse = (why: string) => forbidden(write.definition, nameOf(next), why);
  const { name } = quota.metadata;
  const uncountable = evaluator.whyUncountable?.(next, counted);
  if (uncountable !== undefined) throw refuse(`failed quota: ${name}: ${uncountable}`);
  const unknown = counted.filter((each) => used[each] === undefined);
  if (unknown.length > 0)
    throw refuse(`status unknown for quota: ${name}, resources: ${[...counted].sort().join(",")}`);
  const requested = counted.flatMap((each): [string, ParsedQuantity][] => {
    const amount = needed.get(each);
    return amount ? [[each, amount]] : [];
  });
  if (requested.length === 0) return undefined;
  const sums = new Map(requested.map(([each, amount]) => [each, addQuantities(used[each] as string, amount)])); // known, as seen above
  const exceeded = requested.filter(([each]) => compareQuantities(sums.get(each) ?? "0", hard[each] as string) > 0); // counted is of hard
  // What a status tells has happened already.
  if (exceeded.length > 0 && write.subresource !== "status") {
    const names = exceeded.map(([each]) => each).sort();
    const shown = (amountOf: (each: string) => string | undefined) =>
      names.map((each) => `${each}=${amountOf(each) ?? ""}`).join(",");
    const wanted = new Map(exceeded);
    throw refuse(
      `exceeded quota: ${name}, requested: ${shown((each) => formatted(wanted.get(each)))}, used: ${shown((each) => used[each])}, limited: ${shown((each) => hard[each])}`,
    );
  }
  const nextUsed = { ...used };
  for (const [each, sum] of sums) nextUsed[each] = formatQuantity(sum);
  return { key: stored.key, expect: stored.revision, value: valueFromObject(withUsed(quota, nextUsed)) };
}

const formatted = (amount: ParsedQuantity | undefined) => amount && formatQuantity(amount);

function nameOf({ metadata }: KubeObject): string {
  return metadata.name || metadata.generateName || "";
}

/** The quota as it is stored: the revision says its resourceVersion. */
function withUsed(quota: ResourceQuota, used: Readonly<Record<string, string>>): KubeObject {
  const { resourceVersion: _, ...metadata } = quota.metadata;
  // Values in the store lack the one field.
  return { ...quota, metadata, status: { ...quota.status, used } } as unknown as KubeObject;
}

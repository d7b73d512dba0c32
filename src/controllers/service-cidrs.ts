// Says of ranges of service addresses that they may be used, and holds back those that are going while services have
// addresses in them: pkg/controller/servicecidrs.
// https://kubernetes.io/docs/tasks/network/extend-service-ip-ranges/
import { ApiError, IPAddresses, type ServiceCIDR, ServiceCIDRs } from "../api/index.ts";
import { defineController, type ReconcileContext, type ReconcileResult } from "../client/index.ts";
import {
  type AddressRange,
  addressAt,
  parseRange,
  rangeContains,
  rangeEncloses,
  rangeSize,
  timestamp,
} from "../lib/index.ts";

const finalizer = "networking.k8s.io/service-cidr-finalizer";
/** A range goes no sooner: a service that is being written when the range starts to go may still get an address of it. */
const goesAfterMs = 10_000;
const managedByAllocator = "ipaddress.kubernetes.io/managed-by=ipallocator.k8s.io";

export const serviceCidrsController = defineController({
  name: "service-cidr-controller",
  watches: { for: ServiceCIDRs },
  async reconcile(context, key) {
    const range = context.cache.get(ServiceCIDRs, key);
    if (!range) return;
    if (range.metadata.deletionTimestamp !== undefined) return letGo(context, range);
    const { finalizers = [] } = range.metadata;
    const held = finalizers.includes(finalizer)
      ? range
      : await context.client.update(ServiceCIDRs, withFinalizers(range, [...finalizers, finalizer]));
    try {
      await setReady(context, held, { status: "True", reason: "", message: "Kubernetes Service CIDR is ready" });
    } catch (error) {
      const message = "The ServiceCIDR Status can not be set to Ready=True";
      // Upstream applies the status, which conflicts with nobody.
      if (!(error instanceof ApiError && error.reason === "Conflict"))
        context.events.warning(held, "KubernetesServiceCIDRError", message);
      throw error;
    }
  },
});

async function letGo(context: ReconcileContext, range: ServiceCIDR): Promise<ReconcileResult> {
  const { client, clock } = context;
  const { finalizers = [], deletionTimestamp = "" } = range.metadata;
  if (!finalizers.includes(finalizer)) return;
  if (await isNeeded(range, context)) {
    const message =
      "There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR";
    await setReady(context, range, { status: "False", reason: "Terminating", message });
    return { afterMs: goesAfterMs };
  }
  const leftMs = Date.parse(deletionTimestamp) + goesAfterMs - clock.now();
  if (leftMs > 0) return { afterMs: leftMs };
  const others = finalizers.filter((each) => each !== finalizer);
  await client.update(ServiceCIDRs, withFinalizers(range, others));
}

/** Whether a service has an address that no other range holds. The server is asked: this happens seldom. */
async function isNeeded(range: ServiceCIDR, { client, cache }: ReconcileContext): Promise<boolean> {
  const others = cache
    .list(ServiceCIDRs)
    .filter(({ metadata }) => metadata.name !== range.metadata.name)
    .flatMap(rangesOf);
  const alone = rangesOf(range).filter((own) => !others.some((other) => rangeEncloses(other, own)));
  if (alone.length === 0) return false;
  const { items } = await client.list(IPAddresses, { labelSelector: managedByAllocator });
  return items.some(({ metadata: { name } }) => {
    const holds = (each: AddressRange) => holdsUsable(each, name);
    return alone.some(holds) && !others.some(holds);
  });
}

/** A range's first and last address belong to no service, but may be those of one in a larger range. */
function holdsUsable(range: AddressRange, address: string): boolean {
  const isOuter = address === addressAt(range, 0) || address === addressAt(range, rangeSize(range) - 1);
  return !isOuter && rangeContains(range, address);
}

const rangesOf = ({ spec }: ServiceCIDR) => (spec.cidrs ?? []).flatMap((cidr) => parseRange(cidr) ?? []);

async function setReady(
  { client, clock }: ReconcileContext,
  range: ServiceCIDR,
  ready: { readonly status: string; readonly reason: string; readonly message: string },
): Promise<void> {
  const conditions = range.status?.conditions ?? [];
  const old = conditions.find(({ type }) => type === "Ready");
  if (old?.status === ready.status && old.message === ready.message) return;
  const lastTransitionTime = old?.status === ready.status ? old.lastTransitionTime : timestamp(clock.now());
  const condition = { type: "Ready", ...ready, lastTransitionTime };
  const others = conditions.filter(({ type }) => type !== "Ready");
  const status = { ...range.status, conditions: [...others, condition] };
  await client.update(ServiceCIDRs, { ...range, status }, { subresource: "status" });
}

const withFinalizers = (range: ServiceCIDR, finalizers: readonly string[]): ServiceCIDR => ({
  ...range,
  metadata: { ...range.metadata, finalizers },
});

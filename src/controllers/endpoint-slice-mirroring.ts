// Mirrors the Endpoints that somebody writes for a Service without a selector, so that proxies and DNS, which know only
// slices, see them: pkg/controller/endpointslicemirroring.
import {
  type EndpointSlice,
  EndpointSlices,
  type Endpoints,
  EndpointsResource,
  Services,
  serviceNameLabel,
  skipMirrorLabel,
  sliceManagedByLabel,
} from "../api/index.ts";
import { also, defineController, keyOf } from "../client/index.ts";
import { addressesPerSubsetMax, mirroredBy, planMirror } from "./endpoint-slice-mirroring-plan.ts";
import { writeSlices } from "./endpoint-slice-writes.ts";
import { nowAndBefore } from "./selection.ts";

const byEndpoints = "mirrored";
/** On Endpoints that were a lock of old clients' leader election: nobody serves there. */
const leaderAnnotation = "control-plane.alpha.kubernetes.io/leader";

export const endpointSliceMirroringController = defineController({
  name: "endpointslice-mirroring-controller",
  recordsAs: "endpoint-slice-mirroring-controller",
  watches: {
    for: EndpointsResource,
    also: [also(Services, (service) => [keyOf(service)]), also(EndpointSlices, nowAndBefore(mirroredEndpoints))],
  },
  indexes: [{ resource: EndpointSlices, name: byEndpoints, values: mirroredEndpoints }],
  async reconcile(context, key) {
    const { cache, events } = context;
    const existing = cache
      .byIndex(EndpointSlices, byEndpoints, key)
      .filter(({ metadata }) => metadata.deletionTimestamp === undefined);
    const owner = `Endpoints ${key}`;
    const endpoints = cache.get(EndpointsResource, key);
    const service = cache.get(Services, key);
    const isMirrored =
      endpoints && service && isToMirror(endpoints) && Object.keys(service.spec.selector ?? {}).length === 0;
    if (!isMirrored) {
      await writeSlices(context, { create: [], update: [], remove: existing }, owner);
      return;
    }
    if (endpoints.metadata.deletionTimestamp !== undefined) return;
    const plan = planMirror(endpoints, existing);
    const { invalidAddresses, skippedAddresses } = plan;
    if (invalidAddresses > 0)
      events.warning(
        endpoints,
        "InvalidIPAddress",
        `Skipped ${invalidAddresses} invalid IP addresses when mirroring to EndpointSlices`,
      );
    if (skippedAddresses > invalidAddresses)
      events.warning(
        endpoints,
        "TooManyAddressesToMirror",
        `A max of ${addressesPerSubsetMax} addresses can be mirrored to EndpointSlices per Endpoints subset. ${skippedAddresses} addresses were skipped`,
      );
    await writeSlices(context, plan, owner);
  },
});

/** The Endpoints that a slice of this controller mirrors. */
function* mirroredEndpoints({ metadata }: EndpointSlice): Iterable<string> {
  const { [serviceNameLabel]: name, [sliceManagedByLabel]: by } = metadata.labels ?? {};
  if (name !== undefined && by === mirroredBy) yield `${metadata.namespace}/${name}`;
}

function isToMirror({ metadata }: Endpoints): boolean {
  return metadata.labels?.[skipMirrorLabel] !== "true" && metadata.annotations?.[leaderAnnotation] === undefined;
}

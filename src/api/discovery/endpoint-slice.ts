import { defineResource } from "../resource.ts";
import type { EndpointSlice } from "../types.generated.ts";

export const EndpointSlices = defineResource<EndpointSlice>({
  group: "discovery.k8s.io",
  version: "v1",
  kind: "EndpointSlice",
  plural: "endpointslices",
});

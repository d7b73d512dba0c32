import { defineResource } from "../resource.ts";
import type { ServiceCIDR } from "../types.generated.ts";

export const ServiceCIDRs = defineResource<ServiceCIDR>({
  group: "networking.k8s.io",
  version: "v1",
  kind: "ServiceCIDR",
  plural: "servicecidrs",
});

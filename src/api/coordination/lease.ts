import { defineResource } from "../resource.ts";
import type { Lease } from "../types.generated.ts";

export const Leases = defineResource<Lease>({
  group: "coordination.k8s.io",
  version: "v1",
  kind: "Lease",
  plural: "leases",
});

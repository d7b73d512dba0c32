import { defineResource } from "../resource.ts";
import type { NetworkPolicy } from "../types.generated.ts";

export const NetworkPolicies = defineResource<NetworkPolicy>({
  group: "networking.k8s.io",
  version: "v1",
  kind: "NetworkPolicy",
  plural: "networkpolicies",
  shortNames: ["netpol"],
});

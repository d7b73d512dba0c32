import { defineResource } from "../resource.ts";
import type { IPAddress } from "../types.generated.ts";

export const IPAddresses = defineResource<IPAddress>({
  group: "networking.k8s.io",
  version: "v1",
  kind: "IPAddress",
  plural: "ipaddresses",
  shortNames: ["ip"],
});

import { defineResource } from "../resource.ts";
import type { ServiceAccount } from "../types.generated.ts";

export const ServiceAccounts = defineResource<ServiceAccount>({
  group: "",
  version: "v1",
  kind: "ServiceAccount",
  plural: "serviceaccounts",
  shortNames: ["sa"],
});

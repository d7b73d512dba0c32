import { ageColumn, nameColumn } from "../columns.ts";
import { defineResource } from "../resource.ts";
import type { ServiceAccount } from "../types.generated.ts";

export const ServiceAccounts = defineResource<ServiceAccount>({
  group: "",
  version: "v1",
  kind: "ServiceAccount",
  plural: "serviceaccounts",
  shortNames: ["sa"],
  columns: [nameColumn, { name: "Secrets", type: "string", of: (account) => account.secrets?.length ?? 0 }, ageColumn],
});

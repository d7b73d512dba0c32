import type { Draft } from "../../lib/index.ts";
import { ageColumn, nameColumn } from "../columns.ts";
import { rootPath } from "../meta/field-error.ts";
import { defineResource } from "../resource.ts";
import type { ServiceAccount } from "../types.generated.ts";

const mountableSecrets = "kubernetes.io/enforce-mountable-secrets";

/** Of the references to secrets only the names are kept. */
function keepSecretNames(account: Draft<ServiceAccount>): void {
  if (account.secrets) account.secrets = account.secrets.map(({ name }) => (name ? { name } : {}));
}

export const ServiceAccounts = defineResource<ServiceAccount>({
  group: "",
  version: "v1",
  kind: "ServiceAccount",
  plural: "serviceaccounts",
  shortNames: ["sa"],
  columns: [nameColumn, ageColumn],
  prepareForCreate: keepSecretNames,
  prepareForUpdate: keepSecretNames,
  warnings: ({ metadata }, old) => {
    const isNew = metadata.annotations?.[mountableSecrets] && !old?.metadata.annotations?.[mountableSecrets];
    if (!isNew) return [];
    const place = rootPath.child("metadata", "annotations").key(mountableSecrets);
    return [`${place}: deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets`];
  },
});

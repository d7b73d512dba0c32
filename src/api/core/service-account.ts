import type { Draft } from "../../lib/index.ts";
import { ageColumn, nameColumn } from "../columns.ts";
import { rootPath } from "../meta/field-error.ts";
import { defineResource } from "../resource.ts";
import type { ServiceAccount } from "../types.generated.ts";

export const mountableSecretsAnnotation = "kubernetes.io/enforce-mountable-secrets";

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
    const isNew =
      metadata.annotations?.[mountableSecretsAnnotation] && !old?.metadata.annotations?.[mountableSecretsAnnotation];
    if (!isNew) return [];
    const place = rootPath.child("metadata", "annotations").key(mountableSecretsAnnotation);
    return [`${place}: deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets`];
  },
});

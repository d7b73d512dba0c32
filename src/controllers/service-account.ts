import { ApiError, Namespaces, ServiceAccounts } from "../api/index.ts";
import { also, defineController } from "../client/index.ts";
import { isNamespaceTerminating } from "./pod-control.ts";

const defaultName = "default";

/** Gives every namespace the service account that its pods use when they name none. */
export const serviceAccountController = defineController({
  name: "serviceaccount-controller",
  watches: {
    for: Namespaces,
    also: [
      also(ServiceAccounts, ({ metadata }) =>
        metadata.name === defaultName && metadata.namespace !== undefined ? [metadata.namespace] : [],
      ),
    ],
  },
  async reconcile({ client, cache }, key) {
    const namespace = cache.get(Namespaces, key);
    if (!namespace || namespace.metadata.deletionTimestamp !== undefined) return;
    if (cache.get(ServiceAccounts, `${key}/${defaultName}`)) return;
    try {
      await client.create(ServiceAccounts, {
        apiVersion: "v1",
        kind: "ServiceAccount",
        metadata: { name: defaultName, namespace: key },
      });
    } catch (error) {
      // Somebody else made it, or the namespace has begun to go: both are as they should be.
      if (error instanceof ApiError && error.reason === "AlreadyExists") return;
      if (!isNamespaceTerminating(error)) throw error;
    }
  },
});

import { ApiError, type ConfigMap, ConfigMaps, Namespaces, type NewObject } from "../api/index.ts";
import { also, defineController } from "../client/index.ts";
import { isNamespaceTerminating } from "./pod-control.ts";

const configMapName = "kube-root-ca.crt";
const descriptionAnnotation = "kubernetes.io/description";
/** Kubernetes' own words; tools show them. */
const description =
  "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.";

/** Keeps in every namespace the ConfigMap by which pods know the API server's authority; `rootCertificate` is PEM. */
export function rootCaPublisher(rootCertificate: string) {
  return defineController({
    name: "root-ca-certificate-publisher-controller",
    watches: {
      for: Namespaces,
      also: [
        also(ConfigMaps, ({ metadata }) =>
          metadata.name === configMapName && metadata.namespace !== undefined ? [metadata.namespace] : [],
        ),
      ],
    },
    async reconcile({ client, cache }, key) {
      const namespace = cache.get(Namespaces, key);
      if (!namespace || namespace.metadata.deletionTimestamp !== undefined) return;
      const present = cache.get(ConfigMaps, `${key}/${configMapName}`);
      if (present && isRight(present, rootCertificate)) return;
      try {
        if (present) await client.update(ConfigMaps, { ...present, ...wanted(key, rootCertificate, present) });
        else await client.create(ConfigMaps, wanted(key, rootCertificate));
      } catch (error) {
        // Made by somebody else, and looked at as soon as it is seen; or the namespace has begun to go.
        if (error instanceof ApiError && error.reason === "AlreadyExists") return;
        if (!isNamespaceTerminating(error)) throw error;
      }
    },
  });
}

/** Another description stays, as upstream lets it. */
function isRight({ data, metadata }: ConfigMap, rootCertificate: string): boolean {
  return (
    data?.["ca.crt"] === rootCertificate &&
    Object.keys(data).length === 1 &&
    Boolean(metadata.annotations?.[descriptionAnnotation])
  );
}

function wanted(namespace: string, rootCertificate: string, present?: ConfigMap): NewObject<ConfigMap> {
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: {
      name: configMapName,
      namespace,
      ...present?.metadata,
      annotations: { ...present?.metadata.annotations, [descriptionAnnotation]: description },
    },
    data: { "ca.crt": rootCertificate },
  };
}

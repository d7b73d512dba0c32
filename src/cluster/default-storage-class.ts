import {
  defaultStorageClassAnnotations,
  localVolumeProvisioner,
  Namespaces,
  type NewObject,
  type StorageClass,
  StorageClasses,
} from "../api/index.ts";
import { also, type ControllerDefinition, defineController } from "../client/index.ts";

export const defaultStorageClassControllerName = "default-storage-class";

const systemNamespace = "kube-system";
/** On that namespace: the class was made. What the operator did with it afterwards stays. */
const madeAnnotation = "roder.io/default-storage-class";

const standard: NewObject<StorageClass> = {
  metadata: { name: "standard", annotations: { [defaultStorageClassAnnotations[0]]: "true" } },
  provisioner: localVolumeProvisioner,
  reclaimPolicy: "Delete",
  volumeBindingMode: "WaitForFirstConsumer",
  allowVolumeExpansion: true,
};

/** Gives a cluster, once in its life, a default class for claims: directories of its nodes. */
export function defaultStorageClassController(): ControllerDefinition {
  return defineController({
    name: defaultStorageClassControllerName,
    watches: {
      also: [also(Namespaces, ({ metadata }) => (metadata.name === systemNamespace ? [systemNamespace] : []))],
    },
    async reconcile({ client, cache }) {
      const namespace = cache.get(Namespaces, systemNamespace);
      if (!namespace || namespace.metadata.annotations?.[madeAnnotation] !== undefined) return;
      // Where there are classes, they were made before the last end of the server, or by somebody who knows better.
      const { items } = await client.list(StorageClasses, { limit: 1 });
      if (items.length === 0) await client.create(StorageClasses, standard);
      const annotations = { [madeAnnotation]: "standard" };
      await client.patch(Namespaces, { name: systemNamespace }, { metadata: { annotations } });
    },
  });
}

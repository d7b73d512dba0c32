// Which objects of its namespace a pod names: what its node has to read to run it.
import type { Container, PersistentVolume, Pod, PodSpec, Volume } from "../../api/index.ts";

export interface PodReferences {
  readonly secrets: ReadonlySet<string>;
  readonly configMaps: ReadonlySet<string>;
  readonly persistentVolumeClaims: ReadonlySet<string>;
  readonly resourceClaims: ReadonlySet<string>;
  /** Empty when the pod names none. */
  readonly serviceAccount: string;
}

type ContainerReferences = Pick<Container, "env" | "envFrom">;

/** What the pod names, wherever it names it. Sources: VisitPodSecretNames and VisitPodConfigmapNames of Kubernetes. */
export function podReferences({ metadata, spec, status }: Pod): PodReferences {
  const secrets = new Set<string>();
  const configMaps = new Set<string>();
  for (const container of containersOf(spec)) visitContainer(container, secrets, configMaps);
  for (const { name } of spec.imagePullSecrets ?? []) if (name !== undefined) secrets.add(name);
  const persistentVolumeClaims = new Set<string>();
  for (const volume of spec.volumes ?? []) {
    visitVolume(volume, secrets, configMaps);
    if (volume.persistentVolumeClaim) persistentVolumeClaims.add(volume.persistentVolumeClaim.claimName);
    if (volume.ephemeral) persistentVolumeClaims.add(`${metadata.name}-${volume.name}`);
  }
  const resourceClaims = new Set<string>();
  for (const claim of spec.resourceClaims ?? []) {
    const made = status?.resourceClaimStatuses?.find(({ name }) => name === claim.name)?.resourceClaimName;
    const name = claim.resourceClaimName ?? made;
    if (name !== undefined) resourceClaims.add(name);
  }
  const extended = status?.extendedResourceClaimStatus?.resourceClaimName;
  if (extended !== undefined) resourceClaims.add(extended);
  return {
    secrets,
    configMaps,
    persistentVolumeClaims,
    resourceClaims,
    serviceAccount: spec.serviceAccountName ?? "",
  };
}

function containersOf(spec: PodSpec): readonly ContainerReferences[] {
  return [...(spec.initContainers ?? []), ...spec.containers, ...(spec.ephemeralContainers ?? [])];
}

function visitContainer({ env, envFrom }: ContainerReferences, secrets: Set<string>, configMaps: Set<string>): void {
  for (const { valueFrom } of env ?? []) {
    if (valueFrom?.secretKeyRef?.name !== undefined) secrets.add(valueFrom.secretKeyRef.name);
    if (valueFrom?.configMapKeyRef?.name !== undefined) configMaps.add(valueFrom.configMapKeyRef.name);
  }
  for (const { secretRef, configMapRef } of envFrom ?? []) {
    if (secretRef?.name !== undefined) secrets.add(secretRef.name);
    if (configMapRef?.name !== undefined) configMaps.add(configMapRef.name);
  }
}

function visitVolume(volume: Volume, secrets: Set<string>, configMaps: Set<string>): void {
  const named = [
    volume.secret?.secretName,
    volume.azureFile?.secretName,
    volume.cephfs?.secretRef?.name,
    volume.cinder?.secretRef?.name,
    volume.flexVolume?.secretRef?.name,
    volume.rbd?.secretRef?.name,
    volume.scaleIO?.secretRef?.name,
    volume.iscsi?.secretRef?.name,
    volume.storageos?.secretRef?.name,
    volume.csi?.nodePublishSecretRef?.name,
    ...(volume.projected?.sources ?? []).map(({ secret }) => secret?.name),
  ];
  for (const name of named) if (name !== undefined) secrets.add(name);
  const maps = [volume.configMap?.name, ...(volume.projected?.sources ?? []).map(({ configMap }) => configMap?.name)];
  for (const name of maps) if (name !== undefined) configMaps.add(name);
}

/** The secrets, as `namespace/name`, that a node needs to mount a persistent volume. */
export function persistentVolumeSecrets({ spec }: PersistentVolume): ReadonlySet<string> {
  const { claimRef, azureFile, cephfs, cinder, csi, flexVolume, iscsi, rbd, scaleIO, storageos } = spec;
  const ofClaim = claimRef?.namespace ?? "";
  const references = [
    azureFile && { namespace: azureFile.secretNamespace, name: azureFile.secretName },
    cephfs?.secretRef,
    cinder?.secretRef,
    flexVolume?.secretRef,
    rbd?.secretRef,
    scaleIO?.secretRef,
    iscsi?.secretRef,
    storageos?.secretRef,
    csi?.nodePublishSecretRef,
    csi?.nodeStageSecretRef,
    csi?.nodeExpandSecretRef,
  ];
  return new Set(
    references.flatMap((each) => (each?.name === undefined ? [] : [`${each.namespace || ofClaim}/${each.name}`])),
  );
}

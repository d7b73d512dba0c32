// What Kubernetes fills into volumes: k8s.io/kubernetes/pkg/apis/core/v1/defaults.go and the defaults of its types.
import type { Draft } from "../../lib/index.ts";
import type {
  DownwardAPIVolumeFile,
  HostPathVolumeSource,
  PersistentVolumeClaimSpec,
  PersistentVolumeSpec,
  Volume,
  VolumeProjection,
} from "../types.generated.ts";
import { defaultPullPolicy } from "./image-reference.ts";

/** rw-r--r-- */
const fileMode = 0o644;
const tokenExpirationSeconds = 3600;

export function defaultVolume(volume: Draft<Volume>): void {
  if (Object.keys(volume).every((key) => key === "name")) volume.emptyDir = {};
  if (volume.secret) volume.secret.defaultMode ??= fileMode;
  if (volume.configMap) volume.configMap.defaultMode ??= fileMode;
  if (volume.downwardAPI) {
    volume.downwardAPI.defaultMode ??= fileMode;
    for (const file of volume.downwardAPI.items ?? []) defaultDownwardFile(file);
  }
  if (volume.projected) {
    volume.projected.defaultMode ??= fileMode;
    for (const source of volume.projected.sources ?? []) defaultProjection(source);
  }
  if (volume.ephemeral?.volumeClaimTemplate) {
    volume.ephemeral.volumeClaimTemplate.spec ??= {};
    defaultClaimSpec(volume.ephemeral.volumeClaimTemplate.spec);
  }
  if (volume.image) volume.image.pullPolicy ||= defaultPullPolicy(volume.image.reference);
  defaultSources(volume);
}

/** The sources that pods and persistent volumes name alike. */
export function defaultSources(sources: Draft<Volume> | Draft<PersistentVolumeSpec>): void {
  if (sources.hostPath) defaultHostPath(sources.hostPath);
  if (sources.iscsi) sources.iscsi.iscsiInterface ||= "default";
  if (sources.rbd) {
    sources.rbd.pool ||= "rbd";
    sources.rbd.user ||= "admin";
    sources.rbd.keyring ||= "/etc/ceph/keyring";
  }
  if (sources.scaleIO) {
    sources.scaleIO.storageMode ||= "ThinProvisioned";
    sources.scaleIO.fsType ||= "xfs";
  }
  if (sources.azureDisk) {
    sources.azureDisk.cachingMode ??= "ReadWrite";
    sources.azureDisk.kind ??= "Shared";
    sources.azureDisk.fsType ??= "ext4";
    sources.azureDisk.readOnly ??= false;
  }
}

export function defaultClaimSpec(spec: Draft<PersistentVolumeClaimSpec>): void {
  spec.volumeMode ??= "Filesystem";
  spec.resources ??= {};
}

function defaultHostPath(source: Draft<HostPathVolumeSource>): void {
  source.type ??= "";
}

function defaultProjection(source: Draft<VolumeProjection>): void {
  if (source.serviceAccountToken) source.serviceAccountToken.expirationSeconds ??= tokenExpirationSeconds;
  for (const file of source.downwardAPI?.items ?? []) defaultDownwardFile(file);
}

function defaultDownwardFile(file: Draft<DownwardAPIVolumeFile>): void {
  if (file.fieldRef) file.fieldRef.apiVersion ||= "v1";
  if (file.resourceFieldRef) file.resourceFieldRef.divisor ??= "0";
}

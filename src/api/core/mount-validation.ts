// What a container may mount: k8s.io/kubernetes/pkg/apis/core/validation/validation.go, ValidateVolumeMounts and
// ValidateVolumeDevices.
import { append } from "../../lib/index.ts";
import { eachItem, optionalEnum, requiredField } from "../field-rules.ts";
import type { FieldError } from "../meta/api-error.ts";
import { forbiddenField, invalidValue, notFoundValue, type Path } from "../meta/field-error.ts";
import type { Container, Volume, VolumeMount } from "../types.generated.ts";
import { validateDescendingPath } from "./path-rules.ts";

export type VolumesByName = ReadonlyMap<string, Volume>;

export function validateMounts(container: Container, volumes: VolumesByName, at: Path): FieldError[] {
  const devices = container.volumeDevices ?? [];
  const seen = new Set<string>();
  const listAt = at.child("volumeMounts");
  return eachItem(listAt, container.volumeMounts, (mount, place) => {
    const { name = "", mountPath = "" } = mount;
    const errors = requiredField(place.child("name"), name);
    if (!volumes.has(name)) errors.push(notFoundValue(place.child("name"), name));
    append(errors, requiredField(place.child("mountPath"), mountPath));
    if (seen.has(mountPath)) errors.push(invalidValue(place.child("mountPath"), mountPath, "must be unique"));
    seen.add(mountPath);
    if (devices.some((device) => device.name === name))
      errors.push(invalidValue(place.child("name"), name, "must not already exist in volumeDevices"));
    if (devices.some((device) => device.devicePath === mountPath))
      errors.push(
        invalidValue(place.child("mountPath"), mountPath, "must not already exist as a path in volumeDevices"),
      );
    // Kubernetes names the list, not the item, in the errors of these fields.
    append(errors, validateSubPaths(mount, place, listAt), validatePropagation(mount, container, listAt));
    return errors;
  });
}

function validateSubPaths({ subPath, subPathExpr }: VolumeMount, at: Path, listAt: Path): FieldError[] {
  const errors = subPath ? validateDescendingPath(listAt.child("subPath"), subPath) : [];
  if (!subPathExpr) return errors;
  if (subPath)
    errors.push(invalidValue(at.child("subPathExpr"), subPathExpr, "subPathExpr and subPath are mutually exclusive"));
  append(errors, validateDescendingPath(listAt.child("subPathExpr"), subPathExpr));
  return errors;
}

function validatePropagation(mount: VolumeMount, container: Container, at: Path): FieldError[] {
  const { mountPropagation, recursiveReadOnly, readOnly } = mount;
  const propagationAt = at.child("mountPropagation");
  const errors = optionalEnum(propagationAt, mountPropagation, ["Bidirectional", "HostToContainer", "None"]);
  if (mountPropagation === "Bidirectional" && !container.securityContext?.privileged)
    errors.push(
      forbiddenField(propagationAt, "Bidirectional mount propagation is available only to privileged containers"),
    );
  if (recursiveReadOnly === undefined || recursiveReadOnly === "Disabled") return errors;
  const place = at.child("recursiveReadOnly");
  if (recursiveReadOnly !== "Enabled" && recursiveReadOnly !== "IfPossible")
    return [...errors, ...optionalEnum(place, recursiveReadOnly, ["Disabled", "Enabled", "IfPossible"])];
  if (!readOnly) errors.push(forbiddenField(place, "may only be specified when readOnly is true"));
  if (mountPropagation !== undefined && mountPropagation !== "None")
    errors.push(forbiddenField(place, "may only be specified when mountPropagation is None or not specified"));
  return errors;
}

export function validateDevices(container: Container, volumes: VolumesByName, at: Path): FieldError[] {
  const mounts = container.volumeMounts ?? [];
  const names = new Set<string>();
  const paths = new Set<string>();
  return eachItem(at.child("volumeDevices"), container.volumeDevices, ({ name = "", devicePath = "" }, place) => {
    const nameAt = place.child("name");
    const pathAt = place.child("devicePath");
    const volume = volumes.get(name);
    const errors = requiredField(nameAt, name);
    if (name && names.has(name)) errors.push(invalidValue(nameAt, name, "must be unique"));
    names.add(name);
    if (!volume) errors.push(notFoundValue(nameAt, name));
    else if (!volume.persistentVolumeClaim && !volume.ephemeral)
      errors.push(
        invalidValue(
          nameAt,
          name,
          "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode",
        ),
      );
    append(errors, requiredField(pathAt, devicePath));
    if (paths.has(devicePath)) errors.push(invalidValue(pathAt, devicePath, "must be unique"));
    if (devicePath.split("/").includes(".."))
      errors.push(invalidValue(pathAt, devicePath, "can not contain backsteps ('..')"));
    else paths.add(devicePath);
    if (mounts.some((mount) => mount.name === name))
      errors.push(invalidValue(nameAt, name, "must not already exist in volumeMounts"));
    if (mounts.some((mount) => mount.mountPath === devicePath))
      errors.push(invalidValue(pathAt, devicePath, "must not already exist as a path in volumeMounts"));
    return errors;
  });
}

import { append } from "../../lib/index.ts";
import { eachItem, invalidFor, requiredEnum, requiredField } from "../field-rules.ts";
import type { FieldError } from "../meta/api-error.ts";
import { duplicate, forbiddenField, invalidValue, type Path, required } from "../meta/field-error.ts";
import { validateLabels } from "../meta/label-selector.ts";
import { isDns1123Label, isDns1123Subdomain } from "../meta/names.ts";
import { validateAnnotations } from "../meta/object-meta.ts";
import { isQuantity, quantitySign } from "../meta/quantity.ts";
import type {
  CSIVolumeSource,
  DownwardAPIVolumeFile,
  KeyToPath,
  PersistentVolumeClaimTemplate,
  ProjectedVolumeSource,
  ServiceAccountTokenProjection,
  Volume,
  VolumeProjection,
} from "../types.generated.ts";
import { validateResourceFieldRef, validateVolumeFieldRef } from "./env-validation.ts";
import { validateDescendingPath, validateFileMode, validateFilePath } from "./path-rules.ts";
import { validateClaimSpec } from "./persistent-volume-claim.ts";
import {
  type SourceRules,
  sharedSourceRules,
  validateCsiDriverName,
  validateInitiatorTarget,
  validateOneSource,
} from "./volume-sources.ts";

/**
 * `podName` is undefined in templates: the claims of ephemeral volumes are named after the pod. Volumes without errors
 * are added to `good`: nothing can be mounted from the others.
 */
export function validateVolumes(
  at: Path,
  volumes: readonly Volume[] | undefined,
  podName: string | undefined,
  isTemplate: boolean,
  good: Map<string, Volume>,
): FieldError[] {
  const created = new Set((volumes ?? []).filter((each) => each.ephemeral).map(({ name }) => `${podName}-${name}`));
  return eachItem(at, volumes, (volume, place) => {
    const nameAt = place.child("name");
    const errors = validateOneSource(volume, place, isTemplate ? templateRules : podRules, pathNames);
    if (podName && volume.ephemeral && volume.name) {
      const claimName = `${podName}-${volume.name}`;
      const messages = isDns1123Subdomain(claimName).map(
        (message) => `PVC name ${JSON.stringify(claimName)}: ${message}`,
      );
      append(errors, invalidFor(nameAt, volume.name, messages));
    }
    append(errors, volume.name ? invalidFor(nameAt, volume.name, isDns1123Label(volume.name)) : [required(nameAt)]);
    if (good.has(volume.name)) errors.push(duplicate(nameAt, volume.name));
    if (volume.iscsi) append(errors, validateInitiatorTarget(nameAt, volume.name, volume.iscsi, volume.name));
    if (errors.length === 0) good.set(volume.name, volume);
    const claim = volume.persistentVolumeClaim?.claimName;
    if (podName && claim !== undefined && created.has(claim))
      errors.push(
        invalidValue(
          place.child("persistentVolumeClaim", "claimName"),
          claim,
          "must not reference a PVC that gets created for an ephemeral volume",
        ),
      );
    return errors;
  });
}

const pathNames = { gcePersistentDisk: "persistentDisk" };
const pullPolicies = ["Always", "IfNotPresent", "Never"];

const podRules: SourceRules = {
  emptyDir: ({ sizeLimit }, at) =>
    sizeLimit !== undefined && (isQuantity(sizeLimit).length > 0 || quantitySign(sizeLimit) < 0)
      ? [forbiddenField(at.child("sizeLimit"), "SizeLimit field must be a valid resource quantity")]
      : [],
  ...sharedSourceRules,
  gitRepo: ({ repository, directory }, at) => [
    ...requiredField(at.child("repository"), repository),
    ...validateDescendingPath(at.child("directory"), directory ?? ""),
  ],
  secret: ({ secretName, defaultMode, items }, at) => [
    ...requiredField(at.child("secretName"), secretName),
    ...validateFileMode(at.child("defaultMode"), defaultMode),
    ...eachItem(at.child("items"), items, validateKeyToPath),
  ],
  persistentVolumeClaim: ({ claimName }, at) => requiredField(at.child("claimName"), claimName),
  downwardAPI: ({ defaultMode, items }, at) => [
    ...validateFileMode(at.child("defaultMode"), defaultMode),
    ...(items ?? []).flatMap((file) => validateDownwardFile(file, at)),
  ],
  configMap: ({ name, defaultMode, items }, at) => [
    ...requiredField(at.child("name"), name),
    ...validateFileMode(at.child("defaultMode"), defaultMode),
    ...eachItem(at.child("items"), items, validateKeyToPath),
  ],
  projected: validateProjected,
  csi: (source, at) => validateCsi(source, at),
  ephemeral: ({ volumeClaimTemplate }, at) => {
    const place = at.child("volumeClaimTemplate");
    return volumeClaimTemplate ? validateClaimTemplate(volumeClaimTemplate, place) : [required(place)];
  },
  image: ({ reference, pullPolicy }, at) => [
    ...requiredField(at.child("reference"), reference),
    ...requiredEnum(at.child("pullPolicy"), pullPolicy, pullPolicies),
  ],
};

/** In a template the reference of an image may come later. */
const templateRules: SourceRules = {
  ...podRules,
  image: ({ pullPolicy }, at) => requiredEnum(at.child("pullPolicy"), pullPolicy, pullPolicies),
};

function validateKeyToPath({ key, path, mode }: KeyToPath, at: Path): FieldError[] {
  return [
    ...requiredField(at.child("key"), key),
    ...requiredField(at.child("path"), path),
    ...validateFilePath(at.child("path"), path ?? ""),
    ...validateFileMode(at.child("mode"), mode),
  ];
}

function validateDownwardFile(file: DownwardAPIVolumeFile, at: Path): FieldError[] {
  const errors = requiredField(at.child("path"), file.path);
  append(errors, validateFilePath(at.child("path"), file.path ?? ""));
  if (file.fieldRef) {
    append(errors, validateVolumeFieldRef(file.fieldRef, at.child("fieldRef")));
    if (file.resourceFieldRef)
      errors.push(invalidValue(at, "resource", "fieldRef and resourceFieldRef can not be specified simultaneously"));
  } else if (file.resourceFieldRef)
    append(errors, validateResourceFieldRef(file.resourceFieldRef, at.child("resourceFieldRef"), true));
  else errors.push(required(at, "one of fieldRef and resourceFieldRef is required"));
  append(errors, validateFileMode(at.child("mode"), file.mode));
  return errors;
}

function validateProjected({ defaultMode, sources }: ProjectedVolumeSource, at: Path): FieldError[] {
  const paths = new Set<string>();
  const claimPath = (path: string | undefined, shown: unknown): FieldError[] => {
    if (!path) return [];
    if (paths.has(path)) return [invalidValue(at, shown, "conflicting duplicate paths")];
    paths.add(path);
    return [];
  };
  return [
    ...validateFileMode(at.child("defaultMode"), defaultMode),
    ...eachItem(at.child("sources"), sources, (source, place) => validateProjection(source, place, at, claimPath)),
  ];
}

type ClaimPath = (path: string | undefined, shown: unknown) => FieldError[];

function validateProjection(source: VolumeProjection, at: Path, volumeAt: Path, claimPath: ClaimPath): FieldError[] {
  const errors: FieldError[] = [];
  for (const field of ["secret", "configMap"] as const) {
    const projection = source[field];
    if (!projection) continue;
    append(errors, requiredField(at.child(field, "name"), projection.name));
    append(
      errors,
      eachItem(at.child(field, "items"), projection.items, (item, place) => [
        ...validateKeyToPath(item, place),
        ...claimPath(item.path, projection.name),
      ]),
    );
  }
  for (const file of source.downwardAPI?.items ?? [])
    append(errors, validateDownwardFile(file, at.child("downwardAPI")), claimPath(file.path, file.path));
  if (source.serviceAccountToken)
    append(errors, validateTokenProjection(source.serviceAccountToken, at.child("serviceAccountToken"), volumeAt));
  if (Object.values(source).filter((each) => each !== undefined).length > 1)
    errors.push(forbiddenField(at, "may not specify more than 1 volume type per source"));
  return errors;
}

function validateTokenProjection(token: ServiceAccountTokenProjection, at: Path, volumeAt: Path): FieldError[] {
  const { expirationSeconds = 3600, path } = token;
  const place = at.child("expirationSeconds");
  const errors: FieldError[] = [];
  if (expirationSeconds < 600)
    errors.push(invalidValue(place, expirationSeconds, "may not specify a duration less than 10 minutes"));
  if (expirationSeconds > 2 ** 32)
    errors.push(invalidValue(place, expirationSeconds, "may not specify a duration larger than 2^32 seconds"));
  const pathAt = volumeAt.child("path");
  append(errors, path ? validateFilePath(pathAt, path) : [required(pathAt)]);
  return errors;
}

function validateCsi(source: CSIVolumeSource, at: Path): FieldError[] {
  const errors = validateCsiDriverName(at.child("driver"), source.driver ?? "");
  if (!source.nodePublishSecretRef) return errors;
  const { name } = source.nodePublishSecretRef;
  if (!name) errors.push(required(at.child("nodePublishSecretRef", "name")));
  else append(errors, invalidFor(at.child("name"), name, isDns1123Subdomain(name)));
  return errors;
}

/** A template for claims may carry labels and annotations, and nothing else of metadata. */
function validateClaimTemplate({ metadata = {}, spec }: PersistentVolumeClaimTemplate, at: Path): FieldError[] {
  const place = at.child("metadata");
  const errors = [
    ...validateAnnotations(place.child("annotations"), metadata.annotations),
    ...validateLabels(place.child("labels"), metadata.labels),
  ];
  for (const [field, value] of Object.entries(metadata))
    if (field !== "annotations" && field !== "labels" && value !== undefined && value !== null && value !== "")
      // The name is that of Go's field with a small first letter.
      errors.push(forbiddenField(place.child(field === "uid" ? "uID" : field), "cannot be set"));
  append(errors, validateClaimSpec(spec, at.child("spec")));
  return errors;
}

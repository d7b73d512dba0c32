// The sources of data that pods and persistent volumes name alike: what each must say.
// k8s.io/kubernetes/pkg/apis/core/validation/validation.go, validate…VolumeSource.
import { append } from "../../lib/index.ts";
import { eachEntry, invalidFor, optionalEnum, requiredField } from "../field-rules.ts";
import type { FieldError } from "../meta/api-error.ts";
import { forbiddenField, invalidValue, notSupported, type Path, required, tooLong } from "../meta/field-error.ts";
import { inclusiveRangeMessage, isDns1123Label, isDns1123Subdomain, isInRange } from "../meta/names.ts";
import type {
  AzureDiskVolumeSource,
  FCVolumeSource,
  HostPathVolumeSource,
  ISCSIVolumeSource,
  PersistentVolumeSpec,
  Volume,
} from "../types.generated.ts";
import { validateNoBacksteps } from "./path-rules.ts";

type Sources = Volume & PersistentVolumeSpec;
type Rule<Field extends keyof Sources> = (source: NonNullable<Sources[Field]>, at: Path) => FieldError[];
export type SourceRules = { readonly [Field in keyof Sources]?: Rule<Field> };

/** Requires texts and lists that must not be empty. */
function requiring<Source extends object>(...fields: readonly Extract<keyof Source, string>[]) {
  return (source: Source, at: Path): FieldError[] =>
    fields.flatMap((field) => {
      const value: unknown = source[field];
      const isGiven = typeof value === "string" || Array.isArray(value) ? value.length > 0 : value !== undefined;
      return isGiven ? [] : [required(at.child(field))];
    });
}

function partitionRule(at: Path, partition = 0): FieldError[] {
  return isInRange(partition, 0, 255).map(() =>
    invalidValue(at.child("partition"), partition, inclusiveRangeMessage(1, 255)),
  );
}

function secretNameRule(at: Path, reference: { readonly name?: string } | undefined): FieldError[] {
  return reference ? requiredField(at.child("name"), reference.name) : [];
}

/** The rules of the sources that both kinds of volumes have, in the order in which they are checked. */
export const sharedSourceRules = {
  hostPath: validateHostPath,
  gcePersistentDisk: (source, at) => {
    const errors = requiring<typeof source>("pdName")(source, at);
    return [...errors, ...partitionRule(at, source.partition)];
  },
  awsElasticBlockStore: (source, at) => {
    const errors = requiring<typeof source>("volumeID")(source, at);
    return [...errors, ...partitionRule(at, source.partition)];
  },
  nfs: (source, at) => [
    ...requiring<typeof source>("server", "path")(source, at),
    ...((source.path ?? "").startsWith("/")
      ? []
      : [invalidValue(at.child("path"), source.path ?? "", "must be an absolute path")]),
  ],
  iscsi: validateIscsi,
  glusterfs: requiring("endpoints", "path"),
  flocker: ({ datasetName = "", datasetUUID = "" }, at) => {
    const errors: FieldError[] = [];
    if (!datasetName && !datasetUUID) errors.push(required(at, "one of datasetName and datasetUUID is required"));
    if (datasetName && datasetUUID)
      errors.push(invalidValue(at, "resource", "datasetName and datasetUUID can not be specified simultaneously"));
    if (datasetName.includes("/"))
      errors.push(invalidValue(at.child("datasetName"), datasetName, "must not contain '/'"));
    return errors;
  },
  rbd: requiring("monitors", "image"),
  cinder: (source, at) => [
    ...requiring<typeof source>("volumeID")(source, at),
    ...secretNameRule(at.child("secretRef"), source.secretRef),
  ],
  cephfs: requiring("monitors"),
  quobyte: ({ registry = "", volume, tenant = "" }, at) => {
    const pairs = "must be a host:port pair or multiple pairs separated by commas";
    const errors: FieldError[] = [];
    if (registry === "") errors.push(required(at.child("registry"), pairs));
    else if (tenant.length > 64)
      errors.push(required(at.child("tenant"), "must be a UUID and may not exceed a length of 64 characters"));
    else if (!registry.split(",").every((pair) => /^[^:]*:[^:]*$|^\[.*\]:[^:]*$/.test(pair)))
      errors.push(invalidValue(at.child("registry"), registry, pairs));
    append(errors, requiredField(at.child("volume"), volume));
    return errors;
  },
  fc: validateFibreChannel,
  flexVolume: (source, at) => [
    ...requiring<typeof source>("driver")(source, at),
    ...eachEntry(at.child("options"), source.options, (key, _, place) =>
      /(^|\.)(kubernetes|k8s)\.io$/.test((key.split("/", 1)[0] ?? "").toLowerCase())
        ? [invalidValue(place, key, "kubernetes.io and k8s.io namespaces are reserved")]
        : [],
    ),
  ],
  azureFile: (source, at) => [
    ...requiring<typeof source>("secretName", "shareName")(source, at),
    ...("secretNamespace" in source && source.secretNamespace === "" ? [required(at.child("secretNamespace"))] : []),
  ],
  vsphereVolume: requiring("volumePath"),
  photonPersistentDisk: requiring("pdID"),
  portworxVolume: requiring("volumeID"),
  azureDisk: validateAzureDisk,
  storageos: ({ volumeName, volumeNamespace, secretRef }, at) => {
    const errors = requiredField(at.child("volumeName"), volumeName);
    if (volumeName) append(errors, invalidFor(at.child("volumeName"), volumeName, isDns1123Label(volumeName)));
    if (volumeNamespace)
      append(errors, invalidFor(at.child("volumeNamespace"), volumeNamespace, isDns1123Label(volumeNamespace)));
    return [...errors, ...secretNameRule(at.child("secretRef"), secretRef)];
  },
  scaleIO: requiring("gateway", "system", "volumeName"),
} satisfies SourceRules;

/**
 * Checks the one source that is given; a second one is forbidden, none is an error.
 * `pathNames` has the fields that errors name differently.
 */
export function validateOneSource(
  sources: Volume | PersistentVolumeSpec,
  at: Path,
  rules: SourceRules,
  pathNames: Readonly<Record<string, string>> = {},
): FieldError[] {
  const errors: FieldError[] = [];
  let found = false;
  // Each rule takes the type of its own field, which the compiler cannot follow through a loop over names.
  for (const [field, rule] of Object.entries(rules) as [
    keyof typeof sources,
    (source: unknown, at: Path) => FieldError[],
  ][]) {
    const source = sources[field];
    if (source === undefined) continue;
    if (found) errors.push(forbiddenField(at.child(field), "may not specify more than 1 volume type"));
    else append(errors, rule(source, at.child(pathNames[field] ?? field)));
    found = true;
  }
  if (!found) errors.push(required(at, "must specify a volume type"));
  return errors;
}

const hostPathTypes = [
  "",
  "BlockDevice",
  "CharDevice",
  "Directory",
  "DirectoryOrCreate",
  "File",
  "FileOrCreate",
  "Socket",
];

function validateHostPath({ path, type }: HostPathVolumeSource, at: Path): FieldError[] {
  if (!path) return [required(at.child("path"))];
  return [...validateNoBacksteps(at.child("path"), path), ...optionalEnum(at.child("type"), type, hostPathTypes)];
}

const initiatorFormats: Readonly<Record<string, RegExp>> = {
  iqn: /iqn\.\d{4}-\d{2}\.([A-Za-z0-9\-.]+)(:[^,;*&$|\s]+)$/,
  eui: /^eui.[A-Za-z0-9]{16}$/,
  naa: /^naa.[A-Za-z0-9]{32}$/,
};

function validateInitiator(at: Path, name: string): FieldError[] {
  const format = initiatorFormats[name.slice(0, 3)];
  if (!format) return [invalidValue(at, name, "must be valid format starting with iqn, eui, or naa")];
  return format.test(name) ? [] : [invalidValue(at, name, "must be valid format")];
}

const initiatorTargetMax = 64;

/** A session of an initiator of its own is told by the names of the volume and of the portal together. */
export function validateInitiatorTarget(
  at: Path,
  shown: string,
  { initiatorName, targetPortal }: ISCSIVolumeSource,
  volumeName: string,
): FieldError[] {
  if (initiatorName === undefined || `${volumeName}:${targetPortal}`.length <= initiatorTargetMax) return [];
  return [
    invalidValue(
      at,
      shown,
      "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is specified.",
    ),
  ];
}

function validateIscsi(source: ISCSIVolumeSource, at: Path): FieldError[] {
  const errors = requiredField(at.child("targetPortal"), source.targetPortal);
  append(errors, source.iqn ? validateInitiator(at.child("iqn"), source.iqn) : [required(at.child("iqn"))]);
  append(errors, invalidFor(at.child("lun"), source.lun, isInRange(source.lun ?? 0, 0, 255)));
  if ((source.chapAuthDiscovery || source.chapAuthSession) && !source.secretRef)
    errors.push(required(at.child("secretRef")));
  if (source.initiatorName !== undefined)
    append(errors, validateInitiator(at.child("initiatorname"), source.initiatorName));
  return errors;
}

function validateFibreChannel({ targetWWNs = [], wwids = [], lun }: FCVolumeSource, at: Path): FieldError[] {
  const place = at.child("targetWWNs");
  const errors: FieldError[] = [];
  if (targetWWNs.length === 0 && wwids.length === 0)
    errors.push(required(place, "must specify either targetWWNs or wwids, but not both"));
  if (targetWWNs.length > 0 && wwids.length > 0)
    errors.push(invalidValue(place, targetWWNs, "targetWWNs and wwids can not be specified simultaneously"));
  if (targetWWNs.length > 0) {
    if (lun === undefined) errors.push(required(at.child("lun"), "lun is required if targetWWNs is specified"));
    else append(errors, invalidFor(at.child("lun"), lun, isInRange(lun, 0, 255)));
  }
  return errors;
}

function validateAzureDisk(source: AzureDiskVolumeSource, at: Path): FieldError[] {
  const { diskURI = "", kind } = source;
  const errors = [
    ...requiring<AzureDiskVolumeSource>("diskName", "diskURI")(source, at),
    ...optionalEnum(at.child("cachingMode"), source.cachingMode, ["None", "ReadOnly", "ReadWrite"]),
    ...optionalEnum(at.child("kind"), kind, ["Dedicated", "Managed", "Shared"]),
  ];
  const managed = "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}";
  const blob = "https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd";
  if (kind === "Managed" && !diskURI.startsWith("/subscriptions/"))
    errors.push(notSupported(at.child("diskURI"), diskURI, [managed]));
  if (kind !== undefined && kind !== "Managed" && !diskURI.startsWith("https://"))
    errors.push(notSupported(at.child("diskURI"), diskURI, [blob]));
  return errors;
}

/** The name of a CSI driver: a domain of at most 63 characters, upper case allowed. */
export function validateCsiDriverName(at: Path, name: string): FieldError[] {
  if (name === "") return [required(at)];
  const errors = name.length > 63 ? [tooLong(at, 63)] : [];
  append(errors, invalidFor(at, name, isDns1123Subdomain(name.toLowerCase())));
  return errors;
}

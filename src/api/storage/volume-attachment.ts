import { exceedsBytes } from "../../lib/index.ts";
import { ageColumn, nameColumn } from "../columns.ts";
import { validateInlineVolumeSpec } from "../core/persistent-volume-validation.ts";
import { validateCsiDriverName } from "../core/volume-sources.ts";
import { invalidFor, requiredField } from "../field-rules.ts";
import { shownAs } from "../go-value.ts";
import type { FieldError } from "../meta/api-error.ts";
import { forbiddenField, invalidValue, type Path, required, tooLong } from "../meta/field-error.ts";
import { inclusiveRangeMessage, isDns1123Subdomain } from "../meta/names.ts";
import { immutableField, resetMetadataForStatus } from "../meta/object-meta.ts";
import { defineResource } from "../resource.ts";
import type { VolumeAttachment, VolumeAttachmentSource, VolumeError } from "../types.generated.ts";

const metadataBytesMax = 256 * 1024;
const messageBytesMax = 1024;
const errorCodeMax = 2 ** 31 - 1;

export const VolumeAttachments = defineResource<VolumeAttachment>({
  group: "storage.k8s.io",
  version: "v1",
  kind: "VolumeAttachment",
  plural: "volumeattachments",
  columns: [
    nameColumn,
    { name: "Attacher", type: "string", format: "name", of: ({ spec }) => spec.attacher },
    { name: "PV", type: "string", of: ({ spec }) => spec.source?.persistentVolumeName ?? "" },
    { name: "Node", type: "string", of: ({ spec }) => spec.nodeName },
    { name: "Attached", type: "boolean", of: ({ status }) => status.attached ?? false },
    ageColumn,
  ],
  hasGeneration: false,
  allowsUnconditionalUpdate: false,
  prepareForCreate: ({ status }) => {
    status.attached = false;
  },
  prepareForStatusUpdate: ({ metadata }, old) => resetMetadataForStatus(metadata, old.metadata),
  validate: (attachment, at) => validateAttachment(attachment, at),
  validateCreate: ({ spec: { attacher = "", source } }, root) => {
    const at = root.child("spec");
    const volume = source?.persistentVolumeName;
    return [
      ...validateCsiDriverName(at.child("attacher"), attacher),
      ...(volume === undefined
        ? []
        : invalidFor(at.child("source", "persistentVolumeName"), volume, isDns1123Subdomain(volume))),
    ];
  },
  validateUpdate: (next, old, at) =>
    immutableField(at.child("spec"), next.spec, old.spec, shownAs("io.k8s.api.storage.v1.VolumeAttachmentSpec")),
  validateStatusUpdate: ({ status }, _old, at) => validateStatus(status, at.child("status")),
});

function validateAttachment({ spec, status }: VolumeAttachment, root: Path): FieldError[] {
  const at = root.child("spec");
  const { attacher, source = {}, nodeName = "" } = spec;
  return [
    ...requiredField(at.child("attacher"), attacher),
    ...validateSource(source, at.child("source")),
    ...invalidFor(at.child("nodeName"), nodeName, isDns1123Subdomain(nodeName)),
    ...validateStatus(status, root.child("status")),
  ];
}

function validateSource({ inlineVolumeSpec, persistentVolumeName }: VolumeAttachmentSource, at: Path): FieldError[] {
  const detail = "must specify exactly one of inlineVolumeSpec and persistentVolumeName";
  if (!inlineVolumeSpec && persistentVolumeName === undefined) return [required(at, detail)];
  if (inlineVolumeSpec && persistentVolumeName !== undefined) return [forbiddenField(at, detail)];
  if (inlineVolumeSpec) return validateInlineVolumeSpec(inlineVolumeSpec, at.child("inlineVolumeSpec"));
  return persistentVolumeName === ""
    ? [required(at.child("persistentVolumeName"), "must specify non empty persistentVolumeName")]
    : [];
}

function validateStatus(status: VolumeAttachment["status"], at: Path): FieldError[] {
  const { attachmentMetadata = {}, attachError, detachError } = status;
  return [
    ...(exceedsBytes(metadataBytesMax, Object.entries(attachmentMetadata).flat())
      ? [tooLong(at.child("attachmentMetadata"), metadataBytesMax)]
      : []),
    ...validateError(attachError, at.child("attachError")),
    ...validateError(detachError, at.child("detachError")),
  ];
}

function validateError({ message = "", errorCode = 0 }: VolumeError = {}, at: Path): FieldError[] {
  const errors = exceedsBytes(messageBytesMax, message) ? [tooLong(at.child("message"), metadataBytesMax)] : [];
  if (errorCode < 0)
    errors.push(invalidValue(at.child("errorCode"), errorCode, inclusiveRangeMessage(0, errorCodeMax)));
  return errors;
}

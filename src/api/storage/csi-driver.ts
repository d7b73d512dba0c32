import { append } from "../../lib/index.ts";
import { ageColumn, nameColumn } from "../columns.ts";
import { eachItem, optionalEnum } from "../field-rules.ts";
import type { FieldError } from "../meta/api-error.ts";
import { duplicate, invalidValue, notSupported, type Path } from "../meta/field-error.ts";
import { immutableField } from "../meta/object-meta.ts";
import { defineResource } from "../resource.ts";
import type { CSIDriver, CSIDriverSpec, StorageTokenRequest } from "../types.generated.ts";

const updatePeriodSecondsMin = 10;
const tokenSecondsMin = 600;
const tokenSecondsMax = 2 ** 32;

export const CSIDrivers = defineResource<CSIDriver>({
  group: "storage.k8s.io",
  version: "v1",
  kind: "CSIDriver",
  plural: "csidrivers",
  columns: [
    nameColumn,
    { name: "AttachRequired", type: "boolean", of: ({ spec }) => spec.attachRequired ?? true },
    { name: "PodInfoOnMount", type: "boolean", of: ({ spec }) => spec.podInfoOnMount ?? false },
    { name: "StorageCapacity", type: "boolean", of: ({ spec }) => spec.storageCapacity ?? false },
    { name: "TokenRequests", type: "string", of: ({ spec }) => tokensCell(spec.tokenRequests ?? []) },
    { name: "RequiresRepublish", type: "boolean", of: ({ spec }) => spec.requiresRepublish ?? false },
    { name: "Modes", type: "string", of: ({ spec }) => (spec.volumeLifecycleModes ?? []).join(",") || "<none>" },
    ageColumn,
  ],
  hasGeneration: true,
  allowsUnconditionalUpdate: false,
  defaults: ({ spec }) => {
    spec.attachRequired ??= true;
    spec.podInfoOnMount ??= false;
    spec.storageCapacity ??= false;
    spec.fsGroupPolicy ??= "ReadWriteOnceWithFSType";
    if (!spec.volumeLifecycleModes?.length) spec.volumeLifecycleModes = ["Persistent"];
    spec.requiresRepublish ??= false;
    spec.seLinuxMount ??= false;
  },
  validate: ({ spec }, at) => validateSpec(spec, at.child("spec")),
  validateUpdate: (next, old, root) => {
    const at = root.child("spec");
    return [
      // Kubernetes calls the field so.
      ...immutableField(at.child("attachedRequired"), next.spec.attachRequired, old.spec.attachRequired),
      ...immutableField(
        at.child("volumeLifecycleModes"),
        next.spec.volumeLifecycleModes,
        old.spec.volumeLifecycleModes,
      ),
    ];
  },
});

function tokensCell(requests: readonly StorageTokenRequest[]): string {
  return requests.length === 0 ? "<unset>" : requests.map(({ audience }) => audience).join(",");
}

function validateSpec(spec: CSIDriverSpec, at: Path): FieldError[] {
  const errors = optionalEnum(at.child("fsGroupPolicy"), spec.fsGroupPolicy, [
    "File",
    "None",
    "ReadWriteOnceWithFSType",
  ]);
  append(errors, validateTokenRequests(spec.tokenRequests, at.child("tokenRequests")));
  const modes = ["Persistent", "Ephemeral"];
  for (const mode of spec.volumeLifecycleModes ?? [])
    if (!modes.includes(mode)) errors.push(notSupported(at.child("volumeLifecycleModes"), mode, modes));
  const period = spec.nodeAllocatableUpdatePeriodSeconds;
  if (period !== undefined && period < updatePeriodSecondsMin)
    errors.push(
      invalidValue(
        at.child("nodeAllocatableUpdatePeriodSeconds"),
        period,
        `must be greater than or equal to ${updatePeriodSecondsMin} seconds`,
      ),
    );
  return errors;
}

function validateTokenRequests(requests: readonly StorageTokenRequest[] | undefined, at: Path): FieldError[] {
  const audiences = new Set<string>();
  return eachItem(at, requests, ({ audience = "", expirationSeconds: seconds }, place) => {
    if (audiences.has(audience)) return [duplicate(place.child("audience"), audience)];
    audiences.add(audience);
    if (seconds === undefined) return [];
    const wrong = (detail: string) => [invalidValue(place.child("expirationSeconds"), seconds, detail)];
    if (seconds < tokenSecondsMin) return wrong("may not specify a duration less than 10 minutes");
    return seconds > tokenSecondsMax ? wrong("may not specify a duration larger than 2^32 seconds") : [];
  });
}

import { append, exceedsBytes } from "../../lib/index.ts";
import { ageColumn, nameColumn } from "../columns.ts";
import { eachEntry, invalidFor } from "../field-rules.ts";
import type { FieldError } from "../meta/api-error.ts";
import { invalidValue, type Path, tooLong } from "../meta/field-error.ts";
import { isConfigMapKey } from "../meta/names.ts";
import { defineResource } from "../resource.ts";
import type { ConfigMap } from "../types.generated.ts";
import { decodedLength, maxDataBytes, validateImmutableData } from "./data-map.ts";

export const ConfigMaps = defineResource<ConfigMap>({
  group: "",
  version: "v1",
  kind: "ConfigMap",
  plural: "configmaps",
  shortNames: ["cm"],
  columns: [
    nameColumn,
    {
      name: "Data",
      type: "string",
      of: ({ data, binaryData }) => Object.keys(data ?? {}).length + Object.keys(binaryData ?? {}).length,
    },
    ageColumn,
  ],
  validate,
  validateUpdate: (next, old, at) => validateImmutableData(at, next, old, ["data", "binaryData"]),
});

function validate({ data, binaryData }: ConfigMap, at: Path): FieldError[] {
  const errors = eachEntry(at.child("data"), data, (key, _, place) => [
    ...invalidFor(place, key, isConfigMapKey(key)),
    ...(binaryData && Object.hasOwn(binaryData, key)
      ? [invalidValue(place, key, "duplicate of key present in binaryData")]
      : []),
  ]);
  append(
    errors,
    eachEntry(at.child("binaryData"), binaryData, (key, _, p) => invalidFor(p, key, isConfigMapKey(key))),
  );
  const binaryBytes = Object.values(binaryData ?? {}).reduce((sum, value) => sum + decodedLength(value), 0);
  // The whole object is too long, so the error names no field.
  if (exceedsBytes(maxDataBytes - binaryBytes, Object.values(data ?? {}))) errors.push(tooLong(at, maxDataBytes));
  return errors;
}

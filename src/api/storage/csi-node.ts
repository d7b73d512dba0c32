import { append, exceedsBytes } from "../../lib/index.ts";
import { ageColumn, nameColumn } from "../columns.ts";
import { validateCsiDriverName } from "../core/volume-sources.ts";
import { eachItem, invalidFor, nonnegative, requiredField } from "../field-rules.ts";
import { shownAs } from "../go-value.ts";
import type { FieldError } from "../meta/api-error.ts";
import { duplicate, invalidValue, type Path, required } from "../meta/field-error.ts";
import { isQualifiedName } from "../meta/names.ts";
import { immutableField } from "../meta/object-meta.ts";
import { defineResource } from "../resource.ts";
import type { CSINode, CSINodeDriver } from "../types.generated.ts";

const nodeIdBytesMax = 256;

export const CSINodes = defineResource<CSINode>({
  group: "storage.k8s.io",
  version: "v1",
  kind: "CSINode",
  plural: "csinodes",
  columns: [nameColumn, { name: "Drivers", type: "integer", of: ({ spec }) => (spec.drivers ?? []).length }, ageColumn],
  allowsUnconditionalUpdate: false,
  validate: ({ spec }, at) => {
    const names = new Set<string>();
    return eachItem(at.child("spec", "drivers"), spec.drivers, (driver, place) => validateDriver(driver, names, place));
  },
  validateUpdate: (next, old, root) => {
    const at = root.child("spec", "drivers");
    return (old.spec.drivers ?? []).flatMap((before) => {
      const driver = next.spec.drivers?.find(({ name }) => name === before.name);
      return driver ? immutableField(at, withoutCount(driver), withoutCount(before), shownDriver) : [];
    });
  },
});

const shownDriver = shownAs("io.k8s.api.storage.v1.CSINodeDriver");

/** How many volumes a driver attaches may change while it runs. */
function withoutCount({ allocatable: _, ...driver }: CSINodeDriver): object {
  return driver;
}

function validateDriver(driver: CSINodeDriver, names: Set<string>, at: Path): FieldError[] {
  const { name = "", nodeID: nodeId = "", allocatable } = driver;
  const topologyKeys = driver.topologyKeys ?? [];
  const errors = [...validateCsiDriverName(at.child("name"), name), ...requiredField(at.child("nodeID"), nodeId)];
  if (exceedsBytes(nodeIdBytesMax, nodeId))
    errors.push(invalidValue(at.child("nodeID"), nodeId, `must be ${nodeIdBytesMax} characters or less`));
  append(errors, nonnegative(at.child("allocatable", "count"), allocatable?.count));
  if (names.has(name)) errors.push(duplicate(at.child("name"), name));
  names.add(name);
  for (const [index, key] of topologyKeys.entries()) {
    if (key === "") errors.push(required(at));
    if (topologyKeys.indexOf(key) < index) errors.push(duplicate(at, key));
    append(errors, invalidFor(at, key, isQualifiedName(key)));
  }
  return errors;
}

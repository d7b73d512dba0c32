import { append, exceedsBytes } from "../../lib/index.ts";
import { ageColumn, nameColumn } from "../columns.ts";
import { shownNodeSelectorTerm, validateNodeSelector } from "../core/affinity-validation.ts";
import { validateCsiDriverName } from "../core/volume-sources.ts";
import { eachEntry, invalidFor } from "../field-rules.ts";
import type { FieldError } from "../meta/api-error.ts";
import { goStruct, invalidValue, type Path, required, tooLong } from "../meta/field-error.ts";
import { isDns1123Label, isDns1123Subdomain } from "../meta/names.ts";
import { immutableField } from "../meta/object-meta.ts";
import { defineResource } from "../resource.ts";
import type { Device, DeviceAttribute, ResourcePool, ResourceSlice, ResourceSliceSpec } from "../types.generated.ts";
import { boundedSet, validatePoolName, validateQualifiedName } from "./device-rules.ts";

const devicesMax = 128;
const attributesAndCapacitiesMax = 32;
const attributeBytesMax = 64;
const onePlace = "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required";

export const ResourceSlices = defineResource<ResourceSlice>({
  group: "resource.k8s.io",
  version: "v1",
  kind: "ResourceSlice",
  plural: "resourceslices",
  columns: [
    nameColumn,
    { name: "Node", type: "string", of: ({ spec }) => spec.nodeName ?? "" },
    { name: "Driver", type: "string", of: ({ spec }) => spec.driver },
    { name: "Pool", type: "string", of: ({ spec }) => spec.pool.name },
    ageColumn,
  ],
  selectableFields: {
    "spec.nodeName": ({ spec }) => spec.nodeName ?? "",
    "spec.driver": ({ spec }) => spec.driver ?? "",
  },
  unselectableField: (field) => `field label not supported for resource.k8s.io/v1, Kind=ResourceSlice: ${field}`,
  hasGeneration: true,
  validate: ({ spec }, at) => validateSpec(spec, at.child("spec")),
  validateUpdate: (next, old, root) => {
    const at = root.child("spec");
    return [
      ...immutableField(at.child("pool", "name"), next.spec.pool.name, old.spec.pool.name),
      ...immutableField(at.child("driver"), next.spec.driver, old.spec.driver),
      ...immutableField(at.child("nodeName"), next.spec.nodeName, old.spec.nodeName),
    ];
  },
  warnings: ({ spec: { driver = "" } }) =>
    driver === driver.toLowerCase()
      ? []
      : [`spec.driver: driver names should be lowercase; "${driver}" contains uppercase characters`],
});

function validateSpec(spec: ResourceSliceSpec, at: Path): FieldError[] {
  return [
    ...validateCsiDriverName(at.child("driver"), spec.driver ?? ""),
    ...validatePool(spec.pool, at.child("pool")),
    ...validatePlace(spec, at),
    ...boundedSet(at.child("devices"), spec.devices, devicesMax, ({ name = "" }) => name, validateDevice),
  ];
}

function validatePool({ name = "", resourceSliceCount = 0, generation = 0 }: ResourcePool, at: Path): FieldError[] {
  const errors = validatePoolName(name, at.child("name"));
  if (resourceSliceCount <= 0)
    errors.push(invalidValue(at.child("resourceSliceCount"), resourceSliceCount, "must be greater than zero"));
  if (generation < 0)
    errors.push(invalidValue(at.child("generation"), generation, "must be greater than or equal to zero"));
  return errors;
}

/** The nodes from which the devices can be reached, said in one way. */
function validatePlace({ nodeName, nodeSelector, allNodes }: ResourceSliceSpec, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  const said: string[] = [];
  if (nodeName === "")
    errors.push(invalidValue(at.child("nodeName"), "", "must be either unset or set to a non-empty string"));
  else if (nodeName !== undefined) {
    said.push("`nodeName`");
    append(errors, invalidFor(at.child("nodeName"), nodeName, isDns1123Subdomain(nodeName)));
  }
  if (nodeSelector) {
    said.push("`nodeSelector`");
    const terms = nodeSelector.nodeSelectorTerms ?? [];
    append(errors, validateNodeSelector(nodeSelector, at.child("nodeSelector")));
    if (terms.length !== 1)
      errors.push(
        invalidValue(
          at.child("nodeSelector", "nodeSelectorTerms"),
          terms.map(shownNodeSelectorTerm),
          "must have exactly one node selector term",
        ),
      );
  }
  if (allNodes) said.push("`allNodes`");
  else if (allNodes === false)
    errors.push(invalidValue(at.child("allNodes"), false, "must be either unset or set to true"));
  if (said.length === 0) errors.push(required(at, onePlace));
  if (said.length > 1)
    errors.push(invalidValue(at, `{${said.join(", ")}}`, `${onePlace}, but multiple fields are set`));
  return errors;
}

function validateDevice({ name = "", attributes = {}, capacity = {} }: Device, at: Path): FieldError[] {
  const errors = invalidFor(at.child("name"), name, isDns1123Label(name));
  const count = Object.keys(attributes).length + Object.keys(capacity).length;
  if (count > attributesAndCapacitiesMax)
    errors.push(
      invalidValue(
        at,
        count,
        `the total number of attributes and capacities must not exceed ${attributesAndCapacitiesMax}`,
      ),
    );
  return [
    ...errors,
    ...eachEntry(at.child("attributes"), attributes, (key, attribute, place) => [
      ...validateQualifiedName(key, place),
      ...validateAttribute(attribute, place),
    ]),
    ...eachEntry(at.child("capacity"), capacity, (key, _, place) => validateQualifiedName(key, place)),
  ];
}

const identifier = "(0|[1-9]\\d*|\\d*[a-zA-Z-][0-9a-zA-Z-]*)";
const number = "(0|[1-9]\\d*)";
const build = "[0-9a-zA-Z-]+";
/** Semantic versions: https://semver.org/spec/v2.0.0.html */
const versionPattern = new RegExp(
  `^${number}\\.${number}\\.${number}(-${identifier}(\\.${identifier})*)?(\\+${build}(\\.${build})*)?$`,
);

function validateAttribute(attribute: DeviceAttribute, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  const { string, version } = attribute;
  const validateLength = (place: Path, text: string) => {
    if (exceedsBytes(attributeBytesMax, text)) errors.push(tooLong(place, attributeBytesMax));
  };
  if (string !== undefined) validateLength(at.child("string"), string);
  if (version !== undefined) {
    if (!versionPattern.test(version))
      errors.push(invalidValue(at.child("version"), version, "must be a string compatible with semver.org spec 2.0.0"));
    validateLength(at.child("version"), version);
  }
  const values = Object.keys(attribute).length;
  const { int, bool } = attribute;
  const shown = goStruct({ IntValue: int, BoolValue: bool, StringValue: string, VersionValue: version });
  if (values !== 1) errors.push(invalidValue(at, values === 0 ? "" : shown, "exactly one value must be specified"));
  return errors;
}

// What a CRD says of its versions: k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation/validation.go.
import { append, deepEqual, exceedsBytes } from "../../lib/index.ts";
import { eachItem } from "../field-rules.ts";
import type { FieldError } from "../meta/api-error.ts";
import { duplicate, forbiddenField, invalidValue, type Path, required, tooMany } from "../meta/field-error.ts";
import { isDns1035Label } from "../meta/names.ts";
import type {
  CustomResourceColumnDefinition,
  CustomResourceDefinitionVersion,
  CustomResourceSubresourceScale,
  CustomResourceSubresources,
  CustomResourceValidation,
  JSONSchemaProps,
  SelectableField,
} from "../types.generated.ts";
import { validateDefaults } from "./default-rules.ts";
import { validateExpressions } from "./expression-costs.ts";
import { findField } from "./field-path.ts";
import { isGiven, unsupportedField } from "./schema-parts.ts";
import { validateSchemaRules } from "./schema-rules.ts";
import { validateStructural } from "./structural-schema.ts";

const columnTypes = ["boolean", "date", "integer", "number", "string"];
const columnFormats = ["byte", "date", "date-time", "double", "float", "int32", "int64", "password"];
const selectableFieldsMax = 8;
const warningBytesMax = 256;

type Versions = readonly CustomResourceDefinitionVersion[];

/** Which parts are the same in all versions: Kubernetes moves those out of the versions, and names them there in errors. */
function sharedParts(versions: Versions) {
  const [first] = versions;
  const isShared = (field: "schema" | "subresources" | "additionalPrinterColumns" | "selectableFields") =>
    versions.every((version) => deepEqual(version[field] ?? [], first?.[field] ?? []));
  const schema = isShared("schema");
  return {
    schema,
    subresources: isShared("subresources"),
    columns: isShared("additionalPrinterColumns"),
    selectableFields: schema && isShared("selectableFields"),
  };
}

export function validateSchemasGiven(versions: Versions, at: Path): FieldError[] {
  return eachItem(at, versions, ({ schema }, place) =>
    schema?.openAPIV3Schema ? [] : [required(place.child("schema", "openAPIV3Schema"), "schemas are required")],
  );
}

/** What stands in each version by itself. */
export function validateEachVersion(versions: Versions, at: Path): FieldError[] {
  const shared = sharedParts(versions);
  return eachItem(at, versions, (version, place) => {
    const { name = "", schema, subresources, additionalPrinterColumns, selectableFields } = version;
    const wrong = isDns1035Label(name);
    return [
      ...(wrong.length > 0 ? [invalidValue(place.child("name"), name, wrong.join(","))] : []),
      ...validateDeprecation(version, place.child("deprecationWarning")),
      ...(shared.schema ? [] : validateValidation(schema, hasStatus(version), place.child("schema"))),
      ...(shared.subresources ? [] : validateSubresources(subresources, place.child("subresources"))),
      ...(shared.columns ? [] : validateColumns(additionalPrinterColumns, place.child("additionalPrinterColumns"))),
      ...(shared.selectableFields
        ? []
        : validateSelectableFields(
            selectableFields,
            shared.schema ? undefined : schema?.openAPIV3Schema,
            "selectableFields may only be set when version.schema.openAPIV3Schema is not included",
            place.child("selectableFields"),
          )),
    ];
  });
}

/** What all versions have in common; `at` is the path of the spec. */
export function validateSharedParts(versions: Versions, at: Path): FieldError[] {
  const shared = sharedParts(versions);
  const [first] = versions;
  if (!first) return [];
  return [
    ...(shared.schema ? validateValidation(first.schema, versions.some(hasStatus), at.child("validation")) : []),
    ...(shared.subresources ? validateSubresources(first.subresources, at.child("subresources")) : []),
    ...(shared.columns ? validateColumns(first.additionalPrinterColumns, at.child("additionalPrinterColumns")) : []),
    ...(shared.selectableFields
      ? validateSelectableFields(
          first.selectableFields,
          first.schema?.openAPIV3Schema,
          "selectableFields may only be set when validations.schema is included",
          at.child("selectableFields"),
        )
      : []),
  ];
}

function hasStatus({ subresources }: CustomResourceDefinitionVersion): boolean {
  return subresources?.status !== undefined;
}

function validateDeprecation({ deprecated, deprecationWarning: warning }: CustomResourceDefinitionVersion, at: Path) {
  if (warning === undefined) return [];
  if (!deprecated) return [invalidValue(at, warning, "can only be set for deprecated versions")];
  const errors: FieldError[] = [];
  if (exceedsBytes(warningBytesMax, warning))
    errors.push(invalidValue(at, warning, `must be <= ${warningBytesMax} characters long`));
  if (warning === "") errors.push(invalidValue(at, warning, "must not be an empty string"));
  const unprintable = warning.search(/[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/u);
  if (unprintable >= 0)
    errors.push(
      invalidValue(
        at,
        warning,
        `must only contain printable UTF-8 characters; non-printable character found at index ${unprintable}`,
      ),
    );
  return errors;
}

/** What may be said at the root where the status is validated by itself, in the words of Kubernetes. */
const allowedAtRoot = {
  description: "Description",
  type: "Type",
  format: "Format",
  title: "Title",
  maximum: "Maximum",
  exclusiveMaximum: "ExclusiveMaximum",
  minimum: "Minimum",
  exclusiveMinimum: "ExclusiveMinimum",
  maxLength: "MaxLength",
  minLength: "MinLength",
  pattern: "Pattern",
  maxItems: "MaxItems",
  minItems: "MinItems",
  uniqueItems: "UniqueItems",
  multipleOf: "MultipleOf",
  required: "Required",
  items: "Items",
  properties: "Properties",
  externalDocs: "ExternalDocs",
  example: "Example",
  "x-kubernetes-preserve-unknown-fields": "XPreserveUnknownFields",
  "x-kubernetes-validations": "XValidations",
} as const satisfies Partial<Record<keyof JSONSchemaProps, string>>;

function validateValidation(validation: CustomResourceValidation | undefined, hasStatus: boolean, root: Path) {
  const schema = validation?.openAPIV3Schema;
  if (!schema) return [];
  const at = root.child("openAPIV3Schema");
  const errors = hasStatus ? validateRoot(schema, at) : [];
  if (schema.nullable) errors.push(forbiddenField(at.child("nullable"), "nullable cannot be true at the root"));
  const unreadable = unsupportedField(schema);
  if (unreadable === undefined) {
    const wrong = validateStructural(schema, at);
    append(errors, wrong.length > 0 ? wrong : [...validateDefaults(schema, at), ...validateExpressions(schema, at)]);
  }
  append(errors, validateSchemaRules(schema, at));
  // The rules have said it better, unless they say nothing of it.
  if (unreadable !== undefined && errors.length === 0) errors.push(invalidValue(at, "", unreadable));
  return errors;
}

function validateRoot(schema: JSONSchemaProps, at: Path): FieldError[] {
  const { type = "" } = schema;
  const errors: FieldError[] = [];
  const where = "at the root of the schema if the status subresource is enabled";
  if (type !== "" && type !== "object")
    errors.push(invalidValue(at.child("type"), type, `only "object" is allowed as the type ${where}`));
  const other = Object.entries(schema).find(([field, value]) => isGiven(value) && !Object.hasOwn(allowedAtRoot, field));
  if (other)
    errors.push(
      invalidValue(at, schema, `only [${Object.values(allowedAtRoot).join(" ")}] fields are allowed ${where}`),
    );
  return errors;
}

function validateSubresources(subresources: CustomResourceSubresources | undefined, at: Path): FieldError[] {
  const { scale } = subresources ?? {};
  return scale ? validateScale(scale, at.child("scale")) : [];
}

function validateScale(scale: CustomResourceSubresourceScale, at: Path): FieldError[] {
  const { specReplicasPath = "", statusReplicasPath = "", labelSelectorPath = "" } = scale;
  const validatePath = (field: string, path: string, prefixes: readonly string[], detail: string) => {
    const place = at.child(field);
    const wrong = validateSimplePath(path, place);
    if (wrong.length > 0) return wrong;
    return prefixes.some((prefix) => path.startsWith(prefix)) ? [] : [invalidValue(place, path, detail)];
  };
  const specAt = "specReplicasPath";
  const statusAt = "statusReplicasPath";
  return [
    ...(specReplicasPath === ""
      ? [required(at.child(specAt))]
      : validatePath(specAt, specReplicasPath, [".spec."], "should be a json path under .spec")),
    ...(statusReplicasPath === ""
      ? [required(at.child(statusAt))]
      : validatePath(statusAt, statusReplicasPath, [".status."], "should be a json path under .status")),
    ...(labelSelectorPath === ""
      ? []
      : validatePath(
          "labelSelectorPath",
          labelSelectorPath,
          [".spec.", ".status."],
          "should be a json path under either .spec or .status",
        )),
  ];
}

function validateSimplePath(path: string, at: Path): FieldError[] {
  return path.startsWith(".") ? [] : [invalidValue(at, path, "must be a simple json path starting with .")];
}

function validateColumns(columns: readonly CustomResourceColumnDefinition[] | undefined, at: Path): FieldError[] {
  return eachItem(at, columns, ({ name = "", type = "", format = "", jsonPath = "" }, place) => {
    const errors: FieldError[] = [];
    if (name === "") errors.push(required(place.child("name")));
    const mustBeType = `must be one of ${columnTypes.join(",")}`;
    if (type === "") errors.push(required(place.child("type"), mustBeType));
    else if (!columnTypes.includes(type)) errors.push(invalidValue(place.child("type"), type, mustBeType));
    if (format !== "" && !columnFormats.includes(format))
      errors.push(invalidValue(place.child("format"), format, `must be one of ${columnFormats.join(",")}`));
    // Kubernetes names the field so, which is written jsonPath.
    const pathAt = place.child("JSONPath");
    return [...errors, ...(jsonPath === "" ? [required(pathAt)] : validateSimplePath(jsonPath, pathAt))];
  });
}

function validateSelectableFields(
  fields: readonly SelectableField[] = [],
  schema: JSONSchemaProps | undefined,
  withoutSchema: string,
  at: Path,
): FieldError[] {
  if (fields.length === 0) return [];
  if (!schema) return [invalidValue(at, "", withoutSchema)];
  const paths = new Set<string>();
  const errors = eachItem(at, fields, ({ jsonPath = "" }, item) => {
    const place = item.child("jsonPath");
    return jsonPath === "" ? [required(place)] : validateSelectableField(jsonPath, schema, paths, place);
  });
  if (paths.size > selectableFieldsMax) errors.push(tooMany(at, paths.size, selectableFieldsMax));
  return errors;
}

function validateSelectableField(path: string, schema: JSONSchemaProps, paths: Set<string>, at: Path): FieldError[] {
  let found: ReturnType<typeof findField>;
  try {
    found = findField(path, schema, { allowsBrackets: false });
  } catch (error) {
    // findField throws for nothing but a path that leads nowhere.
    return [invalidValue(at, path, `is an invalid path: ${(error as Error).message}`)];
  }
  const errors: FieldError[] = [];
  if (found.names[0] === "metadata") errors.push(invalidValue(at, path, "must not point to fields in metadata"));
  if (!["string", "boolean", "integer"].includes(found.schema.type ?? ""))
    errors.push(
      invalidValue(
        at,
        path,
        "must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.",
      ),
    );
  const name = found.names.join(".");
  if (paths.has(name)) errors.push(duplicate(at, path));
  paths.add(name);
  return errors;
}

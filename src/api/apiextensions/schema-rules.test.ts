import assert from "node:assert/strict";
import { test } from "node:test";
import { errorsOnCreate } from "../definition-fixture.ts";
import type { JSONSchemaProps } from "../types.generated.ts";
import { CustomResourceDefinitions } from "./custom-resource-definition.ts";

/** What is wrong with a CRD of this schema; the paths begin at the schema. */
function errorsOf(schema: JSONSchemaProps, { hasStatus = false } = {}): string[] {
  const subresources = hasStatus ? { status: {} } : {};
  return errorsOnCreate(CustomResourceDefinitions, {
    metadata: { name: "widgets.example.com" },
    spec: {
      group: "example.com",
      scope: "Cluster",
      names: { plural: "widgets", kind: "Widget" },
      versions: [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema: schema }, subresources }],
    },
  }).map((error) => error.replaceAll("spec.validation.openAPIV3Schema", "$"));
}

/** A schema whose objects have this field. */
const withField = (field: JSONSchemaProps): JSONSchemaProps => ({ type: "object", properties: { f: field } });
const at = "$.properties[f]";

test("schemas are structural", () => {
  const table: [string, JSONSchemaProps, string[]][] = [
    [
      "a right one",
      {
        type: "object",
        properties: {
          port: { "x-kubernetes-int-or-string": true, anyOf: [{ type: "integer" }, { type: "string" }] },
          size: { allOf: [{ anyOf: [{ type: "integer" }, { type: "string" }] }], "x-kubernetes-int-or-string": true },
          any: { "x-kubernetes-preserve-unknown-fields": true },
          map: { type: "object", additionalProperties: { type: "string" } },
          metadata: { type: "object", properties: { name: { type: "string", maxLength: 10 } } },
        },
        oneOf: [{ required: ["port"] }, { properties: { map: { maxProperties: 1 } } }],
      },
      [],
    ],
    [
      "a condition on a field that is not there, by a name that every object inherits",
      { ...withField({ type: "string" }), anyOf: [{ properties: { valueOf: { minLength: 1 } } }] },
      ["$.properties[valueOf]: Required value: because it is defined in $.anyOf[0].properties[valueOf]"],
    ],
    ["no type at the root", {}, ["$.type: Required value: must not be empty at the root"]],
    [
      "no type of a field",
      withField({}),
      [`${at}.type: Required value: must not be empty for specified object fields`],
    ],
    [
      "no type of items",
      withField({ type: "array", items: {} }),
      [`${at}.items.type: Required value: must not be empty for specified array items`],
    ],
    ["a list of nothing", withField({ type: "array" }), [`${at}.items: Required value: must be specified`]],
    [
      "other fields at the root",
      { type: "object", additionalProperties: { type: "string" } },
      ["$.additionalProperties: Forbidden: must not be used at the root"],
    ],
    [
      "a nested type",
      withField({ type: "string", anyOf: [{ type: "string", minLength: 1 }], not: { description: "x", default: "x" } }),
      [
        `${at}.anyOf[0].type: Forbidden: must be empty to be structural`,
        `${at}.not.default: Forbidden: must be undefined to be structural`,
        `${at}.not.description: Forbidden: must be empty to be structural`,
      ],
    ],
    [
      "a field that is described nowhere",
      { type: "object", allOf: [{ properties: { g: { minLength: 1 } } }] },
      ["$.properties[g]: Required value: because it is defined in $.allOf[0].properties[g]"],
    ],
    [
      "embedded objects",
      withField({ "x-kubernetes-embedded-resource": true }),
      [
        `${at}.properties: Required value: must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields`,
        `${at}.type: Required value: must be object if x-kubernetes-embedded-resource is true`,
      ],
    ],
    [
      "fields that every object has",
      {
        type: "object",
        properties: { kind: { type: "integer" }, metadata: { type: "object", description: "x" } },
      },
      [
        '$.properties[kind].type: Invalid value: "integer": must be string',
        "$.properties[metadata]: Forbidden: must not specify anything other than name and generateName, but metadata is implicitly specified",
      ],
    ],
    [
      "a number or text that keeps fields",
      withField({ "x-kubernetes-int-or-string": true, "x-kubernetes-preserve-unknown-fields": true }),
      [
        `${at}.x-kubernetes-preserve-unknown-fields: Invalid value: true: must be false if x-kubernetes-int-or-string is true`,
      ],
    ],
    ["a form of patterns that only Go knows", withField({ type: "string", pattern: "(?i)^a\\z" }), []],
  ];
  for (const [name, schema, errors] of table) assert.deepEqual(errorsOf(schema), errors, name);
  assert.match(
    errorsOf(withField({ type: "string", pattern: "(" })).join(),
    /^\$\.properties\[f\]\.pattern: Invalid value: "\(": must be a valid regular expression, but isn't: error parsing regexp: /,
  );
});

test("schemas say only what the server understands", () => {
  const string: JSONSchemaProps = { type: "string" };
  const table: [string, JSONSchemaProps, string[]][] = [
    [
      "an unknown type",
      withField({ type: "text" }),
      [
        `${at}.type: Unsupported value: "text": supported values: "array", "boolean", "integer", "number", "object", "string"`,
      ],
    ],
    [
      "references",
      withField({ $ref: "#/definitions/a", patternProperties: { a: string }, id: "a" }),
      [
        `${at}.id: Forbidden: id is not supported`,
        `${at}.patternProperties: Forbidden: patternProperties is not supported`,
        `${at}.$ref: Forbidden: $ref is not supported`,
      ],
    ],
    [
      "another schema's language",
      { type: "object", $schema: "x" },
      ["$: Invalid value: \"\": OpenAPIV3Schema 'schema' is not supported"],
    ],
    [
      "a list of schemas",
      withField({ type: "array", items: [string] }),
      [`${at}.items: Forbidden: items must be a schema object and not an array`],
    ],
    [
      "unique items",
      withField({ type: "array", items: string, uniqueItems: true }),
      [
        `${at}.uniqueItems: Forbidden: uniqueItems cannot be set to true since the runtime complexity becomes quadratic`,
      ],
    ],
    [
      "fields by name and by any name",
      withField({ type: "object", properties: { a: string }, additionalProperties: string }),
      [`${at}.additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive`],
    ],
    [
      "null at the root",
      { type: "object", nullable: true },
      ["$.nullable: Forbidden: nullable cannot be true at the root"],
    ],
    [
      "fields that are not kept",
      withField({ type: "object", "x-kubernetes-preserve-unknown-fields": false }),
      [`${at}.x-kubernetes-preserve-unknown-fields: Invalid value: false: must be true or undefined`],
    ],
    [
      "a map that is none",
      withField({ type: "string", "x-kubernetes-map-type": "loose" }),
      [
        `${at}.type: Invalid value: "string": must be object if x-kubernetes-map-type is specified`,
        `${at}.x-kubernetes-map-type: Unsupported value: "loose": supported values: "atomic", "granular"`,
      ],
    ],
  ];
  for (const [name, schema, errors] of table) assert.deepEqual(errorsOf(schema), errors, name);
});

test("lists of sets and maps tell their items apart", () => {
  const item: JSONSchemaProps = { type: "object", properties: { name: { type: "string" }, ports: { type: "object" } } };
  const map = (keys: string[], items: JSONSchemaProps = item) =>
    withField({ type: "array", items, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": keys });
  const table: [string, JSONSchemaProps, string[]][] = [
    ["a right map", map(["name"], { ...item, required: ["name"] }), []],
    [
      "a list type of something else",
      withField({ type: "string", "x-kubernetes-list-type": "bag" }),
      [
        `${at}.type: Invalid value: "string": must be array if x-kubernetes-list-type is specified`,
        `${at}.x-kubernetes-list-type: Unsupported value: "bag": supported values: "atomic", "set", "map"`,
      ],
    ],
    [
      "a set of objects",
      withField({ type: "array", items: item, "x-kubernetes-list-type": "set" }),
      [
        `${at}.items.x-kubernetes-map-type: Invalid value: null: must be atomic as item of a list with x-kubernetes-list-type=set`,
      ],
    ],
    [
      "no keys",
      map([]),
      [`${at}.x-kubernetes-list-map-keys: Required value: must not be empty if x-kubernetes-list-type is map`],
    ],
    [
      "keys of no map",
      withField({ type: "array", items: item, "x-kubernetes-list-map-keys": ["name"] }),
      [`${at}.x-kubernetes-list-type: Required value: must be map if x-kubernetes-list-map-keys is non-empty`],
    ],
    [
      "keys that may be missing, are none, and come twice",
      map(["name", "name", "size", "ports"], { ...item, required: ["ports"], nullable: true }),
      [
        `${at}.x-kubernetes-list-map-keys: Invalid value: ["name","name","size","ports"]: must not contain duplicate entries`,
        `${at}.x-kubernetes-list-map-keys: Invalid value: ["name","name","size","ports"]: entries must all be names of item properties`,
        `${at}.items.properties[ports].type: Invalid value: "object": must be a scalar type if parent array's x-kubernetes-list-type is map`,
        `${at}.items.nullable: Forbidden: cannot be nullable when x-kubernetes-list-type is map`,
        `${at}.items.properties[name].default: Required value: this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property`,
        `${at}.items.properties[name].default: Required value: this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property`,
      ],
    ],
    [
      "a map of texts",
      map(["name"], { type: "string" }),
      [`${at}.items.type: Invalid value: "string": must be object if parent array's x-kubernetes-list-type is map`],
    ],
  ];
  for (const [name, schema, errors] of table) assert.deepEqual(errorsOf(schema), errors, name);
});

test("defaults are values of their schema", () => {
  const table: [string, JSONSchemaProps, string[]][] = [
    ["a right one", withField({ type: "object", properties: { a: { type: "string" } }, default: { a: "x" } }), []],
    [
      "an unknown field",
      withField({ type: "object", default: { b: 1 } }),
      [`${at}.default: Invalid value: {"b":1}: must not have unknown fields`],
    ],
    [
      "another type",
      withField({ type: "integer", default: "x" }),
      [`${at}.default: Invalid value: "string": ${at}.default in body must be of type integer: "string"`],
    ],
    [
      "a default of metadata",
      { type: "object", properties: { kind: { type: "string", default: "Widget" } } },
      ["$.properties[kind].default: Forbidden: must not be set in top-level kind"],
    ],
  ];
  for (const [name, schema, errors] of table) assert.deepEqual(errorsOf(schema), errors, name);
});

test("rules in CEL say what they have to", () => {
  const rule = (rule: NonNullable<JSONSchemaProps["x-kubernetes-validations"]>[number]) =>
    errorsOf({ ...withField({ type: "string" }), "x-kubernetes-validations": [rule] });
  const place = "$.x-kubernetes-validations[0]";
  assert.deepEqual(
    rule({ rule: "self.f != ''", message: "f is needed", fieldPath: ".f", reason: "FieldValueRequired" }),
    [],
  );
  assert.deepEqual(rule({ rule: " " }), [`${place}.rule: Required value: rule is not specified`]);
  assert.deepEqual(rule({ rule: "true\n&& true" }), [
    `${place}.message: Required value: message must be specified if rule contains line breaks`,
  ]);
  assert.deepEqual(
    rule({ rule: "true", message: "b\nc", messageExpression: " ", reason: "Because", fieldPath: ".g" }),
    [
      `${place}.message: Invalid value: "b\\nc": message must not contain line breaks`,
      `${place}.messageExpression: Required value: messageExpression must be non-empty if specified`,
      `${place}.reason: Unsupported value: "Because": supported values: "FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"`,
      `${place}.fieldPath: Invalid value: ".g": fieldPath must be a valid path`,
    ],
  );
});

test("where the status is written by itself, the root says nothing about fields together", () => {
  const schema: JSONSchemaProps = { ...withField({ type: "string" }), required: ["f"] };
  assert.deepEqual(errorsOf(schema, { hasStatus: true }), []);
  const [error = ""] = errorsOf({ ...schema, maxProperties: 3 }, { hasStatus: true });
  assert.match(
    error,
    /^\$: Invalid value: \{.*\}: only \[Description Type Format .* XPreserveUnknownFields XValidations\] fields are allowed at the root of the schema if the status subresource is enabled$/,
  );
});

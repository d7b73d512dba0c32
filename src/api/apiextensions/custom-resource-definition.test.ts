import assert from "node:assert/strict";
import { test } from "node:test";
import {
  created,
  errorsOnCreate,
  errorsOnStatusUpdate,
  errorsOnUpdate,
  type Partially,
} from "../definition-fixture.ts";
import type {
  CustomResourceConversion,
  CustomResourceDefinition,
  CustomResourceDefinitionSpec,
  CustomResourceDefinitionVersion,
} from "../types.generated.ts";
import { CustomResourceDefinitions } from "./custom-resource-definition.ts";

const version: Partially<CustomResourceDefinitionVersion> = {
  name: "v1",
  served: true,
  storage: true,
  schema: { openAPIV3Schema: { type: "object" } },
};
const other = { ...version, name: "v2", storage: false };

const definitionOf = (spec: Partially<CustomResourceDefinitionSpec> = {}): Partially<CustomResourceDefinition> => ({
  metadata: { name: "widgets.example.com" },
  spec: {
    group: "example.com",
    scope: "Namespaced",
    names: { plural: "widgets", kind: "Widget" },
    versions: [version],
    ...spec,
  },
});
const label1035 =
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";

test("names, conversion and the stored version are completed", () => {
  const { spec, status } = created(
    CustomResourceDefinitions,
    definitionOf({ conversion: { strategy: "Webhook", webhook: { clientConfig: { service: { name: "a" } } } } }),
  );
  assert.deepEqual(spec.names, { plural: "widgets", singular: "widget", kind: "Widget", listKind: "WidgetList" });
  assert.equal(spec.conversion?.webhook?.clientConfig?.service?.port, 443);
  assert.deepEqual(created(CustomResourceDefinitions, definitionOf()).spec.conversion, { strategy: "None" });
  assert.deepEqual(status.storedVersions, ["v1"]);
});

test("wrong definitions are refused with Kubernetes' words", () => {
  const table: [string, Partially<CustomResourceDefinition>, string[]][] = [
    ["a right one", definitionOf({ versions: [version, other] }), []],
    [
      "a name that is not of its plural and group",
      { ...definitionOf(), metadata: { name: "gadgets.example.com" } },
      ['metadata.name: Invalid value: "gadgets.example.com": must be spec.names.plural+"."+spec.group'],
    ],
    [
      "a group without a dot",
      { ...definitionOf({ group: "example" }), metadata: { name: "widgets.example" } },
      ['spec.group: Invalid value: "example": should be a domain with at least one dot'],
    ],
    [
      "an unknown scope",
      definitionOf({ scope: "Global" }),
      ['spec.scope: Unsupported value: "Global": supported values: "Cluster", "Namespaced"'],
    ],
    [
      "no kind",
      definitionOf({ names: { plural: "widgets" } }),
      ["spec.names.singular: Required value", "spec.names.kind: Required value", "spec.names.listKind: Required value"],
    ],
    [
      "names that are no labels",
      definitionOf({
        names: { plural: "widgets", singular: "Widget", kind: "My_Widget", shortNames: ["W"], categories: ["All"] },
      }),
      [
        `spec.names.singular: Invalid value: "Widget": ${label1035}`,
        `spec.names.kind: Invalid value: "My_Widget": may have mixed case, but should otherwise match: ${label1035}`,
        `spec.names.listKind: Invalid value: "My_WidgetList": may have mixed case, but should otherwise match: ${label1035}`,
        `spec.names.shortNames[0]: Invalid value: "W": ${label1035}`,
        `spec.names.categories[0]: Invalid value: "All": ${label1035}`,
      ],
    ],
    [
      "a kind like its list",
      definitionOf({ names: { plural: "widgets", kind: "Widget", listKind: "Widget" } }),
      ['spec.names.listKind: Invalid value: "Widget": kind and listKind may not be the same'],
    ],
    [
      "no schema",
      definitionOf({ versions: [{ name: "v1", storage: true }] }),
      ["spec.versions[0].schema.openAPIV3Schema: Required value: schemas are required"],
    ],
    [
      "unknown fields kept everywhere",
      definitionOf({ preserveUnknownFields: true }),
      [
        "spec.preserveUnknownFields: Invalid value: true: cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead",
      ],
    ],
    [
      "a warning for a version that is not deprecated",
      definitionOf({ versions: [{ ...version, deprecationWarning: "old" }] }),
      ['spec.versions[0].deprecationWarning: Invalid value: "old": can only be set for deprecated versions'],
    ],
    [
      "a version that is no label",
      definitionOf({ versions: [{ ...version, name: "V1" }] }),
      [`spec.versions[0].name: Invalid value: "V1": ${label1035}`, `spec.version: Invalid value: "V1": ${label1035}`],
    ],
  ];
  for (const [name, definition, errors] of table)
    assert.deepEqual(errorsOnCreate(CustomResourceDefinitions, definition), errors, name);
});

test("exactly one version is stored, and each has a name of its own", () => {
  const messages = (versions: Partially<CustomResourceDefinitionVersion>[]) =>
    errorsOnCreate(CustomResourceDefinitions, definitionOf({ versions })).map((error) =>
      error.replace(/\[\{.*\}\]/, "…"),
    );
  const oneStored = "spec.versions: Invalid value: …: must have exactly one version marked as storage version";
  assert.deepEqual(messages([version, { ...other, storage: true }]), [
    oneStored,
    'status.storedVersions: Invalid value: ["v1"]: must have the storage version v2',
  ]);
  assert.deepEqual(messages([other]), [
    oneStored,
    "status.storedVersions: Invalid value: []: must have at least one stored version",
  ]);
  assert.deepEqual(messages([version, { ...version, storage: false }]), [
    "spec.versions: Invalid value: …: must contain unique version names",
  ]);
});

test("parts that all versions share are named outside of them in errors", () => {
  const bad = { openAPIV3Schema: { type: "array", items: { type: "string" } } };
  const column = { name: "Age", type: "time", jsonPath: "age" };
  const versions = [
    { ...version, schema: bad, additionalPrinterColumns: [column] },
    { ...other, schema: bad, additionalPrinterColumns: [column] },
  ];
  assert.deepEqual(errorsOnCreate(CustomResourceDefinitions, definitionOf({ versions })), [
    'spec.validation.openAPIV3Schema.type: Invalid value: "array": must be object at the root',
    'spec.additionalPrinterColumns[0].type: Invalid value: "time": must be one of boolean,date,integer,number,string',
    'spec.additionalPrinterColumns[0].JSONPath: Invalid value: "age": must be a simple json path starting with .',
  ]);
  assert.deepEqual(errorsOnCreate(CustomResourceDefinitions, definitionOf({ versions: [versions[0] ?? {}, other] })), [
    'spec.versions[0].schema.openAPIV3Schema.type: Invalid value: "array": must be object at the root',
    'spec.versions[0].additionalPrinterColumns[0].type: Invalid value: "time": must be one of boolean,date,integer,number,string',
    'spec.versions[0].additionalPrinterColumns[0].JSONPath: Invalid value: "age": must be a simple json path starting with .',
  ]);
});

test("wrong columns and subresources are refused", () => {
  const withScale = (scale: object) => definitionOf({ versions: [{ ...version, subresources: { scale } }] });
  const table: [Partially<CustomResourceDefinition>, string[]][] = [
    [
      definitionOf({ versions: [{ ...version, additionalPrinterColumns: [{ format: "long" }] }] }),
      [
        "spec.additionalPrinterColumns[0].name: Required value",
        "spec.additionalPrinterColumns[0].type: Required value: must be one of boolean,date,integer,number,string",
        'spec.additionalPrinterColumns[0].format: Invalid value: "long": must be one of byte,date,date-time,double,float,int32,int64,password',
        "spec.additionalPrinterColumns[0].JSONPath: Required value",
      ],
    ],
    [
      withScale({}),
      [
        "spec.subresources.scale.specReplicasPath: Required value",
        "spec.subresources.scale.statusReplicasPath: Required value",
      ],
    ],
    [
      withScale({ specReplicasPath: "spec.replicas", statusReplicasPath: ".spec.replicas", labelSelectorPath: ".x" }),
      [
        'spec.subresources.scale.specReplicasPath: Invalid value: "spec.replicas": must be a simple json path starting with .',
        'spec.subresources.scale.statusReplicasPath: Invalid value: ".spec.replicas": should be a json path under .status',
        'spec.subresources.scale.labelSelectorPath: Invalid value: ".x": should be a json path under either .spec or .status',
      ],
    ],
    [withScale({ specReplicasPath: ".spec.replicas", statusReplicasPath: ".status.replicas" }), []],
  ];
  for (const [definition, errors] of table)
    assert.deepEqual(errorsOnCreate(CustomResourceDefinitions, definition), errors);
});

test("selectable fields lead to values of the schema", () => {
  const schema = {
    openAPIV3Schema: {
      type: "object",
      properties: {
        metadata: { type: "object", properties: { name: { type: "string" } } },
        spec: { type: "object", properties: { color: { type: "string" }, parts: { type: "object" } } },
      },
    },
  };
  const withFields = (...paths: string[]) =>
    errorsOnCreate(
      CustomResourceDefinitions,
      definitionOf({ versions: [{ ...version, schema, selectableFields: paths.map((jsonPath) => ({ jsonPath })) }] }),
    );
  const at = "spec.selectableFields";
  assert.deepEqual(withFields(".spec.color"), []);
  assert.deepEqual(withFields("", ".spec.size", "spec", ".spec['color']", ".metadata.name", ".spec.parts"), [
    `${at}[0].jsonPath: Required value`,
    `${at}[1].jsonPath: Invalid value: ".spec.size": is an invalid path: does not refer to a valid field`,
    `${at}[2].jsonPath: Invalid value: "spec": is an invalid path: expected [ or . but got: spec`,
    `${at}[3].jsonPath: Invalid value: ".spec['color']": is an invalid path: array notation is not allowed`,
    `${at}[4].jsonPath: Invalid value: ".metadata.name": must not point to fields in metadata`,
    `${at}[5].jsonPath: Invalid value: ".spec.parts": must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.`,
  ]);
  assert.deepEqual(withFields(".spec.color", ".spec.color"), [`${at}[1].jsonPath: Duplicate value: ".spec.color"`]);
});

test("a conversion webhook can be reached and understands the server", () => {
  const client = { url: "https://example.com/convert" };
  const table: [Partially<CustomResourceConversion>, string[]][] = [
    [{ strategy: "Webhook", webhook: { clientConfig: client, conversionReviewVersions: ["v1"] } }, []],
    [
      { strategy: "Webhook" },
      [
        "spec.conversion.webhookClientConfig: Required value: required when strategy is set to Webhook",
        "spec.conversion.conversionReviewVersions: Required value",
      ],
    ],
    [
      { strategy: "Webhook", webhook: { clientConfig: {}, conversionReviewVersions: ["v2", "v2"] } },
      [
        "spec.conversion.webhookClientConfig: Required value: exactly one of url or service is required",
        'spec.conversion.conversionReviewVersions[1]: Invalid value: "v2": duplicate version',
        'spec.conversion.conversionReviewVersions: Invalid value: ["v2","v2"]: must include at least one of v1, v1beta1',
      ],
    ],
    [
      { strategy: "None", webhook: { clientConfig: client, conversionReviewVersions: ["v1"] } },
      [
        "spec.conversion.webhookClientConfig: Forbidden: should not be set when strategy is not set to Webhook",
        "spec.conversion.conversionReviewVersions: Forbidden: should not be set when strategy is not set to Webhook",
      ],
    ],
    [
      { strategy: "Magic" },
      ['spec.conversion.strategy: Unsupported value: "Magic": supported values: "None", "Webhook"'],
    ],
  ];
  for (const [conversion, errors] of table)
    assert.deepEqual(errorsOnCreate(CustomResourceDefinitions, definitionOf({ conversion })), errors);
});

test("groups of Kubernetes need its approval", () => {
  const approvalErrors = (annotations: Record<string, string>) =>
    errorsOnCreate(CustomResourceDefinitions, {
      ...definitionOf({ group: "example.k8s.io" }),
      metadata: { name: "widgets.example.k8s.io", annotations },
    });
  const at = "metadata.annotations[api-approved.kubernetes.io]";
  const link = "see https://github.com/kubernetes/enhancements/pull/1111";
  assert.deepEqual(approvalErrors({}), [
    `${at}: Required value: protected groups must have approval annotation "api-approved.kubernetes.io", ${link}`,
  ]);
  assert.deepEqual(approvalErrors({ "api-approved.kubernetes.io": "yes" }), [
    `${at}: Invalid value: "yes": protected groups must have approval annotation "api-approved.kubernetes.io" with either a URL or a reason starting with "unapproved", ${link}`,
  ]);
  assert.deepEqual(approvalErrors({ "api-approved.kubernetes.io": "unapproved, an experiment" }), []);
  assert.deepEqual(approvalErrors({ "api-approved.kubernetes.io": "https://example.com/pull/1" }), []);
});

test("what objects are stored under stays", () => {
  const change = (established: boolean) =>
    errorsOnUpdate(
      CustomResourceDefinitions,
      {
        ...definitionOf(),
        status: { conditions: established ? [{ type: "Established", status: "True" }] : [] },
      },
      ({ spec }) => {
        spec.scope = "Cluster";
        spec.names.kind = "Gadget";
        spec.group = "example.org";
        spec.names.plural = "gadgets";
      },
    ).filter((error) => !error.startsWith("metadata.name"));
  const always = [
    'spec.group: Invalid value: "example.org": field is immutable',
    'spec.names.plural: Invalid value: "gadgets": field is immutable',
  ];
  assert.deepEqual(change(false), always);
  assert.deepEqual(change(true), [
    'spec.scope: Invalid value: "Cluster": field is immutable',
    'spec.names.kind: Invalid value: "Gadget": field is immutable',
    ...always,
  ]);
});

test("a version that objects may be stored in cannot go", () => {
  const errors = errorsOnUpdate(CustomResourceDefinitions, definitionOf(), ({ spec }) => {
    spec.versions = [{ name: "v2", served: true, storage: true, schema: { openAPIV3Schema: { type: "object" } } }];
  });
  assert.deepEqual(errors, [
    'status.storedVersions[0]: Invalid value: "v1": missing from spec.versions; v1 was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in v1 and removes v1 from status.storedVersions',
  ]);
});

test("accepted names are names", () => {
  const errors = errorsOnStatusUpdate(CustomResourceDefinitions, definitionOf(), ({ status }) => {
    status.acceptedNames = { plural: "Widgets", kind: "Widget" };
  });
  assert.deepEqual(errors, [`status.acceptedNames.plural: Invalid value: "Widgets": ${label1035}`]);
});

test("a format of a text that the server does not know brings a warning, once", () => {
  const withFormats = (...formats: string[]) => {
    const properties = Object.fromEntries(
      formats.map((format, index) => [`f${index}`, { type: format.startsWith("int") ? "integer" : "string", format }]),
    );
    return created(
      CustomResourceDefinitions,
      definitionOf({ versions: [{ ...version, schema: { openAPIV3Schema: { type: "object", properties } } }] }),
    );
  };
  const old = withFormats("phone");
  const warnings = (next: CustomResourceDefinition, before?: CustomResourceDefinition) =>
    CustomResourceDefinitions.warnings?.(next, before);
  assert.deepEqual(warnings(withFormats("int64", "date-time", "uuid", "phone")), ['unrecognized format "phone"']);
  assert.deepEqual(warnings(withFormats("phone", "colour"), old), ['unrecognized format "colour"']);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { errorsOnCreate, type Partially } from "../definition-fixture.ts";
import { fieldErrorBody } from "../meta/api-error.ts";
import { rootPath } from "../meta/field-error.ts";
import type { ResourceAttributes, SelfSubjectAccessReview } from "../types.generated.ts";
import { LocalSubjectAccessReviews } from "./local-subject-access-review.ts";
import { SelfSubjectAccessReviews } from "./self-subject-access-review.ts";

const errorsAbout = (resourceAttributes: Partially<ResourceAttributes>) =>
  // What is left out here, the decoder leaves out too.
  SelfSubjectAccessReviews.validate?.(
    { metadata: {}, spec: { resourceAttributes } } as SelfSubjectAccessReview,
    rootPath,
  ).map((error) => `${error.field}: ${fieldErrorBody(error)}`);

test("selectors of a review are wrong in Kubernetes' words", () => {
  const at = "spec.resourceAttributes";
  const table: [Partially<ResourceAttributes>, string[]][] = [
    [{ verb: "list", resource: "pods", fieldSelector: { rawSelector: "a=b" } }, []],
    [
      { fieldSelector: {} },
      [
        `${at}.fieldSelector.requirements: Required value: when ${at}.fieldSelector is specified, requirements or rawSelector is required`,
      ],
    ],
    [
      { fieldSelector: { rawSelector: "a", requirements: [{ key: "", operator: "In" }] } },
      [
        `${at}.fieldSelector.rawSelector: Invalid value: "a": may not specified at the same time as requirements`,
        `${at}.fieldSelector.requirements[0].values: Required value: must be specified when \`operator\` is 'In' or 'NotIn'`,
        `${at}.fieldSelector.requirements[0].key: Required value: must be specified`,
      ],
    ],
    [
      { labelSelector: { requirements: [{ key: "a", operator: "Exists", values: ["b"] }] } },
      [
        `${at}.labelSelector.requirements[0].values: Forbidden: may not be specified when \`operator\` is 'Exists' or 'DoesNotExist'`,
      ],
    ],
    [{ labelSelector: { requirements: [{ key: "a", operator: "FromTheFuture" }] } }, []],
  ];
  for (const [attributes, errors] of table) assert.deepEqual(errorsAbout(attributes), errors);
});

test("a local review is about its namespace, and about resources", () => {
  const spec = { user: "jane", nonResourceAttributes: { path: "/" } };
  assert.deepEqual(errorsOnCreate(LocalSubjectAccessReviews, { metadata: { uid: "u1" }, spec }), [
    'metadata: Invalid value: {"name":"one","namespace":"default","uid":"u1"}: must be empty except for namespace',
    'spec.nonResourceAttributes: Invalid value: {"Path":"/","Verb":""}: disallowed on this kind of request',
  ]);
});

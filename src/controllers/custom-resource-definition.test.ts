import assert from "node:assert/strict";
import { test } from "node:test";
import { startTestControlPlane } from "../../test/control-plane.ts";
import {
  type CustomResourceDefinition,
  CustomResourceDefinitions,
  type KubeObject,
  type ResourceReference,
} from "../api/index.ts";

const controllers = ["customresourcedefinition"];

interface Widget extends KubeObject {
  readonly spec?: { readonly size?: number };
}

const Widgets: ResourceReference<Widget> = {
  group: "example.com",
  version: "v1",
  kind: "Widget",
  plural: "widgets",
  namespaced: true,
};

const schema = {
  openAPIV3Schema: {
    type: "object",
    properties: { spec: { type: "object", properties: { size: { type: "integer" } } } },
  },
};

function definition(names: object = {}, plural = "widgets") {
  return {
    metadata: { name: `${plural}.example.com` },
    spec: {
      group: "example.com",
      scope: "Namespaced",
      names: { plural, kind: "Widget", singular: "widget", listKind: "WidgetList", ...names },
      versions: [{ name: "v1", served: true, storage: true, schema }],
    },
  };
}

const widget = (name: string, metadata: object = {}) => ({
  apiVersion: "example.com/v1",
  kind: "Widget",
  metadata: { name, namespace: "default", ...metadata },
  spec: { size: 3 },
});

const conditions = ({ status }: CustomResourceDefinition) =>
  Object.fromEntries(
    (status.conditions ?? []).map((each) => [each.type, `${each.status} ${each.reason} ${each.message}`]),
  );

test("a definition is established, and its kind is served", async (t) => {
  const { client, create, rest } = await startTestControlPlane(t, { controllers });
  await create(CustomResourceDefinitions, definition({ shortNames: ["wd"], categories: ["all"] }));
  await rest();
  const crd = await client.get(CustomResourceDefinitions, { name: "widgets.example.com" });
  assert.deepEqual(conditions(crd), {
    NamesAccepted: "True NoConflicts no conflicts found",
    Established: "True InitialNamesAccepted the initial names have been accepted",
  });
  assert.deepEqual(crd.status.acceptedNames, crd.spec.names);
  assert.deepEqual(crd.status.storedVersions, ["v1"]);
  const made = await client.create(Widgets, widget("a"));
  assert.equal(made.metadata.generation, 1);
  assert.deepEqual((await client.list(Widgets)).items, [made]);
});

test("names that another definition of the group has are not accepted until that one goes", async (t) => {
  const { client, create, rest } = await startTestControlPlane(t, { controllers });
  await create(CustomResourceDefinitions, definition({ shortNames: ["wd"] }));
  await rest();
  await create(
    CustomResourceDefinitions,
    definition(
      { kind: "Gadget", listKind: "GadgetList", singular: "widget", shortNames: ["wd", "widgets"] },
      "gadgets",
    ),
  );
  await rest();
  const second = { name: "gadgets.example.com" };
  const refused = await client.get(CustomResourceDefinitions, second);
  assert.deepEqual(conditions(refused), {
    NamesAccepted: 'False ShortNamesConflict ["wd" is already in use, "widgets" is already in use]',
    Established: "False NotAccepted not all names are accepted",
  });
  assert.deepEqual(refused.status.acceptedNames, { plural: "gadgets", kind: "Gadget", listKind: "GadgetList" });
  await client.delete(CustomResourceDefinitions, { name: "widgets.example.com" });
  await rest();
  const accepted = await client.get(CustomResourceDefinitions, second);
  assert.equal(conditions(accepted).Established, "True InitialNamesAccepted the initial names have been accepted");
  assert.deepEqual(accepted.status.acceptedNames, accepted.spec.names);
});

test("the objects of a kind are deleted before its definition goes, and no new ones are made meanwhile", async (t) => {
  const { client, create, rest } = await startTestControlPlane(t, { controllers });
  await create(CustomResourceDefinitions, definition());
  await rest();
  await client.create(Widgets, widget("free"));
  await client.create(Widgets, widget("held", { finalizers: ["example.com/hold"] }));
  await client.delete(CustomResourceDefinitions, { name: "widgets.example.com" });
  const marked = await client.get(CustomResourceDefinitions, { name: "widgets.example.com" });
  assert.deepEqual(marked.metadata.finalizers, ["customresourcecleanup.apiextensions.k8s.io"]);
  assert.match(conditions(marked).Terminating ?? "", /^True InstanceDeletionPending /);
  const { deletionGracePeriodSeconds, generation } = marked.metadata;
  assert.deepEqual([deletionGracePeriodSeconds, generation], [undefined, 1]);
  await rest();
  const going = await client.get(CustomResourceDefinitions, { name: "widgets.example.com" });
  assert.equal(conditions(going).Terminating, "True InstanceDeletionInProgress CustomResource deletion is in progress");
  assert.deepEqual(
    (await client.list(Widgets)).items.map(({ metadata }) => metadata.name),
    ["held"],
  );
  await assert.rejects(client.create(Widgets, widget("late")), {
    code: 405,
    message: "create not allowed while custom resource definition is terminating",
  });
  await client.patch(Widgets, { namespace: "default", name: "held" }, { metadata: { finalizers: null } });
  await rest(2_000);
  await assert.rejects(client.get(CustomResourceDefinitions, { name: "widgets.example.com" }), { code: 404 });
  await assert.rejects(client.list(Widgets), { code: 404 });
});

test("objects of a kind that is served in no version are deleted too", async (t) => {
  const { client, create, rest } = await startTestControlPlane(t, { controllers });
  await create(CustomResourceDefinitions, definition());
  await rest();
  await client.create(Widgets, widget("a"));
  const key = { name: "widgets.example.com" };
  await client.patch(
    CustomResourceDefinitions,
    key,
    [{ op: "replace", path: "/spec/versions/0/served", value: false }],
    {
      type: "application/json-patch+json",
    },
  );
  await rest();
  await assert.rejects(client.list(Widgets), { code: 404 });
  await client.delete(CustomResourceDefinitions, key);
  await rest(2_000);
  await assert.rejects(client.get(CustomResourceDefinitions, key), { code: 404 });
  await create(CustomResourceDefinitions, definition());
  await rest();
  assert.deepEqual((await client.list(Widgets)).items, []);
});

test("an object of an earlier definition of the same name does not come back", async (t) => {
  const { client, create, rest } = await startTestControlPlane(t, { controllers });
  for (const expected of [[], []]) {
    await create(CustomResourceDefinitions, definition());
    await rest();
    assert.deepEqual((await client.list(Widgets)).items, expected);
    await client.create(Widgets, widget("a"));
    await client.delete(CustomResourceDefinitions, { name: "widgets.example.com" });
    await rest(2_000);
  }
});

test("a group of Kubernetes is told whether its community agreed", async (t) => {
  const { client, create, rest } = await startTestControlPlane(t, { controllers });
  const { metadata: _, spec } = definition();
  await create(CustomResourceDefinitions, {
    metadata: { name: "widgets.example.k8s.io", annotations: { "api-approved.kubernetes.io": "unapproved, a test" } },
    spec: { ...spec, group: "example.k8s.io" },
  });
  await rest();
  const crd = await client.get(CustomResourceDefinitions, { name: "widgets.example.k8s.io" });
  assert.equal(
    conditions(crd).KubernetesAPIApprovalPolicyConformant,
    'False UnapprovedAnnotation not approved: "unapproved, a test"',
  );
});

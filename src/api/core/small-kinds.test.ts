// The core kinds that have a column or a rule of their own and little more.
import assert from "node:assert/strict";
import { test } from "node:test";
import { cells, created, errorsOnCreate } from "../definition-fixture.ts";
import { Bindings } from "./binding.ts";
import { ComponentStatuses } from "./component-status.ts";
import { PodTemplates } from "./pod-template.ts";
import { ServiceAccounts } from "./service-account.ts";

const metadata = { name: "one", creationTimestamp: "2024-12-31T23:59:00Z" };

test("the annotation that limits the secrets of a service account has no future", () => {
  const marked = created(ServiceAccounts, {
    metadata: { annotations: { "kubernetes.io/enforce-mountable-secrets": "true" } },
  });
  assert.deepEqual(ServiceAccounts.warnings?.(marked, undefined), [
    "metadata.annotations[kubernetes.io/enforce-mountable-secrets]: deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets",
  ]);
  assert.deepEqual(ServiceAccounts.warnings?.(marked, marked), []);
});

test("a pod template is validated as what it is a template of", () => {
  assert.deepEqual(errorsOnCreate(PodTemplates, {}), ["template.spec.containers: Required value"]);
  const template = { metadata: { labels: { app: "web" } }, spec: { containers: [{ name: "main", image: "web:1" }] } };
  assert.deepEqual(errorsOnCreate(PodTemplates, { template }), []);
  assert.deepEqual(cells(PodTemplates, { metadata, template }), {
    Name: "one",
    Containers: "main",
    Images: "web:1",
    "Pod Labels": "app=web",
  });
});

test("a pod is bound to a node", () => {
  assert.deepEqual(errorsOnCreate(Bindings, { target: { kind: "Node", name: "a" } }), []);
  assert.deepEqual(errorsOnCreate(Bindings, { target: { kind: "Pod" } }), [
    'target.kind: Unsupported value: "Pod": supported values: "Node", "<empty>"',
    "target.name: Required value",
  ]);
});

test("the row of a component says how it is", () => {
  const health = { type: "Healthy", status: "True", message: "ok" };
  assert.deepEqual(cells(ComponentStatuses, { metadata, conditions: [health] }), {
    Name: "one",
    Status: "Healthy",
    Message: "ok",
    Error: "",
  });
  assert.equal(cells(ComponentStatuses, { metadata }).Status, "Unknown");
});

test("of the secrets of a service account only the names are kept", () => {
  const secrets = [{ kind: "Secret", namespace: "other", name: "token" }];
  assert.deepEqual(created(ServiceAccounts, { secrets }).secrets, [{ name: "token" }]);
});

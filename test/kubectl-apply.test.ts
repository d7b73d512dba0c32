// The machine's kubectl and the owners of fields: server-side apply, its conflicts, diff, and the way from kubectl's own
// apply to the server's.
import assert from "node:assert/strict";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { Deployment, ManagedFieldsEntry } from "../src/api/index.ts";
import { aroundTests } from "./around-tests.ts";
import { type Kubectl, kubectlOf } from "./kubectl.ts";
import { type ServedControlPlane, serveControlPlane } from "./served-control-plane.ts";

let plane: ServedControlPlane;
let kubectl: Kubectl;
aroundTests(
  async () => {
    plane = await serveControlPlane();
    kubectl = kubectlOf(plane);
  },
  () => plane.close(),
);

/** What it prints; it must succeed. */
const applyServerSide = (manifest: string, ...flags: readonly string[]) =>
  kubectl.given(manifest, "apply", "--server-side", ...flags);
/** What becomes of it. */
const serverSideOutcome = (manifest: string, ...flags: readonly string[]) =>
  kubectl.outcome(["apply", "--server-side", ...flags, "-f", "-"], manifest);

const manifest = (name: string, { replicas, image = "nginx:1" }: { replicas?: number; image?: string } = {}) => `
apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name}, labels: { app: ${name} } }
spec:
  ${replicas === undefined ? "" : `replicas: ${replicas}`}
  selector: { matchLabels: { app: ${name} } }
  template:
    metadata: { labels: { app: ${name} } }
    spec: { containers: [{ name: c, image: "${image}" }] }
`;

async function get(name: string): Promise<Deployment> {
  return JSON.parse(await kubectl("get", "deployment", name, "-o", "json", "--show-managed-fields"));
}

/** The managers of a deployment but for the controller, as `name operation subresource`. */
async function managers(name: string): Promise<readonly string[]> {
  const entries: readonly ManagedFieldsEntry[] = (await get(name)).metadata.managedFields ?? [];
  return entries
    .filter(({ manager }) => manager !== "kube-controller-manager")
    .map(({ manager, operation, subresource }) => [manager, operation, subresource].filter(Boolean).join(" "))
    .sort();
}

test("kubectl apply --server-side creates, changes, and meets conflicts that --force-conflicts overrules", async () => {
  assert.equal(await applyServerSide(manifest("web", { replicas: 1 })), "deployment.apps/web serverside-applied\n");
  assert.deepEqual(await managers("web"), ["kubectl Apply"]);
  const { metadata } = await get("web");
  assert.equal(await applyServerSide(manifest("web", { replicas: 1 })), "deployment.apps/web serverside-applied\n");
  assert.equal((await get("web")).metadata.generation, metadata.generation);

  await kubectl("scale", "deployment", "web", "--replicas=2");
  assert.deepEqual(await managers("web"), ["kubectl Apply", "kubectl Update scale"]);
  const refused = await serverSideOutcome(manifest("web", { replicas: 1 }));
  assert.equal(refused.code, 1);
  assert.match(
    refused.stderr,
    /^error: Apply failed with 1 conflict: conflict with "kubectl" with subresource "scale" using apps\/v1: \.spec\.replicas\n/,
  );
  await applyServerSide(manifest("web", { replicas: 1 }), "--force-conflicts");
  assert.deepEqual(await managers("web"), ["kubectl Apply"]);
  assert.equal((await get("web")).spec.replicas, 1);

  // Two who apply the same share it; what one lets go stays with the other.
  await applyServerSide(manifest("web", { replicas: 1 }), "--field-manager=other");
  await applyServerSide(manifest("web"));
  assert.equal((await get("web")).spec.replicas, 1);
  assert.deepEqual(await managers("web"), ["kubectl Apply", "other Apply"]);
});

test("every command writes under its manager, or the one that it is told", async () => {
  await kubectl.given(manifest("named"), "create", "--field-manager=maker");
  await kubectl("label", "deployment", "named", "tier=web");
  await kubectl("annotate", "deployment", "named", "note=x", "--field-manager=noter");
  await kubectl("set", "image", "deployment/named", "c=nginx:2", "--field-manager=imager");
  await kubectl("scale", "deployment", "named", "--replicas=3");
  await kubectl("patch", "deployment", "named", "-p", '{"spec":{"minReadySeconds":1}}', "--field-manager=patcher");
  const editor = join(plane.directory, "edit");
  writeFileSync(editor, "#!/bin/sh\nsed -i 's/revisionHistoryLimit: 10/revisionHistoryLimit: 4/' \"$1\"\n");
  chmodSync(editor, 0o755);
  await kubectl.outcome(["edit", "deployment", "named", "--field-manager=hand"], "", { KUBE_EDITOR: editor });
  assert.deepEqual(await managers("named"), [
    "hand Update",
    "imager Update",
    "kubectl Update scale",
    "kubectl-label Update",
    "maker Update",
    "noter Update",
    "patcher Update",
  ]);
  const object = await get("named");
  const manager = (name: string) => object.metadata.managedFields?.find((each) => each.manager === name)?.fieldsV1;
  assert.deepEqual(manager("hand"), { "f:spec": { "f:revisionHistoryLimit": {} } });
  assert.deepEqual(manager("imager"), {
    "f:spec": { "f:template": { "f:spec": { "f:containers": { 'k:{"name":"c"}': { "f:image": {} } } } } },
  });
  const replace = async () => {
    const { spec, ...rest } = await get("named");
    const replaced = JSON.stringify({ ...rest, spec: { ...spec, progressDeadlineSeconds: 60 } });
    return kubectl.outcome(["replace", "--field-manager=replacer", "-f", "-"], replaced);
  };
  let outcome = await replace();
  // The deployment's controller may have written its status between reading and replacing.
  for (let tries = 1; tries < 10 && outcome.stderr.includes("the object has been modified"); tries++)
    outcome = await replace();
  assert.equal(outcome.code, 0, outcome.stderr);
  assert.ok((await managers("named")).includes("replacer Update"));
});

test("kubectl diff shows what either way to apply would change, and who has a conflict", async () => {
  for (const [name, ...flags] of [["diffed-there"], ["diffed", "--server-side"]] as const) {
    await kubectl.given(manifest(name, { replicas: 1 }), "apply", ...flags);
    const same = await kubectl.outcome(["diff", ...flags, "-f", "-"], manifest(name, { replicas: 1 }));
    assert.equal(same.code, 0, same.stdout + same.stderr);
    const different = await kubectl.outcome(["diff", ...flags, "-f", "-"], manifest(name, { replicas: 3 }));
    assert.equal(different.code, 1, different.stderr);
    assert.match(different.stdout, /\n- {2}replicas: 1\n\+ {2}replicas: 3\n/);
  }
  await kubectl("scale", "deployment", "diffed", "--replicas=2");
  const conflict = await kubectl.outcome(["diff", "--server-side", "-f", "-"], manifest("diffed", { replicas: 3 }));
  assert.ok(conflict.code > 1);
  assert.match(conflict.stderr, /conflict with "kubectl" with subresource "scale" using apps\/v1: \.spec\.replicas/);
  assert.equal((await get("diffed")).spec.replicas, 2);
});

test("an object goes over from kubectl's own apply to the server's, and back", async () => {
  await kubectl.given(manifest("moved", { replicas: 1 }), "apply");
  assert.deepEqual(await managers("moved"), ["kubectl-client-side-apply Update"]);
  assert.match(await kubectl("apply", "view-last-applied", "deployment", "moved"), /replicas: 1\n/);
  // What its annotation names is kubectl's already: no conflict.
  await applyServerSide(manifest("moved", { replicas: 2, image: "nginx:2" }));
  // kubectl applies its annotation apart, so that it stays.
  assert.deepEqual(await managers("moved"), ["kubectl Apply", "kubectl-last-applied Apply"]);
  const moved = await get("moved");
  assert.equal(moved.spec.replicas, 2);
  assert.match(await kubectl("apply", "view-last-applied", "deployment", "moved"), /replicas: 2\n/);
  // A field that is let go on the server goes with the next apply.
  await applyServerSide(manifest("moved", { image: "nginx:2" }));
  assert.equal((await get("moved")).spec.replicas, 1);
  await kubectl.given(manifest("moved", { replicas: 4, image: "nginx:3" }), "apply");
  const back = await get("moved");
  assert.equal(back.spec.replicas, 4);
  assert.equal(back.spec.template.spec?.containers[0]?.image, "nginx:3");
});

test("a manifest that does not fit is told as the server tells it", async () => {
  const wrong = manifest("wrong").replace("spec:", "spec:\n  what: 1");
  const { code, stderr } = await serverSideOutcome(wrong, "--validate=false");
  assert.equal(code, 1);
  assert.match(
    stderr,
    /failed to create typed patch object \(default\/wrong; apps\/v1, Kind=Deployment\): \.spec\.what: field not declared in schema/,
  );
});

const widgets = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: widgets.example.com }
spec:
  group: example.com
  scope: Namespaced
  names: { kind: Widget, plural: widgets }
  versions:
    - name: v1
      served: true
      storage: true
      subresources:
        status: {}
        scale: { specReplicasPath: .spec.count, statusReplicasPath: .status.count }
      schema:
        openAPIV3Schema:
          type: object
          properties:
            status: { type: object, properties: { count: { type: integer } } }
            spec:
              type: object
              properties:
                count: { type: integer }
                size: { x-kubernetes-int-or-string: true }
                open: { type: object, x-kubernetes-preserve-unknown-fields: true }
                template: { type: object, x-kubernetes-embedded-resource: true, x-kubernetes-preserve-unknown-fields: true }
                parts:
                  type: array
                  x-kubernetes-list-type: map
                  x-kubernetes-list-map-keys: [id]
                  items: { type: object, required: [id], properties: { id: { type: string }, note: { type: string } } }
                tags: { type: array, x-kubernetes-list-type: set, items: { type: string } }
                whole: { type: object, x-kubernetes-map-type: atomic, additionalProperties: { type: string } }
`;

const widget = (spec: object, metadata: object = {}) =>
  JSON.stringify({ apiVersion: "example.com/v1", kind: "Widget", metadata: { name: "w", ...metadata }, spec });

test("a custom resource is applied by the schema of its definition", async () => {
  await kubectl.given(widgets, "apply");
  await kubectl("wait", "--for=condition=Established", "crd/widgets.example.com", "--timeout=10s");
  const by = (manager: string) => `--field-manager=${manager}`;
  const current = async () => JSON.parse(await kubectl("get", "widget", "w", "-o", "json", "--show-managed-fields"));
  await applyServerSide(
    widget({
      count: 1,
      size: 5,
      parts: [{ id: "a", note: "x" }],
      tags: ["t1"],
      whole: { k: "1" },
      open: { any: { deep: [1] } },
      template: { apiVersion: "v1", kind: "Pod", metadata: { name: "p", labels: { l: "1" } }, spec: {} },
    }),
    by("one"),
  );
  await applyServerSide(widget({ parts: [{ id: "b" }], tags: ["t2"], open: { other: true } }), by("two"));
  const both = await current();
  assert.deepEqual(
    both.spec.parts.map(({ id }: { id: string }) => id),
    ["a", "b"],
  );
  assert.deepEqual(both.spec.tags, ["t1", "t2"]);
  assert.deepEqual(both.spec.open, { any: { deep: [1] }, other: true });
  const two = both.metadata.managedFields.find(({ manager }: ManagedFieldsEntry) => manager === "two");
  assert.deepEqual(two.fieldsV1, {
    "f:spec": {
      "f:open": { "f:other": {} },
      "f:parts": { 'k:{"id":"b"}': { ".": {}, "f:id": {} } },
      "f:tags": { 'v:"t2"': {} },
    },
  });
  for (const [spec, path] of [
    [{ whole: { other: "1" } }, ".spec.whole"],
    [{ size: "5" }, ".spec.size"],
    [{ parts: [{ id: "a", note: "y" }] }, '.spec.parts[id="a"].note'],
    [{ template: { metadata: { labels: { l: "2" } } } }, ".spec.template.metadata.labels.l"],
  ] as const) {
    const { stderr } = await serverSideOutcome(widget(spec), by("three"));
    assert.ok(stderr.includes(`conflict with "one": ${path}`), stderr);
  }
  await applyServerSide(widget({ count: 1 }), by("one"));
  assert.deepEqual((await current()).spec, { count: 1, parts: [{ id: "b" }], tags: ["t2"], open: { other: true } });
  await kubectl("scale", "widget", "w", "--replicas=4");
  const scaled = await serverSideOutcome(widget({ count: 1 }), by("one"));
  assert.match(scaled.stderr, /conflict with "kubectl" with subresource "scale" using example\.com\/v1: \.spec\.count/);
});

test("what a custom resource must not have is told by the path in its definition", async () => {
  const refused = async (manifest: string) => (await serverSideOutcome(manifest, "--validate=strict")).stderr;
  assert.match(await refused(widget({ extra: 1 })), /\.spec\.extra: field not declared in schema/);
  assert.match(await refused(widget({}, { what: 1 })), /\.metadata\.what: field not declared in schema/);
  const template = { apiVersion: "v1", kind: "Pod", metadata: { name: "p", what: 1 } };
  assert.match(await refused(widget({ template })), /\.spec\.template\.metadata\.what: field not declared in schema/);
});

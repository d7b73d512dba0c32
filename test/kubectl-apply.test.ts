// The machine's kubectl and the owners of fields: server-side apply, its conflicts, diff, and the way from kubectl's own
// apply to the server's.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Deployment, ManagedFieldsEntry } from "../src/api/index.ts";
import { type ServedControlPlane, serveControlPlane } from "./served-control-plane.ts";

let plane: ServedControlPlane;
before(async () => {
  plane = await serveControlPlane();
});
after(() => plane.close());

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function run(args: readonly string[], input = "", more: Readonly<Record<string, string>> = {}): Promise<Outcome> {
  const cache = join(plane.directory, "cache");
  const env = { ...process.env, KUBECONFIG: plane.kubeconfig, KUBECACHEDIR: cache, TMPDIR: plane.directory, ...more };
  return new Promise((resolve) => {
    const child = execFile("kubectl", args, { env, timeout: 30_000 }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : typeof error.code === "number" ? error.code : -1, stdout, stderr }),
    );
    child.stdin?.end(input);
  });
}

async function kubectl(args: readonly string[], input = "", more: Readonly<Record<string, string>> = {}) {
  const { code, stdout, stderr } = await run(args, input, more);
  assert.equal(code, 0, `kubectl ${args.join(" ")}: ${stderr}`);
  return stdout;
}

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
  return JSON.parse(await kubectl(["get", "deployment", name, "-o", "json", "--show-managed-fields"]));
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
  const side = ["apply", "--server-side", "-f", "-"];
  assert.equal(await kubectl(side, manifest("web", { replicas: 1 })), "deployment.apps/web serverside-applied\n");
  assert.deepEqual(await managers("web"), ["kubectl Apply"]);
  const { metadata } = await get("web");
  assert.equal(await kubectl(side, manifest("web", { replicas: 1 })), "deployment.apps/web serverside-applied\n");
  assert.equal((await get("web")).metadata.generation, metadata.generation);

  await kubectl(["scale", "deployment", "web", "--replicas=2"]);
  assert.deepEqual(await managers("web"), ["kubectl Apply", "kubectl Update scale"]);
  const refused = await run(side, manifest("web", { replicas: 1 }));
  assert.equal(refused.code, 1);
  assert.match(
    refused.stderr,
    /^error: Apply failed with 1 conflict: conflict with "kubectl" with subresource "scale" using apps\/v1: \.spec\.replicas\n/,
  );
  await kubectl([...side, "--force-conflicts"], manifest("web", { replicas: 1 }));
  assert.deepEqual(await managers("web"), ["kubectl Apply"]);
  assert.equal((await get("web")).spec.replicas, 1);

  // Two who apply the same share it; what one lets go stays with the other.
  await kubectl([...side, "--field-manager=other"], manifest("web", { replicas: 1 }));
  await kubectl(side, manifest("web"));
  assert.equal((await get("web")).spec.replicas, 1);
  assert.deepEqual(await managers("web"), ["kubectl Apply", "other Apply"]);
});

test("every command writes under its manager, or the one that it is told", async () => {
  await kubectl(["create", "--field-manager=maker", "-f", "-"], manifest("named"));
  await kubectl(["label", "deployment", "named", "tier=web"]);
  await kubectl(["annotate", "deployment", "named", "note=x", "--field-manager=noter"]);
  await kubectl(["set", "image", "deployment/named", "c=nginx:2", "--field-manager=imager"]);
  await kubectl(["scale", "deployment", "named", "--replicas=3"]);
  await kubectl(["patch", "deployment", "named", "-p", '{"spec":{"minReadySeconds":1}}', "--field-manager=patcher"]);
  const editor = join(plane.directory, "edit");
  writeFileSync(editor, "#!/bin/sh\nsed -i 's/revisionHistoryLimit: 10/revisionHistoryLimit: 4/' \"$1\"\n");
  chmodSync(editor, 0o755);
  await kubectl(["edit", "deployment", "named", "--field-manager=hand"], "", { KUBE_EDITOR: editor });
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
  const { spec } = object;
  const replaced = JSON.stringify({ ...object, spec: { ...spec, progressDeadlineSeconds: 60 } });
  await kubectl(["replace", "--field-manager=replacer", "-f", "-"], replaced);
  assert.ok((await managers("named")).includes("replacer Update"));
});

test("kubectl diff shows what either way to apply would change, and who has a conflict", async () => {
  for (const [name, ...flags] of [["diffed-there"], ["diffed", "--server-side"]] as const) {
    await kubectl(["apply", ...flags, "-f", "-"], manifest(name, { replicas: 1 }));
    const same = await run(["diff", ...flags, "-f", "-"], manifest(name, { replicas: 1 }));
    assert.equal(same.code, 0, same.stdout + same.stderr);
    const different = await run(["diff", ...flags, "-f", "-"], manifest(name, { replicas: 3 }));
    assert.equal(different.code, 1, different.stderr);
    assert.match(different.stdout, /\n- {2}replicas: 1\n\+ {2}replicas: 3\n/);
  }
  await kubectl(["scale", "deployment", "diffed", "--replicas=2"]);
  const conflict = await run(["diff", "--server-side", "-f", "-"], manifest("diffed", { replicas: 3 }));
  assert.ok(conflict.code > 1);
  assert.match(conflict.stderr, /conflict with "kubectl" with subresource "scale" using apps\/v1: \.spec\.replicas/);
  assert.equal((await get("diffed")).spec.replicas, 2);
});

test("an object goes over from kubectl's own apply to the server's, and back", async () => {
  await kubectl(["apply", "-f", "-"], manifest("moved", { replicas: 1 }));
  assert.deepEqual(await managers("moved"), ["kubectl-client-side-apply Update"]);
  assert.match(await kubectl(["apply", "view-last-applied", "deployment", "moved"]), /replicas: 1\n/);
  // What its annotation names is kubectl's already: no conflict.
  const side = ["apply", "--server-side", "-f", "-"];
  await kubectl(side, manifest("moved", { replicas: 2, image: "nginx:2" }));
  // kubectl applies its annotation apart, so that it stays.
  assert.deepEqual(await managers("moved"), ["kubectl Apply", "kubectl-last-applied Apply"]);
  const moved = await get("moved");
  assert.equal(moved.spec.replicas, 2);
  assert.match(await kubectl(["apply", "view-last-applied", "deployment", "moved"]), /replicas: 2\n/);
  // A field that is let go on the server goes with the next apply.
  await kubectl(side, manifest("moved", { image: "nginx:2" }));
  assert.equal((await get("moved")).spec.replicas, 1);
  await kubectl(["apply", "-f", "-"], manifest("moved", { replicas: 4, image: "nginx:3" }));
  const back = await get("moved");
  assert.equal(back.spec.replicas, 4);
  assert.equal(back.spec.template.spec?.containers[0]?.image, "nginx:3");
});

test("a manifest that does not fit is told as the server tells it", async () => {
  const side = ["apply", "--server-side", "--validate=false", "-f", "-"];
  const { code, stderr } = await run(side, manifest("wrong").replace("spec:", "spec:\n  what: 1"));
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
  await kubectl(["apply", "-f", "-"], widgets);
  await kubectl(["wait", "--for=condition=Established", "crd/widgets.example.com", "--timeout=10s"]);
  const side = (manager: string) => ["apply", "--server-side", `--field-manager=${manager}`, "-f", "-"];
  const current = async () => JSON.parse(await kubectl(["get", "widget", "w", "-o", "json", "--show-managed-fields"]));
  await kubectl(
    side("one"),
    widget({
      count: 1,
      size: 5,
      parts: [{ id: "a", note: "x" }],
      tags: ["t1"],
      whole: { k: "1" },
      open: { any: { deep: [1] } },
      template: { apiVersion: "v1", kind: "Pod", metadata: { name: "p", labels: { l: "1" } }, spec: {} },
    }),
  );
  await kubectl(side("two"), widget({ parts: [{ id: "b" }], tags: ["t2"], open: { other: true } }));
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
    const { stderr } = await run(side("three"), widget(spec));
    assert.ok(stderr.includes(`conflict with "one": ${path}`), stderr);
  }
  await kubectl(side("one"), widget({ count: 1 }));
  assert.deepEqual((await current()).spec, { count: 1, parts: [{ id: "b" }], tags: ["t2"], open: { other: true } });
  await kubectl(["scale", "widget", "w", "--replicas=4"]);
  const scaled = await run(side("one"), widget({ count: 1 }));
  assert.match(scaled.stderr, /conflict with "kubectl" with subresource "scale" using example\.com\/v1: \.spec\.count/);
});

test("what a custom resource must not have is told by the path in its definition", async () => {
  const side = ["apply", "--server-side", "--validate=strict", "-f", "-"];
  const refused = async (manifest: string) => (await run(side, manifest)).stderr;
  assert.match(await refused(widget({ extra: 1 })), /\.spec\.extra: field not declared in schema/);
  assert.match(await refused(widget({}, { what: 1 })), /\.metadata\.what: field not declared in schema/);
  const template = { apiVersion: "v1", kind: "Pod", metadata: { name: "p", what: 1 } };
  assert.match(await refused(widget({ template })), /\.spec\.template\.metadata\.what: field not declared in schema/);
});

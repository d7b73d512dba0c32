// Custom resources as the machine's kubectl sees them, with a conversion webhook behind real HTTPS.
import assert from "node:assert/strict";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { issue } from "../src/cluster/pki/certificate.ts";
import { systemClock, systemRandom } from "../src/lib/index.ts";
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

const apply = (object: object, ...flags: readonly string[]) => kubectl.given([object], "apply", ...flags);

async function applyRefusal(object: object): Promise<string> {
  const { code, stderr } = await kubectl.outcome(["apply", "-f", "-"], JSON.stringify(object));
  assert.equal(code, 1, "kubectl apply fails");
  return stderr;
}

interface Names {
  readonly plural: string;
  readonly kind: string;
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
}

const group = "crd.example.com";

function definition(names: Names, versions: readonly object[], spec: object = {}): object {
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${names.plural}.${group}` },
    spec: { group, scope: "Namespaced", names, versions, ...spec },
  };
}

const version = (name: string, openAPIV3Schema: object, more: object = {}) => ({
  name,
  served: true,
  storage: name === "v1",
  schema: { openAPIV3Schema },
  ...more,
});

async function define(crd: object, name: string): Promise<void> {
  await apply(crd);
  await kubectl("wait", "--for=condition=established", `crd/${name}.${group}`, "--timeout=5s");
}

const object = (kind: string, name: string, fields: object = {}, apiVersion = "v1") => ({
  apiVersion: `${group}/${apiVersion}`,
  kind,
  metadata: { name },
  ...fields,
});

interface OpenApi {
  readonly definitions: Readonly<Record<string, { readonly properties?: Readonly<Record<string, unknown>> }>>;
}

/** The schemas of the group that the document of version 2 has. */
async function published(): Promise<readonly string[]> {
  const { definitions }: OpenApi = JSON.parse(await kubectl("get", "--raw", "/openapi/v2"));
  return Object.keys(definitions).filter((each) => each.startsWith("com.example.crd."));
}

async function isPublishedV3(apiVersion: string, kind: string): Promise<boolean> {
  const { code, stdout } = await kubectl.outcome(["get", "--raw", `/openapi/v3/apis/${group}/${apiVersion}`]);
  return code === 0 && Object.hasOwn(JSON.parse(stdout).components.schemas, `com.example.crd.${apiVersion}.${kind}`);
}

const anything = { type: "object", "x-kubernetes-preserve-unknown-fields": true };

const foo = {
  type: "object",
  description: "Foo is for testing.",
  properties: {
    spec: {
      type: "object",
      description: "What foo wants.",
      properties: {
        bars: {
          type: "array",
          description: "List of bars.",
          items: {
            type: "object",
            required: ["name"],
            properties: {
              name: { type: "string", description: "Name of the bar." },
              age: { type: "string", description: "Age of the bar." },
              feeling: { type: "string", enum: ["Great", "Down"] },
            },
          },
        },
      },
    },
    status: { type: "object", description: "How foo is.", properties: { ready: { type: "boolean" } } },
  },
};

test("Custom Resource OpenAPI Publish, with validation schema: kubectl validates and explains by the schema", async () => {
  await define(definition({ plural: "foos", kind: "Foo", shortNames: ["fo"] }, [version("v1", foo)]), "foos");
  const spec = { bars: [{ name: "test-bar", age: "10" }] };
  assert.equal(await apply(object("Foo", "a", { spec })), "foo.crd.example.com/a created\n");
  assert.equal(
    await apply(object("Foo", "a", { spec: { bars: [{ name: "test-bar", feeling: "Great" }] } })),
    "foo.crd.example.com/a configured\n",
  );
  assert.match(await applyRefusal(object("Foo", "b", { spec: { foo: true } })), /unknown field "spec\.foo"/);
  assert.match(
    await applyRefusal(object("Foo", "b", { spec: { bars: [{ age: "10" }] } })),
    /spec\.bars\[0\]\.name: Required value/,
  );
  assert.match(
    await applyRefusal(object("Foo", "b", { spec: { bars: [{ name: "x", feeling: "NonExistent" }] } })),
    /Unsupported value: "NonExistent": supported values: "Great", "Down"/,
  );
  assert.match(
    await kubectl("explain", "foos"),
    /DESCRIPTION:.*Foo is for testing.*FIELDS:.*apiVersion.*<string>.*APIVersion defines.*spec.*<Object>.*What foo wants/s,
  );
  assert.match(
    await kubectl("explain", "foos.metadata"),
    /DESCRIPTION:.*Standard object's metadata.*FIELDS:.*creationTimestamp.*<string>.*CreationTimestamp is a timestamp/s,
  );
  assert.match(await kubectl("explain", "fo.spec"), /What foo wants\..*bars\s+<\[\]Object>\s+List of bars\./s);
  const bars = await kubectl("explain", "foos.spec.bars");
  assert.match(
    bars,
    /List of bars\..*age\s+<string>\s+Age of the bar\..*name\s+<string> -required-\s+Name of the bar\./s,
  );
  assert.match(await kubectl("explain", "foos.spec", "--recursive"), /bars.*name\s+<string> -required-/s);
  const { code, stderr } = await kubectl.outcome(["explain", "foos.spec.bars2"]);
  assert.deepEqual([code, stderr], [1, 'error: field "bars2" does not exist\n']);
});

test("Custom Resource OpenAPI Publish, with x-kubernetes-preserve-unknown-fields at root: any field is taken", async () => {
  await define(definition({ plural: "roots", kind: "Root" }, [version("v1", anything)]), "roots");
  await apply(object("Root", "a", { any: { thing: 1 } }));
  await apply(object("Root", "a", { any: { thing: [2] } }));
  assert.equal(await kubectl("get", "roots", "a", "-o", "jsonpath={.any.thing[0]}"), "2");
  assert.match(await kubectl("explain", "roots"), /KIND:\s+Root.*DESCRIPTION:\s+<empty>/s);
});

test("Custom Resource OpenAPI Publish, with x-kubernetes-preserve-unknown-fields in object: the object is described", async () => {
  const schema = { type: "object", properties: { spec: { ...anything, description: "Keeps everything." } } };
  await define(definition({ plural: "opens", kind: "Open" }, [version("v1", schema)]), "opens");
  await apply(object("Open", "a", { spec: { b: [{ c: "d" }] } }));
  await apply(object("Open", "a", { spec: { b: [{ c: "e" }] } }));
  assert.match(await kubectl("explain", "opens"), /DESCRIPTION:\s+<empty>.*spec\s+<Object>\s+Keeps everything\./s);
});

test("Custom Resource OpenAPI Publish, with x-kubernetes-preserve-unknown-fields in embedded object: it is shown", async () => {
  const embedded = { ...anything, "x-kubernetes-embedded-resource": true, description: "A whole object." };
  const schema = { type: "object", properties: { spec: { type: "object", properties: { template: embedded } } } };
  await define(definition({ plural: "embeds", kind: "Embed" }, [version("v1", schema)]), "embeds");
  const template = { apiVersion: "v1", kind: "Pod", metadata: { name: "x" }, spec: { any: 1 } };
  await apply(object("Embed", "a", { spec: { template } }));
  assert.match(
    await applyRefusal(
      object("Embed", "a", { spec: { template: { ...template, metadata: { name: "x", wrong: 1 } } } }),
    ),
    /unknown field "spec\.template\.metadata\.wrong"/,
  );
  assert.match(await kubectl("explain", "embeds.spec"), /template\s+<Object>\s+A whole object\./);
  const { definitions }: OpenApi = JSON.parse(await kubectl("get", "--raw", "/openapi/v2"));
  assert.match(
    JSON.stringify(definitions["com.example.crd.v1.Embed"]),
    /"template":\{[^}]*"x-kubernetes-preserve-unknown-fields":true/,
  );
});

const openSpec = { type: "object", properties: { spec: anything } };

async function assertPublished(apiVersion: string, kind: string, expected: boolean): Promise<void> {
  const names = await published();
  const what = `${apiVersion} ${kind}`;
  assert.equal(names.includes(`com.example.crd.${apiVersion}.${kind}`), expected, `${what} in version 2`);
  assert.equal(await isPublishedV3(apiVersion, kind), expected, `${what} in version 3`);
}

test("Custom Resource OpenAPI Publish, varying kinds: each kind of a group version is published", async () => {
  await define(definition({ plural: "ones", kind: "One" }, [version("v1", openSpec)]), "ones");
  await define(definition({ plural: "twos", kind: "Two" }, [version("v1", openSpec)]), "twos");
  await assertPublished("v1", "One", true);
  await assertPublished("v1", "Two", true);
});

test("Custom Resource OpenAPI Publish, varying versions: each version is published", async () => {
  const versions = [version("v1", openSpec), version("v2", openSpec)];
  await define(definition({ plural: "manies", kind: "Many" }, versions), "manies");
  await assertPublished("v1", "Many", true);
  await assertPublished("v2", "Many", true);
});

test("Custom Resource OpenAPI Publish, version rename: the new name is published and the old is not", async () => {
  const versions = [version("v1", openSpec), version("v5", openSpec)];
  await define(definition({ plural: "renames", kind: "Rename" }, versions), "renames");
  const renamed = [{ op: "replace", path: "/spec/versions/1/name", value: "v6" }];
  await kubectl("patch", "crd", `renames.${group}`, "--type=json", "-p", JSON.stringify(renamed));
  await assertPublished("v5", "Rename", false);
  await assertPublished("v6", "Rename", true);
});

test("Custom Resource OpenAPI Publish, stop serving version: it is not published any more", async () => {
  const versions = [version("v1", openSpec), version("v7", openSpec)];
  await define(definition({ plural: "stops", kind: "Stop" }, versions), "stops");
  await assertPublished("v7", "Stop", true);
  const unserved = [{ op: "replace", path: "/spec/versions/1/served", value: false }];
  await kubectl("patch", "crd", `stops.${group}`, "--type=json", "-p", JSON.stringify(unserved));
  await assertPublished("v1", "Stop", true);
  await assertPublished("v7", "Stop", false);
  const { code, stderr } = await kubectl.outcome(["get", "--raw", `/apis/${group}/v7/stops`]);
  assert.equal(code, 1);
  assert.match(stderr, /NotFound/);
});

test("Server side field validation, CR duplicates: fields that stand twice are refused even where any field is kept", async () => {
  await define(definition({ plural: "doubles", kind: "Double" }, [version("v1", anything)]), "doubles");
  const body = `{"apiVersion":"${group}/v1","kind":"Double","metadata":{"name":"a"},"any":1,"any":2}`;
  const path = `/apis/${group}/v1/namespaces/default/doubles?fieldValidation=`;
  const { code, stderr } = await kubectl.outcome(["create", "--raw", `${path}Strict`, "-f", "-"], body);
  assert.equal(code, 1);
  assert.match(stderr, /strict decoding error: duplicate field "any"/);
  assert.equal((await kubectl.outcome(["create", "--raw", `${path}Ignore`, "-f", "-"], body)).code, 0);
});

test("columns, short names and categories are those of the definition", async () => {
  const additionalPrinterColumns = [
    { name: "Size", type: "integer", jsonPath: ".spec.size" },
    { name: "Ready", type: "string", jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
    { name: "Parts", type: "string", jsonPath: ".spec.parts[*].name", priority: 1 },
    { name: "Since", type: "date", jsonPath: ".metadata.creationTimestamp" },
  ];
  const schema = { type: "object", properties: { spec: anything, status: anything } };
  const names = { plural: "tables", kind: "Furniture", shortNames: ["tb"], categories: ["all"] };
  await define(definition(names, [version("v1", schema, { additionalPrinterColumns })]), "tables");
  const status = {
    conditions: [
      { type: "Other", status: "False" },
      { type: "Ready", status: "True" },
    ],
  };
  await apply(object("Furniture", "a", { spec: { size: 3, parts: [{ name: "leg" }, { name: "top" }] }, status }));
  assert.match(await kubectl("get", "tb"), /^NAME\s+SIZE\s+READY\s+SINCE\na\s+3\s+True\s+\d+s\n$/);
  assert.match(await kubectl("get", "tables", "-o", "wide"), /PARTS.*\bleg\b/s);
  assert.match(await kubectl("get", "all"), /furniture\.crd\.example\.com\/a/);
  assert.match(
    await kubectl("api-resources", `--api-group=${group}`),
    /tables\s+tb\s+crd\.example\.com\/v1\s+true\s+Furniture/,
  );
  const discovery = JSON.parse(await kubectl("get", "--raw", "/apis"));
  assert.ok(discovery.groups.some((each: { readonly name: string }) => each.name === group));
  assert.match(
    await kubectl("get", "--raw", `/apis/${group}`),
    /"preferredVersion":\{"groupVersion":"crd\.example\.com\/v/,
  );
});

test("kubectl scales, waits for, edits, labels and deletes custom resources", async () => {
  const scale = { specReplicasPath: ".spec.replicas", statusReplicasPath: ".status.replicas" };
  const schema = { type: "object", properties: { spec: anything, status: anything } };
  await define(
    definition({ plural: "crews", kind: "Crew" }, [version("v1", schema, { subresources: { status: {}, scale } })]),
    "crews",
  );
  await apply(object("Crew", "a", { spec: { replicas: 1 } }));
  const { resources } = JSON.parse(await kubectl("get", "--raw", `/apis/${group}/v1`));
  assert.deepEqual(
    resources
      .map(({ name, verbs }: { readonly name: string; readonly verbs: readonly string[] }) => `${name} ${verbs}`)
      .filter((text: string) => text.startsWith("crews")),
    [
      "crews delete,deletecollection,get,list,patch,create,update,watch",
      "crews/status get,patch,update",
      "crews/scale get,patch,update",
    ],
  );
  assert.equal(await kubectl("scale", "crew/a", "--replicas=4"), "crew.crd.example.com/a scaled\n");
  assert.equal(await kubectl("get", "crew", "a", "-o", "jsonpath={.spec.replicas}"), "4");
  const editor = { KUBE_EDITOR: "sed -i s/replicas:.4/replicas:\\ 6/" };
  const edited = await kubectl.outcome(["edit", "crew", "a"], "", editor);
  assert.equal(edited.stdout, "crew.crd.example.com/a edited\n");
  assert.equal(await kubectl("get", "crew", "a", "-o", "jsonpath={.spec.replicas}"), "6");
  await kubectl("patch", "crew", "a", "--subresource=status", "--type=merge", "-p", '{"status":{"phase":"Done"}}');
  await kubectl("wait", "crew/a", "--for=jsonpath={.status.phase}=Done", "--timeout=5s");
  await kubectl("label", "crew", "a", "x=y");
  assert.equal(await kubectl("get", "crews", "-l", "x=y", "-o", "name"), "crew.crd.example.com/a\n");
  assert.match(await kubectl("describe", "crew", "a"), /Kind:\s+Crew.*Phase:\s+Done/s);
  const applied = object("Crew", "a", { spec: { replicas: 5 } });
  await apply(applied, "--server-side", "--force-conflicts");
  assert.equal(await kubectl("get", "crew", "a", "-o", "jsonpath={.spec.replicas}"), "5");
  const { stderr } = await kubectl.outcome(["patch", "crew", "a", "--type=strategic", "-p", "{}"]);
  assert.match(stderr, /application\/strategic-merge-patch\+json is not supported by crd\.example\.com\/v1, Kind=Crew/);
  await kubectl("delete", "crews", "--all");
  assert.equal(await kubectl("get", "crews", "-o", "name"), "");
});

test("a namespace takes its custom resources with it", async () => {
  await define(definition({ plural: "guests", kind: "Guest" }, [version("v1", openSpec)]), "guests");
  await kubectl("create", "namespace", "hotel");
  await apply(object("Guest", "a"), "-n", "hotel");
  await apply(object("Guest", "b"));
  await kubectl("delete", "namespace", "hotel", "--timeout=20s");
  assert.equal(await kubectl("get", "guests", "-A", "-o", "name"), "guest.crd.example.com/b\n");
});

test("roles that are made for custom resources join admin, edit and view by their labels", async () => {
  await define(definition({ plural: "papers", kind: "Paper" }, [version("v1", anything)]), "papers");
  const role = (to: string, verbs: readonly string[]) => ({
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "ClusterRole",
    metadata: { name: `papers-${to}`, labels: { [`rbac.authorization.k8s.io/aggregate-to-${to}`]: "true" } },
    rules: [{ apiGroups: [group], resources: ["papers"], verbs }],
  });
  await apply(role("view", ["get", "list", "watch"]));
  await apply(role("edit", ["create", "update", "patch", "delete"]));
  await kubectl("create", "rolebinding", "reader", "--clusterrole=view", "--user=reader");
  await kubectl("create", "rolebinding", "writer", "--clusterrole=edit", "--user=writer");
  const may = async (user: string, verb: string) =>
    (await kubectl.outcome(["auth", "can-i", verb, "papers", "--as", user])).stdout;
  // The roles are joined a moment after they were made.
  for (const [to, verb] of [
    ["view", "get"],
    ["edit", "create"],
    ["edit", "get"],
  ] as const) {
    const joined = `{.rules[?(@.resources[0]=="papers")].verbs[?(@=="${verb}")]}=${verb}`;
    await kubectl("wait", `clusterrole/${to}`, `--for=jsonpath=${joined}`, "--timeout=10s");
  }
  assert.deepEqual(
    [await may("writer", "list"), await may("reader", "list"), await may("reader", "create")],
    ["yes\n", "yes\n", "no\n"],
  );
});

test("Custom Resource Definition, create: a definition can be made and deleted, and its objects go with it", async () => {
  await define(definition({ plural: "shorts", kind: "Short" }, [version("v1", openSpec)]), "shorts");
  await apply(object("Short", "a"));
  await kubectl("delete", "crd", `shorts.${group}`, "--timeout=10s");
  const { stderr } = await kubectl.outcome(["get", "shorts"]);
  assert.match(stderr, /the server (could not find the requested resource|doesn't have a resource type "shorts")/);
});

test("Custom Resource Definition, list: definitions are listed and deleted by label", async () => {
  for (const plural of ["lista", "listb"]) {
    await apply(definition({ plural, kind: `Kind${plural}` }, [version("v1", anything)]));
    await kubectl("label", "crd", `${plural}.${group}`, "in=list");
  }
  const listed = async () => (await kubectl("get", "crd", "-l", "in=list", "-o", "name")).trim().split("\n").length;
  assert.equal(await listed(), 2);
  const others = (await kubectl("get", "crd", "-l", "in!=list", "-o", "name")).length;
  await kubectl("delete", "crd", "-l", "in=list", "--timeout=10s");
  assert.equal(await kubectl("get", "crd", "-l", "in=list", "-o", "name"), "");
  assert.equal((await kubectl("get", "crd", "-o", "name")).length, others);
});

test("Custom Resource Definition, status sub-resource: it is read, updated and patched", async () => {
  await define(definition({ plural: "states", kind: "State" }, [version("v1", anything)]), "states");
  const condition = { type: "StatusUpdate", status: "True", reason: "E2E", message: "Set from a test" };
  const patch = JSON.stringify([{ op: "add", path: "/status/conditions/-", value: condition }]);
  await kubectl("patch", "crd", `states.${group}`, "--subresource=status", "--type=json", "-p", patch);
  const shown = JSON.parse(await kubectl("get", "crd", `states.${group}`, "--subresource=status", "-o", "json"));
  assert.deepEqual(shown.status.conditions.at(-1), { ...condition, lastTransitionTime: null });
});

test("Custom Resource Definition, discovery: the documents tell of the kind of definitions", async () => {
  const groups = JSON.parse(await kubectl("get", "--raw", "/apis")).groups;
  const found = groups.find((each: { readonly name: string }) => each.name === "apiextensions.k8s.io");
  assert.equal(found.preferredVersion.groupVersion, "apiextensions.k8s.io/v1");
  assert.equal(JSON.parse(await kubectl("get", "--raw", "/apis/apiextensions.k8s.io")).name, "apiextensions.k8s.io");
  const { resources } = JSON.parse(await kubectl("get", "--raw", "/apis/apiextensions.k8s.io/v1"));
  assert.ok(resources.some((each: { readonly name: string }) => each.name === "customresourcedefinitions"));
});

test("a conversion webhook behind a service is asked over TLS, under the name of the service", async (t) => {
  const nowMs = systemClock.now();
  const validity = { notBeforeMs: nowMs - 86_400_000, notAfterMs: nowMs + 86_400_000 };
  const authority = issue({ commonName: "hook-ca", usage: "authority", ...validity }, systemRandom);
  const name = "hook.default.svc";
  const keys = issue(
    { commonName: name, usage: "server", alternativeNames: [name], ...validity },
    systemRandom,
    authority,
  );
  const server = createServer({ key: keys.privateKey, cert: keys.certificate }, async (request, response) => {
    const { apiVersion, request: asked } = JSON.parse((await request.toArray()).join(""));
    const convertedObjects = asked.objects.map((each: { readonly spec: object }) => ({
      ...each,
      apiVersion: asked.desiredAPIVersion,
      spec: { ...each.spec, converted: asked.desiredAPIVersion },
    }));
    const result = { uid: asked.uid, result: { status: "Success" }, convertedObjects };
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ apiVersion, kind: "ConversionReview", response: result }));
  });
  await new Promise<void>((resolve) => server.listen(0, "localhost", resolve));
  t.after(() => server.closeAllConnections());
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo; // it listens on a port
  await apply({
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "hook" },
    spec: { type: "ExternalName", externalName: "localhost" },
  });
  const conversion = (caBundle: string) => ({
    strategy: "Webhook",
    webhook: {
      conversionReviewVersions: ["v1"],
      clientConfig: { caBundle, service: { namespace: "default", name: "hook", port, path: "/convert" } },
    },
  });
  const versions = [version("v1", openSpec), version("v2", openSpec)];
  const names = { plural: "hooks", kind: "Hook" };
  await define(definition(names, versions, { conversion: conversion(btoa(authority.certificate)) }), "hooks");
  await apply(object("Hook", "a", { spec: { x: 1 } }));
  const shown = JSON.parse(await kubectl("get", "--raw", `/apis/${group}/v2/namespaces/default/hooks/a`));
  assert.deepEqual([shown.apiVersion, shown.spec], [`${group}/v2`, { x: 1, converted: `${group}/v2` }]);
  // Another authority: nobody is believed who cannot show its certificate.
  const stranger = issue({ commonName: "stranger", usage: "authority", ...validity }, systemRandom);
  await apply(definition(names, versions, { conversion: conversion(btoa(stranger.certificate)) }));
  const { code, stderr } = await kubectl.outcome(["get", "--raw", `/apis/${group}/v2/namespaces/default/hooks/a`]);
  assert.equal(code, 1);
  assert.match(
    stderr,
    /conversion webhook for crd\.example\.com\/v1, Kind=Hook failed: Post "https:\/\/hook\.default\.svc:\d+\/convert\?timeout=30s": /,
  );
});

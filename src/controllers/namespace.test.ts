import assert from "node:assert/strict";
import { test } from "node:test";
import { rootCertificate, startTestControlPlane } from "../../test/control-plane.ts";
import { ConfigMaps, Namespaces, notFound, Pods, Secrets, ServiceAccounts, serviceUnavailable } from "../api/index.ts";

const namespace = (name: string) => ({ apiVersion: "v1", kind: "Namespace", metadata: { name } });
const names = (items: readonly { readonly metadata: { readonly name: string } }[]) =>
  items.map(({ metadata }) => metadata.name).sort();

test("every namespace gets its default service account, again when it is deleted", async (t) => {
  const { client, create, list, rest } = await startTestControlPlane(t, { controllers: ["serviceaccount-controller"] });
  await create(Namespaces, namespace("shop"));
  await rest();
  assert.deepEqual(names(await list(ServiceAccounts, "shop")), ["default"]);
  assert.ok(names(await list(ServiceAccounts, "default")).includes("default"));
  await client.delete(ServiceAccounts, { namespace: "shop", name: "default" });
  await rest();
  assert.deepEqual(names(await list(ServiceAccounts, "shop")), ["default"]);
});

test("every namespace knows the API server's authority, and spoiling it does not last", async (t) => {
  const { client, create, rest } = await startTestControlPlane(t, {
    controllers: ["root-ca-certificate-publisher-controller"],
  });
  await create(Namespaces, namespace("shop"));
  await rest();
  const key = { namespace: "shop", name: "kube-root-ca.crt" };
  const published = await client.get(ConfigMaps, key);
  assert.deepEqual(published.data, { "ca.crt": rootCertificate });
  assert.match(published.metadata.annotations?.["kubernetes.io/description"] ?? "", /^Contains a CA bundle/);
  await client.patch(ConfigMaps, key, { data: { "ca.crt": "forged", more: "x" }, metadata: { annotations: null } });
  await rest();
  const mended = await client.get(ConfigMaps, key);
  assert.deepEqual(mended.data, published.data);
  assert.deepEqual(mended.metadata.annotations, published.metadata.annotations);
  await client.delete(ConfigMaps, key);
  await rest();
  assert.deepEqual((await client.get(ConfigMaps, key)).data, published.data);
});

test("a namespace that is deleted goes with all that is in it, and nothing else does", async (t) => {
  const { client, create, list, rest } = await startTestControlPlane(t);
  await create(Namespaces, namespace("shop"));
  await create(Namespaces, namespace("other"));
  await rest();
  for (const where of ["shop", "other"]) {
    await create(ConfigMaps, { metadata: { namespace: where, name: "settings" }, data: {} });
    await create(Secrets, { metadata: { namespace: where, name: "password" } });
    await create(Pods, {
      metadata: { namespace: where, name: "web" },
      spec: { containers: [{ name: "c", image: "i" }] },
    });
  }
  await client.delete(Namespaces, { name: "shop" });
  await rest(1_000);
  await assert.rejects(client.get(Namespaces, { name: "shop" }), { message: notFound(Namespaces, "shop").message });
  for (const resource of [ConfigMaps, Secrets, Pods, ServiceAccounts]) {
    assert.deepEqual(names(await list(resource, "shop")), []);
  }
  assert.deepEqual(names(await list(Pods, "other")), ["web"]);
  assert.deepEqual(names(await list(Secrets, "other")), ["password"]);
});

test("a namespace says what holds it up, and goes when that is gone", async (t) => {
  const { client, create, rest } = await startTestControlPlane(t, { controllers: ["namespace-controller"] });
  await create(Namespaces, namespace("shop"));
  const held = { metadata: { namespace: "shop", name: "held", finalizers: ["example.com/hold"] } };
  await create(ConfigMaps, held);
  await client.delete(Namespaces, { name: "shop" });
  await rest();
  const { status } = await client.get(Namespaces, { name: "shop" });
  assert.equal(status.phase, "Terminating");
  assert.deepEqual(
    status.conditions?.map(({ type, status: state, reason, message }) => [type, state, reason, message]),
    [
      ["NamespaceDeletionDiscoveryFailure", "False", "ResourcesDiscovered", "All resources successfully discovered"],
      [
        "NamespaceDeletionGroupVersionParsingFailure",
        "False",
        "ParsedGroupVersions",
        "All legacy kube types successfully parsed",
      ],
      [
        "NamespaceDeletionContentFailure",
        "False",
        "ContentDeleted",
        "All content successfully deleted, may be waiting on finalization",
      ],
      [
        "NamespaceContentRemaining",
        "True",
        "SomeResourcesRemain",
        "Some resources are remaining: configmaps. has 1 resource instances",
      ],
      [
        "NamespaceFinalizersRemaining",
        "True",
        "SomeFinalizersRemain",
        "Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances",
      ],
    ],
  );
  await client.patch(ConfigMaps, held.metadata, { metadata: { finalizers: null } });
  await rest(10_000);
  await assert.rejects(client.get(Namespaces, { name: "shop" }), { code: 404 });
});

test("what cannot be deleted is said and tried again", async (t) => {
  const { client, create, rest, refuse } = await startTestControlPlane(t, { controllers: ["namespace-controller"] });
  await create(Namespaces, namespace("shop"));
  await create(Secrets, { metadata: { namespace: "shop", name: "password" } });
  refuse(({ verb, plural }) =>
    verb === "deletecollection" && plural === "secrets" ? serviceUnavailable("busy") : undefined,
  );
  await client.delete(Namespaces, { name: "shop" });
  await rest();
  const { status } = await client.get(Namespaces, { name: "shop" });
  const failure = status.conditions?.find(({ type }) => type === "NamespaceDeletionContentFailure");
  assert.equal(failure?.reason, "ContentDeletionFailed");
  assert.equal(failure?.message, "Failed to delete all resource types, 1 remaining: busy");
  refuse(() => undefined);
  await rest(5_000);
  await assert.rejects(client.get(Namespaces, { name: "shop" }), { code: 404 });
});

/** Without the account pods wait to be admitted. */
const controllers = ["namespace-controller", "serviceaccount-controller"];

test("pods that do not end in the time that they have are told of, and nothing else goes before them", async (t) => {
  const { client, create, list, rest } = await startTestControlPlane(t, { controllers });
  await create(Namespaces, namespace("shop"));
  await rest();
  await create(Secrets, { metadata: { namespace: "shop", name: "password" } });
  await create(Pods, {
    metadata: { namespace: "shop", name: "web" },
    spec: { nodeName: "n1", terminationGracePeriodSeconds: 60, containers: [{ name: "c", image: "i" }] },
  });
  await client.delete(Namespaces, { name: "shop" });
  const failure = async () => {
    const { status } = await client.get(Namespaces, { name: "shop" });
    return status.conditions?.find(({ type }) => type === "NamespaceDeletionContentFailure")?.message;
  };
  await rest(30_000);
  assert.equal(await failure(), "All content successfully deleted, may be waiting on finalization");
  await rest(60_000);
  assert.equal(
    await failure(),
    "Failed to delete all resource types, 1 remaining: unexpected items still remain in namespace: shop for gvr: /v1, Resource=pods",
  );
  assert.deepEqual(names(await list(Secrets, "shop")), ["password"]);
});

test("when pods cannot be deleted nothing else is", async (t) => {
  const { client, create, list, rest, refuse } = await startTestControlPlane(t, { controllers });
  await create(Namespaces, namespace("shop"));
  await rest();
  await create(Secrets, { metadata: { namespace: "shop", name: "password" } });
  await create(Pods, {
    metadata: { namespace: "shop", name: "web" },
    spec: { containers: [{ name: "c", image: "i" }] },
  });
  refuse(({ verb, plural }) =>
    verb === "deletecollection" && plural === "pods" ? serviceUnavailable("busy") : undefined,
  );
  await client.delete(Namespaces, { name: "shop" });
  await rest(100);
  refuse(() => undefined);
  assert.deepEqual(names(await list(Secrets, "shop")), ["password"]);
});

test("a namespace that nothing lets go is looked at more and more seldom, and goes within a minute", async (t) => {
  const { client, clock, create, rest, refuse } = await startTestControlPlane(t, {
    controllers: ["namespace-controller"],
  });
  await create(Namespaces, namespace("shop"));
  const held = { metadata: { namespace: "shop", name: "held", finalizers: ["example.com/hold"] } };
  await create(ConfigMaps, held);
  const deletedMs = clock.now();
  const looksMs: number[] = [];
  refuse(({ verb, plural }) => {
    if (verb === "deletecollection" && plural === "configmaps") looksMs.push(clock.now() - deletedMs);
    return undefined;
  });
  await client.delete(Namespaces, { name: "shop" });
  for (let minute = 0; minute < 30; minute++) await rest(60_000);
  const inMinutes = (from: number, to: number) =>
    looksMs.filter((each) => from * 60_000 <= each && each < to * 60_000).length;
  const [first, later] = [inMinutes(0, 1), inMinutes(10, 30)];
  assert.ok(first >= 6, `${first} looks in the first minute`);
  assert.equal(later, 20);
  await client.patch(ConfigMaps, held.metadata, { metadata: { finalizers: null } });
  await rest(60_000);
  await assert.rejects(client.get(Namespaces, { name: "shop" }), { code: 404 });
});

test("pods end before anything else in their namespace goes", async (t) => {
  const { client, create, list, rest } = await startTestControlPlane(t, {
    controllers: ["namespace-controller", "serviceaccount-controller"],
  });
  await create(Namespaces, namespace("shop"));
  await rest();
  await create(Secrets, { metadata: { namespace: "shop", name: "password" } });
  const key = { namespace: "shop", name: "web" };
  await create(Pods, {
    metadata: { ...key, finalizers: ["example.com/hold"] },
    spec: { containers: [{ name: "c", image: "i" }] },
  });
  await client.delete(Namespaces, { name: "shop" });
  await rest();
  assert.deepEqual(names(await list(Secrets, "shop")), ["password"]);
  await client.patch(Pods, key, { metadata: { finalizers: null } });
  await rest();
  await assert.rejects(client.get(Namespaces, { name: "shop" }), { code: 404 });
});

test("the pods of a namespace are deleted once while one after the other ends, and it goes with the last", async (t) => {
  const { client, create, rest, requests } = await startTestControlPlane(t, { controllers });
  await create(Namespaces, namespace("shop"));
  await rest();
  const pods = Array.from({ length: 10 }, (_, index) => ({ namespace: "shop", name: `web-${index}` }));
  for (const metadata of pods)
    await create(Pods, {
      metadata,
      spec: { nodeName: "n1", terminationGracePeriodSeconds: 60, containers: [{ name: "c", image: "i" }] },
    });
  await client.delete(Namespaces, { name: "shop" });
  await rest(10);
  for (const key of pods) {
    await client.delete(Pods, key, { body: { gracePeriodSeconds: 0 } });
    await rest(250);
  }
  await assert.rejects(client.get(Namespaces, { name: "shop" }), { code: 404 });
  assert.equal(requests().filter((each) => each === "deletecollection pods").length, 1);
});

// What a Client promises, for both of its transports: they are the same to whoever holds one.
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import {
  ApiError,
  ConfigMaps,
  Deployments,
  type KubeObject,
  Namespaces,
  Nodes,
  Pods,
  ServiceAccounts,
  type WatchEvent,
} from "../src/api/index.ts";
import { type HttpsClient, httpsClient } from "../src/client/http/index.ts";
import { type Client, InformerSet, inProcessClient } from "../src/client/index.ts";
import { type ControlPlane, startControlPlane } from "../src/cluster/control-plane.ts";
import { ClusterPki } from "../src/cluster/pki/index.ts";
import { versionInfo } from "../src/cluster/version.ts";
import { silentLogger, systemClock, systemRandom } from "../src/lib/index.ts";
import { type Listener, startHttpServer } from "../src/server/http/index.ts";
import { MemoryStorage } from "../src/storage/index.ts";
import { aroundTests } from "./around-tests.ts";

const user = { name: "kubernetes-admin", groups: ["system:masters", "system:authenticated"] };

let directory: string;
let plane: ControlPlane;
let listener: Listener;
let https: HttpsClient;

aroundTests(
  async () => {
    directory = await mkdtemp(join(tmpdir(), "client-transports-"));
    const pki = await ClusterPki.open({
      directory,
      clock: systemClock,
      random: systemRandom,
      serverNames: ["127.0.0.1"],
      serviceAddress: "10.43.0.1",
    });
    plane = await startControlPlane({
      storage: new MemoryStorage(),
      clock: systemClock,
      random: systemRandom,
      log: silentLogger,
      serviceAccountKey: pki.serviceAccountKey,
      podRange: "10.42.0.0/16",
      serviceRange: "10.43.0.0/16",
      clusterDomain: "cluster.local",
      apiAddress: undefined,
      apiPort: 6443,
      freeze: true,
    });
    listener = await startHttpServer({
      api: plane.api,
      authenticator: plane.authenticator,
      tls: {
        key: pki.apiServer.privateKey,
        certificate: pki.apiServer.certificate,
        clientCa: pki.authority.certificate,
      },
      address: "127.0.0.1",
      port: 0,
      advertised: "127.0.0.1:6443",
      version: versionInfo,
      clock: systemClock,
      random: systemRandom,
      log: silentLogger,
    });
    https = httpsClient({
      server: `https://127.0.0.1:${listener.port}`,
      ca: pki.authority.certificate,
      clientCertificate: pki.admin.certificate,
      clientKey: pki.admin.privateKey,
      userAgent: "tester/1",
      clock: systemClock,
      random: systemRandom,
    });
  },
  async () => {
    https.close();
    await listener.close();
    await plane.close();
    await rm(directory, { recursive: true });
  },
);

const transports: readonly [name: string, client: () => Client][] = [
  ["in-process", () => inProcessClient(plane.api, user, "tester")],
  ["https", () => https],
];

for (const [name, clientOf] of transports) {
  describe(name, () => {
    const namespace = `${name}-test`;
    const settings = (data: Record<string, string> = {}, more: object = {}) => ({
      metadata: { namespace, name: "settings", ...more },
      data,
    });
    const key = { namespace, name: "settings" };
    let client: Client;

    before(async () => {
      client = clientOf();
      await client.create(Namespaces, { metadata: { name: namespace } });
    });

    test("an object is created, read, replaced, patched and deleted", async () => {
      const created = await client.create(ConfigMaps, settings({ a: "1" }));
      assert.equal(created.kind, "ConfigMap");
      assert.equal(created.apiVersion, "v1");
      assert.equal(created.metadata.managedFields?.[0]?.manager, "tester");
      assert.match(created.metadata.uid, /^[0-9a-f-]{36}$/);
      assert.deepEqual(await client.get(ConfigMaps, key), created);
      const updated = await client.update(ConfigMaps, { ...created, data: { a: "2" } });
      assert.deepEqual(updated.data, { a: "2" });
      const merged = await client.patch(ConfigMaps, key, { data: { b: "3" } });
      assert.deepEqual(merged.data, { a: "2", b: "3" });
      const patch = [{ op: "remove", path: "/data/a" }];
      const patched = await client.patch(ConfigMaps, key, patch, { type: "application/json-patch+json" });
      assert.deepEqual(patched.data, { b: "3" });
      await client.delete(ConfigMaps, key, { body: { preconditions: { uid: created.metadata.uid } } });
      await assert.rejects(client.get(ConfigMaps, key), { code: 404 });
    });

    test("what comes back is frozen", async () => {
      const made = await client.create(ConfigMaps, settings({}, { name: "frozen", labels: { a: "b" } }));
      assert.ok(Object.isFrozen(made) && Object.isFrozen(made.metadata.labels));
      const [item] = (await client.list(ConfigMaps, { namespace, labelSelector: "a=b" })).items;
      assert.ok(item && Object.isFrozen(item) && Object.isFrozen(item.metadata));
    });

    test("errors are the server's Status", async () => {
      const made = await client.create(ConfigMaps, settings({}, { name: "errors" }));
      const cases: readonly [Promise<unknown>, number, string, string][] = [
        [client.get(Deployments, { namespace, name: "web" }), 404, "NotFound", 'deployments.apps "web" not found'],
        [
          client.create(ConfigMaps, settings({}, { name: "errors" })),
          409,
          "AlreadyExists",
          'configmaps "errors" already exists',
        ],
        [
          client.update(ConfigMaps, { ...made, metadata: { ...made.metadata, resourceVersion: "1" } }),
          409,
          "Conflict",
          'Operation cannot be fulfilled on configmaps "errors": the object has been modified; please apply your changes to the latest version and try again',
        ],
        [
          client.create(ConfigMaps, settings({}, { name: "No Good" })),
          422,
          "Invalid",
          "ConfigMap \"No Good\" is invalid: metadata.name: Invalid value: \"No Good\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
        ],
      ];
      for (const [request, code, reason, message] of cases) {
        await assert.rejects(request, (error: unknown) => {
          assert.ok(error instanceof ApiError);
          assert.deepEqual([error.code, error.reason, error.message], [code, reason, message]);
          assert.equal(error.status.kind, "Status");
          return true;
        });
      }
    });

    test("lists are selected, and come in pages", async () => {
      for (let i = 0; i < 5; i++) {
        const labels = { group: "pages", odd: String(i % 2) };
        await client.create(ConfigMaps, settings({}, { name: `page-${i}`, labels }));
      }
      const odd = await client.list(ConfigMaps, { namespace, labelSelector: "group=pages,odd=1" });
      assert.deepEqual(
        odd.items.map((each) => each.metadata.name),
        ["page-1", "page-3"],
      );
      assert.ok(odd.items.every((each) => each.kind === "ConfigMap" && each.apiVersion === "v1"));
      const named = await client.list(ConfigMaps, { namespace, fieldSelector: "metadata.name=page-4" });
      assert.equal(named.items.length, 1);
      const names: string[] = [];
      let token: string | undefined;
      do {
        const page: Awaited<ReturnType<typeof client.list>> = await client.list(ConfigMaps, {
          namespace,
          labelSelector: "group=pages",
          limit: 2,
          ...(token === undefined ? {} : { continue: token }),
        });
        assert.ok(page.items.length <= 2);
        names.push(...page.items.map((each) => each.metadata.name));
        token = page.metadata.continue;
      } while (token);
      assert.deepEqual(names, ["page-0", "page-1", "page-2", "page-3", "page-4"]);
    });

    test("a watch tells what happens after its resourceVersion, and ends with its signal", async () => {
      const { metadata } = await client.list(ConfigMaps, { namespace });
      const stop = new AbortController();
      const events = client.watch(ConfigMaps, {
        namespace,
        resourceVersion: metadata.resourceVersion ?? "",
        fieldSelector: "metadata.name=watched",
        signal: stop.signal,
      });
      const watched = settings({}, { name: "watched" });
      const seen: string[] = [];
      await client.create(ConfigMaps, watched);
      await client.patch(ConfigMaps, watched.metadata, { data: { a: "1" } });
      await client.create(ConfigMaps, settings({}, { name: "not-watched" }));
      await client.delete(ConfigMaps, watched.metadata);
      const reading = (async () => {
        for await (const { type, object } of events) {
          assert.ok(Object.isFrozen(object));
          assert.equal(object.kind, "ConfigMap");
          seen.push(type);
          if (type === "DELETED") stop.abort();
        }
      })();
      // Ending quietly and throwing the reason are both an end.
      await reading.catch((error: unknown) => assert.equal(error, stop.signal.reason));
      assert.deepEqual(seen, ["ADDED", "MODIFIED", "DELETED"]);
    });

    test("a watch from nowhere begins with what is there", async () => {
      const stop = new AbortController();
      const options = { namespace, fieldSelector: "metadata.name=errors", sendInitialEvents: true } as const;
      const events = client.watch(ConfigMaps, {
        ...options,
        resourceVersionMatch: "NotOlderThan",
        allowWatchBookmarks: true,
        signal: stop.signal,
      });
      const seen: WatchEvent<KubeObject>[] = [];
      for await (const event of events) {
        seen.push(event);
        if (event.type === "BOOKMARK") break;
      }
      stop.abort();
      assert.equal(seen[0]?.object.metadata.name, "errors");
      assert.equal(seen[1]?.object.metadata.annotations?.["k8s.io/initial-events-end"], "true");
    });

    test("a watch that the server refuses throws its error", async () => {
      const signal = new AbortController().signal;
      const options = { namespace, resourceVersion: "99999999", resourceVersionMatch: "Exact", signal } as const;
      await assert.rejects(Array.fromAsync(client.watch(ConfigMaps, options)), { name: "ApiError" });
    });

    test("subresources are read, written and created", async () => {
      const node = await client.create(Nodes, { metadata: { name: `${name}-node` } });
      const condition = { type: "Ready", status: "True" };
      const ready = { ...node, status: { ...node.status, conditions: [condition] } };
      const status = await client.update(Nodes, ready, { subresource: "status" });
      const shown = { ...condition, lastHeartbeatTime: null, lastTransitionTime: null };
      assert.deepEqual(status.status.conditions, [shown]);
      const read = await client.get(Nodes, { name: `${name}-node` }, { subresource: "status" });
      assert.deepEqual(read.status.conditions, [shown]);
      await client.create(ServiceAccounts, { metadata: { namespace, name: "default" } });
      const request = { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest" };
      const answer = await client.createSubresource<object, { readonly status: { readonly token: string } }>(
        ServiceAccounts,
        { namespace, name: "default" },
        "token",
        { ...request, spec: { audiences: [], expirationSeconds: 3600 } },
      );
      assert.match(answer.status.token, /^ey[^.]+\.[^.]+\.[^.]+$/);
      const pod = { metadata: { namespace, name: "web" }, spec: { containers: [{ name: "c", image: "i" }] } };
      await client.create(Pods, pod);
      await client.createSubresource(Pods, pod.metadata, "binding", {
        metadata: pod.metadata,
        target: { kind: "Node", name: `${name}-node` },
      });
      assert.equal((await client.get(Pods, pod.metadata)).spec.nodeName, `${name}-node`);
    });

    test("a dry run changes nothing", async () => {
      await client.create(ConfigMaps, settings({}, { name: "dry" }), { dryRun: "All" });
      await assert.rejects(client.get(ConfigMaps, { namespace, name: "dry" }), { code: 404 });
    });

    test("server-side apply merges and names its manager", async () => {
      const applied = { apiVersion: "v1", kind: "ConfigMap", ...settings({ a: "1" }, { name: "applied" }) };
      const made = await client.patch(ConfigMaps, applied.metadata, applied, {
        type: "application/apply-patch+yaml",
        fieldManager: "tester",
        force: true,
      });
      assert.equal(made.metadata.managedFields?.[0]?.manager, "tester");
    });

    test("a collection is deleted as it is selected", async () => {
      await client.deleteCollection(ConfigMaps, { namespace, labelSelector: "group=pages,odd=0" });
      const left = await client.list(ConfigMaps, { namespace, labelSelector: "group=pages" });
      assert.deepEqual(
        left.items.map((each) => each.metadata.name),
        ["page-1", "page-3"],
      );
    });

    test("a request that is given up rejects with the reason", async () => {
      const stop = new AbortController();
      const reason = new Error("enough");
      stop.abort(reason);
      await assert.rejects(client.list(ConfigMaps, { signal: stop.signal }), reason);
    });

    test("an informer follows what happens", async () => {
      const stop = new AbortController();
      const environment = { client, clock: systemClock, random: systemRandom, log: silentLogger, signal: stop.signal };
      const informer = new InformerSet(environment).informer(ConfigMaps, { namespace });
      await informer.synced();
      const before = informer.size;
      await client.create(ConfigMaps, settings({}, { name: "informed" }));
      await informer.waitUntil(() => informer.get(`${namespace}/informed`) !== undefined, stop.signal);
      await client.delete(ConfigMaps, { namespace, name: "informed" });
      await informer.waitUntil(() => informer.size === before, stop.signal);
      stop.abort();
    });
  });
}

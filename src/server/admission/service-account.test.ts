import assert from "node:assert/strict";
import { test } from "node:test";
import { type NewObject, type Pod, Pods, type ServiceAccount, ServiceAccounts } from "../../api/index.ts";
import { seededRandom, settle, VirtualClock } from "../../lib/index.ts";
import { ObjectLookup } from "../lookup-of-objects.ts";
import { admitted } from "./request-for-tests.ts";
import { serviceAccount } from "./service-account.ts";

function setUp(...accounts: readonly Omit<NewObject<ServiceAccount>, "metadata">[]) {
  const lookup = new ObjectLookup();
  for (const account of accounts)
    lookup.put(ServiceAccounts, { metadata: { name: "default", namespace: "green" }, ...account });
  const clock = new VirtualClock();
  return { lookup, clock, plugin: serviceAccount({ lookup, clock, random: seededRandom(1) }) };
}

function pod(spec: Partial<Pod["spec"]> = {}, annotations?: Record<string, string>): NewObject<Pod> {
  const metadata = { name: "web", namespace: "green", ...(annotations ? { annotations } : {}) };
  return { metadata, spec: { containers: [{ name: "web" }], ...spec } };
}

const mountPath = "/var/run/secrets/kubernetes.io/serviceaccount";

test("a pod gets the default account and its token as a volume in every container", async () => {
  const { plugin } = setUp({});
  const { spec } = await admitted(plugin, Pods, { object: pod({ initContainers: [{ name: "init" }] }) });
  assert.equal(spec.serviceAccountName, "default");
  assert.equal(spec.serviceAccount, "default");
  const name = spec.volumes?.[0]?.name ?? "";
  assert.match(name, /^kube-api-access-[a-z0-9]{5}$/);
  assert.deepEqual(spec.volumes, [
    {
      name,
      projected: {
        defaultMode: 420,
        sources: [
          { serviceAccountToken: { expirationSeconds: 3607, path: "token" } },
          { configMap: { name: "kube-root-ca.crt", items: [{ key: "ca.crt", path: "ca.crt" }] } },
          {
            downwardAPI: {
              items: [{ path: "namespace", fieldRef: { apiVersion: "v1", fieldPath: "metadata.namespace" } }],
            },
          },
        ],
      },
    },
  ]);
  for (const container of [...spec.containers, ...(spec.initContainers ?? [])])
    assert.deepEqual(container.volumeMounts, [{ name, readOnly: true, mountPath }]);
});

test("pod and account can each refuse the token, and the pod has the last word", async () => {
  const { plugin } = setUp({ automountServiceAccountToken: false });
  const without = await admitted(plugin, Pods, { object: pod() });
  assert.equal(without.spec.volumes, undefined);
  const withToken = await admitted(plugin, Pods, { object: pod({ automountServiceAccountToken: true }) });
  assert.equal(withToken.spec.volumes?.length, 1);
  const refused = await admitted(setUp({}).plugin, Pods, { object: pod({ automountServiceAccountToken: false }) });
  assert.equal(refused.spec.volumes, undefined);
});

test("what is mounted in the token's place stays, and a volume of that name is used again", async () => {
  const { plugin } = setUp({});
  const volumeMounts = [{ name: "own", mountPath }];
  const own = await admitted(plugin, Pods, { object: pod({ containers: [{ name: "web", volumeMounts }] }) });
  assert.deepEqual(own.spec.containers[0]?.volumeMounts, volumeMounts);
  assert.equal(own.spec.volumes, undefined);
  const volumes = [{ name: "kube-api-access-abcde", emptyDir: {} }];
  const again = await admitted(plugin, Pods, { object: pod({ volumes }) });
  assert.deepEqual(again.spec.volumes, volumes);
  assert.equal(again.spec.containers[0]?.volumeMounts?.[0]?.name, "kube-api-access-abcde");
});

test("pull secrets come from the account unless the pod names its own", async () => {
  const { plugin } = setUp({ imagePullSecrets: [{ name: "registry" }] });
  const given = await admitted(plugin, Pods, { object: pod() });
  assert.deepEqual(given.spec.imagePullSecrets, [{ name: "registry" }]);
  const own = await admitted(plugin, Pods, { object: pod({ imagePullSecrets: [{ name: "mine" }] }) });
  assert.deepEqual(own.spec.imagePullSecrets, [{ name: "mine" }]);
});

test("an account that is not there is refused by name", async () => {
  const { plugin } = setUp({});
  await assert.rejects(admitted(plugin, Pods, { object: pod({ serviceAccountName: "builder" }) }), {
    message:
      'pods "web" is forbidden: error looking up service account green/builder: serviceaccount "builder" not found',
  });
});

test("a pod waits a moment for the account that a new namespace is about to get", async () => {
  const { lookup, plugin, clock } = setUp();
  const waiting = admitted(plugin, Pods, { object: pod() });
  await clock.advance(1000);
  lookup.put(ServiceAccounts, { metadata: { name: "default", namespace: "green" } });
  assert.equal((await waiting).spec.serviceAccountName, "default");
  const other = setUp();
  const never = assert.rejects(admitted(other.plugin, Pods, { object: pod() }), /error looking up service account/);
  await settle();
  await other.clock.advance(1500);
  await never;
});

test("updates are left alone", async () => {
  const { plugin } = setUp();
  const { spec } = await admitted(plugin, Pods, { object: pod(), old: pod() });
  assert.equal(spec.serviceAccountName, undefined);
});

test("a mirror pod names no account, no secret and no token", async () => {
  const { plugin } = setUp({});
  const mirror = { "kubernetes.io/config.mirror": "x" };
  const admit = (spec: Partial<Pod["spec"]>) => admitted(plugin, Pods, { object: pod(spec, mirror) });
  assert.equal((await admit({})).spec.volumes, undefined);
  await assert.rejects(admit({ serviceAccountName: "default" }), /a mirror pod may not reference service accounts/);
  await assert.rejects(
    admit({ volumes: [{ name: "s", secret: { secretName: "x" } }] }),
    /a mirror pod may not reference secrets/,
  );
  await assert.rejects(
    admit({ volumes: [{ name: "t", projected: { sources: [{ serviceAccountToken: { path: "token" } }] } }] }),
    /a mirror pod may not use ServiceAccountToken volume projections/,
  );
});

test("an account can hold its pods to the secrets that it lists", async () => {
  const annotations = { "kubernetes.io/enforce-mountable-secrets": "true" };
  const lookup = new ObjectLookup().put(ServiceAccounts, {
    metadata: { name: "default", namespace: "green", annotations },
    secrets: [{ name: "listed" }],
  });
  const plugin = serviceAccount({ lookup, clock: new VirtualClock(), random: seededRandom(1) });
  const admit = (spec: Partial<Pod["spec"]>) => admitted(plugin, Pods, { object: pod(spec) });
  await admit({ volumes: [{ name: "s", secret: { secretName: "listed" } }] });
  await assert.rejects(
    admit({ volumes: [{ name: "s", secret: { secretName: "other" } }] }),
    /volume with secret.secretName="other" is not allowed because service account default does not reference that secret/,
  );
  const env = [{ name: "A", valueFrom: { secretKeyRef: { name: "other", key: "a" } } }];
  await assert.rejects(admit({ containers: [{ name: "web", env }] }), /container web with envVar A referencing/);
  await assert.rejects(admit({ imagePullSecrets: [{ name: "pull" }] }), /imagePullSecrets\[0\].name="pull"/);
});

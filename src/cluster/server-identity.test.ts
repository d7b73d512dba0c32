import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { type TestContext, test } from "node:test";
import { startTestControlPlane, type TestControlPlane } from "../../test/control-plane.ts";
import { Leases } from "../api/index.ts";
import { microTimestamp, seededRandom, silentLogger } from "../lib/index.ts";
import { apiServerUser } from "../server/index.ts";
import { keepServerIdentity, serverIdentity } from "./server-identity.ts";

test("the name of an API server comes from a hash of its host's", () => {
  // As test/integration/controlplane/apiserver_identity_test.go builds it, with another base 32.
  const hostname = "machine-1.example.net";
  const data = `\0${String.fromCharCode(hostname.length)}${hostname}\0\x0ekube-apiserver`;
  const bits = [...createHash("sha256").update(data).digest().subarray(0, 16)]
    .map((byte) => byte.toString(2).padStart(8, "0"))
    .join("");
  const digits = bits.match(/.{1,5}/g)!.map((part) => Number.parseInt(part.padEnd(5, "0"), 2));
  const text = digits.map((digit) => "abcdefghijklmnopqrstuvwxyz234567"[digit]).join("");
  assert.equal(serverIdentity(hostname), `apiserver-${text}`);
});

test("an API server keeps a lease that tells who it is, and takes it over when it starts again", async (t) => {
  const plane = await startTestControlPlane(t, { controllers: [] });
  const first = keep(t, plane, 1);
  await plane.rest();
  const [made, ...others] = await plane.list(Leases, "kube-system");
  assert.equal(others.length, 0);
  assert.equal(made!.metadata.name, serverIdentity("host-a"));
  assert.deepEqual(made!.metadata.labels, {
    "apiserver.kubernetes.io/identity": "kube-apiserver",
    "kubernetes.io/hostname": "host-a",
  });
  assert.equal(made!.spec.leaseDurationSeconds, 3_600);
  assert.match(made!.spec.holderIdentity!, new RegExp(`^${made!.metadata.name}_[0-9a-f-]{36}$`));

  await plane.rest(11_000);
  const [renewed] = await plane.list(Leases, "kube-system");
  assert.ok(renewed!.spec.renewTime! > made!.spec.renewTime!);
  assert.equal(renewed!.spec.holderIdentity, made!.spec.holderIdentity);

  await first.stop();
  keep(t, plane, 2);
  await plane.rest();
  const [again, ...more] = await plane.list(Leases, "kube-system");
  assert.equal(more.length, 0);
  assert.equal(again!.metadata.uid, made!.metadata.uid);
  assert.notEqual(again!.spec.holderIdentity, made!.spec.holderIdentity);
});

test("the leases of API servers that are gone are removed, and no others", async (t) => {
  const plane = await startTestControlPlane(t, { controllers: [] });
  const lease = (name: string, agoMs: number, { namespace = "kube-system", isIdentity = true } = {}) =>
    plane.create(Leases, {
      metadata: { namespace, name, labels: isIdentity ? { "apiserver.kubernetes.io/identity": "kube-apiserver" } : {} },
      spec: {
        holderIdentity: name,
        leaseDurationSeconds: 3_600,
        renewTime: microTimestamp(plane.clock.now() - agoMs),
      },
    });
  await lease("ended", 7_200_000);
  await lease("fresh", 120_000);
  await lease("no-identity", 7_200_000, { isIdentity: false });
  await lease("elsewhere", 7_200_000, { namespace: "default" });
  keep(t, plane, 1);
  await plane.rest();
  const names = async () => (await plane.list(Leases)).map(({ metadata }) => metadata.name).sort();
  const own = serverIdentity("host-a");
  assert.deepEqual(await names(), [own, "elsewhere", "fresh", "no-identity"]);
  for (let turn = 0; turn < 60; turn++) await plane.rest(61_000);
  assert.deepEqual(await names(), [own, "elsewhere", "no-identity"]);
});

/** Runs it as the server's process does. */
function keep(t: TestContext, plane: TestControlPlane, seed: number): { stop(): Promise<void> } {
  const stopping = new AbortController();
  const over = keepServerIdentity({
    client: plane.as(apiServerUser),
    hostname: "host-a",
    clock: plane.clock,
    random: seededRandom(seed),
    log: silentLogger,
    signal: stopping.signal,
  });
  const stop = () => {
    stopping.abort();
    return over;
  };
  t.after(stop);
  return { stop };
}

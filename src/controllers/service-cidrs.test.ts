import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { startTestControlPlane } from "../../test/control-plane.ts";
import { ApiError, IPAddresses, ServiceCIDRs, serviceUnavailable } from "../api/index.ts";

const finalizers = ["networking.k8s.io/service-cidr-finalizer"];

async function startScene(t: TestContext) {
  const plane = await startTestControlPlane(t, { controllers: ["service-cidr-controller"] });
  const { client, create, rest } = plane;
  const makeRange = async (name: string, ...cidrs: readonly string[]) => {
    await create(ServiceCIDRs, { metadata: { name }, spec: { cidrs } });
    await rest();
  };
  const makeAddress = (name: string) => {
    const labels = { "ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io" };
    const parentRef = { resource: "services", namespace: "default", name: "web" };
    return create(IPAddresses, { metadata: { name, labels }, spec: { parentRef } });
  };
  /** The Ready condition in words; undefined when the range is gone. */
  const stateOf = async (name: string) => {
    try {
      const { metadata, status } = await client.get(ServiceCIDRs, { name });
      assert.deepEqual(metadata.finalizers, finalizers);
      const { type, status: is, reason, message } = status?.conditions?.[0] ?? {};
      return `${type} ${is} ${reason} ${message}`.replace("  ", " ");
    } catch (error) {
      if (error instanceof ApiError && error.code === 404) return undefined;
      throw error;
    }
  };
  const passSeconds = async (seconds: number) => {
    await plane.clock.advance(1000 * seconds);
    await rest();
  };
  const remove = async (name: string) => {
    await client.delete(ServiceCIDRs, { name });
    await rest();
  };
  return { ...plane, makeRange, makeAddress, stateOf, passSeconds, remove };
}

const ready = "Ready True Kubernetes Service CIDR is ready";
const terminating =
  "Ready False Terminating There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR";

test("a ServiceCIDR gets its finalizer and is ready; unused, it goes ten seconds after it was deleted", async (t) => {
  const { makeRange, stateOf, passSeconds, remove, refuse, events, rest } = await startScene(t);
  refuse(({ verb, subresource }) =>
    verb === "update" && subresource === "status" ? serviceUnavailable("busy") : undefined,
  );
  await makeRange("more", "203.0.113.0/24");
  refuse(() => undefined);
  await rest(60_000);
  assert.equal(await stateOf("more"), ready);
  assert.match(
    (await events("ServiceCIDR")).join(),
    /^Warning KubernetesServiceCIDRError The ServiceCIDR Status can not be set to Ready=True \(\d+\)$/,
  );
  await remove("more");
  await passSeconds(8);
  assert.equal(await stateOf("more"), ready);
  await passSeconds(3);
  assert.equal(await stateOf("more"), undefined);
});

test("a ServiceCIDR stays while a service has an address that no other range holds", async (t) => {
  const { client, makeRange, makeAddress, stateOf, passSeconds, remove } = await startScene(t);
  await makeRange("more", "203.0.113.0/24");
  await makeAddress("203.0.113.10");
  await remove("more");
  await passSeconds(30);
  assert.equal(await stateOf("more"), terminating);
  await client.delete(IPAddresses, { name: "203.0.113.10" });
  await passSeconds(11);
  assert.equal(await stateOf("more"), undefined);
});

test("a ServiceCIDR goes although it is used when others hold its addresses", async (t) => {
  const { makeRange, makeAddress, stateOf, passSeconds, remove } = await startScene(t);
  await makeRange("whole", "203.0.113.0/24");
  await makeRange("half", "203.0.113.128/25");
  await makeAddress("203.0.113.200");
  await remove("half");
  await passSeconds(11);
  assert.equal(await stateOf("half"), undefined);
  await makeRange("half", "203.0.113.128/25");
  await remove("whole");
  await passSeconds(11);
  assert.equal(await stateOf("whole"), undefined);
  assert.equal(await stateOf("half"), ready);
});

test("the outer addresses of a range within another count to the other only", async (t) => {
  const { makeRange, makeAddress, stateOf, passSeconds, remove } = await startScene(t);
  await makeRange("whole", "203.0.113.0/24");
  await makeRange("half", "203.0.113.128/25");
  await makeAddress("203.0.113.128");
  await remove("whole");
  await passSeconds(11);
  assert.equal(await stateOf("whole"), terminating);
});

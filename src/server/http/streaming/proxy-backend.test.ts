import assert from "node:assert/strict";
import { test } from "node:test";
import type { EndpointSlice, Pod, Service } from "../../../api/index.ts";
import { seededRandom } from "../../../lib/index.ts";
import { allowed, parseProxyName, podAddress, serviceAddress } from "./proxy-backend.ts";

test("names are taken apart into scheme, name and port", () => {
  assert.deepEqual(parseProxyName("pod", "web"), { scheme: "http", name: "web", port: "" });
  assert.deepEqual(parseProxyName("pod", "web:80"), { scheme: "http", name: "web", port: "80" });
  assert.deepEqual(parseProxyName("pod", "https:web:"), { scheme: "https", name: "web", port: "" });
  for (const wrong of ["", "ftp:web:80", "a:b:c:d", ":80"])
    assert.throws(() => parseProxyName("pod", wrong), { message: `invalid pod request ${JSON.stringify(wrong)}` });
});

test("a pod is reached at the asked port, its first declared one, or that of the scheme", () => {
  const pod = (ports: readonly number[]) =>
    ({
      spec: { containers: [{ name: "x" }, { name: "y", ports: ports.map((containerPort) => ({ containerPort })) }] },
      status: { podIP: "10.42.0.7" },
    }) as unknown as Pod; // only what is read here
  const port = (name: string, declared: readonly number[]) =>
    podAddress(pod(declared), parseProxyName("pod", name)).port;
  assert.equal(port("p:81", [8080]), 81);
  assert.equal(port("p", [8080, 9090]), 8080);
  assert.equal(port("p", []), 80);
  assert.equal(port("https:p:", []), 443);
  assert.throws(() => port("p:http", []), /invalid port "http"/);
});

test("addresses of the machine itself are not proxied to", () => {
  for (const good of ["10.42.0.7", "192.168.1.1", "fd00::1", "2001:db8::1"]) assert.equal(allowed(good), good);
  // To what resolves names of hosts, that would be 8.8.8.8.
  assert.equal(allowed("010.8.8.8"), "10.8.8.8");
  for (const bad of [
    "",
    "127.0.0.1",
    "127.8.8.8",
    "0.0.0.0",
    "169.254.169.254",
    "224.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "fe80::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "0:0:0:0:0:ffff:127.0.0.1",
    "0:0:0:0:0:0:0:1",
    "0::1",
    "::0:0",
    "::1%lo",
    "127.0.0.01",
    "0169.254.169.254",
    "127.1",
    "0x7f.0.0.1",
    "localhost",
  ])
    assert.throws(() => allowed(bad), { message: "address not allowed" }, bad);
});

test("a service is reached at one of its ready endpoints by the port's name or number", () => {
  const service = {
    metadata: { name: "s" },
    spec: {
      ports: [
        { name: "web", port: 80 },
        { name: "admin", port: 81 },
      ],
    },
  } as unknown as Service; // as above
  const slice = {
    addressType: "IPv4",
    ports: [
      { name: "web", port: 8080 },
      { name: "admin", port: 8081 },
    ],
    endpoints: [
      { addresses: ["10.42.0.1"], conditions: { ready: false } },
      { addresses: ["10.42.0.2"] },
      { addresses: ["10.42.0.3"], conditions: { ready: true } },
    ],
  } as unknown as EndpointSlice; // as above
  const random = seededRandom(1);
  const reach = (name: string, slices = [slice]) =>
    serviceAddress(service, slices, parseProxyName("service", name), random);
  const hosts = new Set(Array.from({ length: 50 }, () => reach("s:web").host));
  assert.deepEqual([...hosts].sort(), ["10.42.0.2", "10.42.0.3"]);
  assert.equal(reach("s:80").port, 8080);
  assert.equal(reach("https:s:admin").port, 8081);
  assert.throws(() => reach("s:82"), { message: 'no service port 82 found for service "s"', code: 503 });
  assert.throws(() => reach("s:other"), { message: 'no endpoints available for service "s"', code: 503 });
  assert.throws(() => reach("s:web", []), { message: 'no endpoints available for service "s"' });
});

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Device, DeviceClaim, DeviceClass, ResourceResourceClaim, ResourceSlice } from "../../api/index.ts";
import { allocateDevices } from "./allocator.ts";
import { DeviceSelectors } from "./device-selector.ts";
import { deviceId, type NodeInventory } from "./inventory.ts";

const driver = "gpu.example.com";

/** A device of the model `t4` or `a100`, in a NUMA node. */
const gpu = (name: string, model: string, numa: number): Device => ({
  name,
  attributes: { model: { string: model }, "example.com/numa": { int: numa }, driverVersion: { version: "2.1.0" } },
  capacity: { memory: { value: model === "t4" ? "16Gi" : "80Gi" } },
});
const devices = [gpu("a", "t4", 0), gpu("b", "t4", 1), gpu("c", "a100", 0), gpu("d", "a100", 1)];

const slice = {
  spec: { driver, nodeName: "n1", pool: { name: "n1", generation: 1, resourceSliceCount: 1 }, devices },
} as unknown as ResourceSlice; // the metadata does not matter
const inventory: NodeInventory = {
  devices: devices.map((device) => ({ device, slice, id: deviceId(driver, "n1", device.name) })),
  incompletePool: undefined,
};

const classes = new Map(
  [
    { metadata: { name: "any" }, spec: {} },
    {
      metadata: { name: "large" },
      spec: {
        selectors: [{ cel: { expression: `device.capacity["${driver}"].memory.compareTo(quantity("40Gi")) > 0` } }],
        config: [{ opaque: { driver, parameters: { mode: "fast" } } }],
      },
    },
    { metadata: { name: "wrong" }, spec: { selectors: [{ cel: { expression: "device.nothing" } }] } },
  ].map((each) => [each.metadata.name, each as unknown as DeviceClass]), // as above
);

const claimOf = (claim: DeviceClaim) =>
  ({ metadata: { namespace: "default", name: "claim" }, spec: { devices: claim } }) as unknown as ResourceResourceClaim; // as above
const exactly = (name: string, deviceClassName: string, more: object = {}) => ({
  name,
  exactly: { deviceClassName, allocationMode: "ExactCount", count: 1, ...more },
});
const celOf = (expression: string) => ({ selectors: [{ cel: { expression } }] });

function allocate(
  claims: readonly DeviceClaim[],
  taken: readonly string[] = [],
  from = inventory,
  isOverdue = () => false,
) {
  return allocateDevices({
    claims: claims.map(claimOf),
    inventory: from,
    nodeName: "n1",
    classOf: (name) => classes.get(name),
    isTaken: (id) => taken.includes(id.split("/").at(-1) ?? ""),
    selectors: new DeviceSelectors(),
    isOverdue,
  });
}

/** `request device` of each result. */
const devicesOf = (...args: Parameters<typeof allocate>) =>
  allocate(...args)?.map(({ devices }) =>
    (devices?.results ?? []).map(({ request, device }) => `${request} ${device}`),
  );

test("a request gets as many devices of its class as it asks for, and none that is taken", () => {
  assert.deepEqual(devicesOf([{ requests: [exactly("gpu", "large", { count: 2 })] }]), [["gpu c", "gpu d"]]);
  assert.equal(devicesOf([{ requests: [exactly("gpu", "large", { count: 2 })] }], ["c"]), undefined);
  assert.deepEqual(devicesOf([{ requests: [exactly("gpu", "any")] }], ["a"]), [["gpu b"]]);
});

test("selectors read attributes, versions and capacities", () => {
  const selects = (expression: string) => devicesOf([{ requests: [exactly("gpu", "any", celOf(expression))] }]);
  assert.deepEqual(selects(`device.attributes["${driver}"].model == "a100"`), [["gpu c"]]);
  assert.deepEqual(selects(`device.attributes["example.com"].numa == 1`), [["gpu b"]]);
  assert.deepEqual(selects(`cel.bind(gpu, device.attributes["${driver}"], gpu.model == "a100")`), [["gpu c"]]);
  assert.deepEqual(selects(`device.driver == "${driver}"`), [["gpu a"]]);
  assert.deepEqual(selects(`device.attributes["${driver}"].driverVersion.isGreaterThan(semver("2.0.0"))`), [["gpu a"]]);
  assert.equal(selects(`has(device.attributes["other.example.com"].model)`), undefined);
});

test("a selector that cannot be evaluated says whose it is", () => {
  const wrong = (deviceClassName: string, more: object) => () =>
    allocate([{ requests: [exactly("gpu", deviceClassName, more)] }]);
  assert.throws(wrong("wrong", {}), /^Error: class wrong: selector #0: CEL compile error: /);
  const missing = celOf(`device.attributes["${driver}"].colour == "red"`);
  assert.throws(wrong("any", missing), /^Error: claim default\/claim: selector #0: CEL runtime error: /);
});

test("all devices that match are given, or none when one is taken or the pool is being replaced", () => {
  const all = [{ requests: [exactly("gpu", "large", { allocationMode: "All" })] }];
  assert.deepEqual(devicesOf(all), [["gpu c", "gpu d"]]);
  assert.equal(devicesOf(all, ["d"]), undefined);
  const why = /claim default\/claim, request gpu: asks for all devices, but resource pool p is currently being updated/;
  assert.throws(() => allocate(all, [], { ...inventory, incompletePool: "p" }), why);
});

test("the first alternative that works for the whole claim is taken", () => {
  const requests = [
    {
      name: "gpu",
      firstAvailable: [
        { name: "big", deviceClassName: "large", allocationMode: "ExactCount", count: 2 },
        { name: "small", deviceClassName: "any", allocationMode: "ExactCount", count: 1 },
      ],
    },
  ];
  assert.deepEqual(devicesOf([{ requests }]), [["gpu/big c", "gpu/big d"]]);
  assert.deepEqual(devicesOf([{ requests }], ["c"]), [["gpu/small a"]]);
});

test("devices have the attribute in common that a constraint names, even if others must be tried", () => {
  const requests = [
    exactly("one", "any", celOf(`device.attributes["${driver}"].model == "t4"`)),
    exactly("two", "large"),
  ];
  const constraints = [{ matchAttribute: "example.com/numa" as const, requests: ["one", "two"] }];
  assert.deepEqual(devicesOf([{ requests, constraints }], ["c"]), [["one b", "two d"]]);
  assert.equal(devicesOf([{ requests, constraints }], ["c", "b"]), undefined);
  const inherited = [{ matchAttribute: "example.com/constructor" as const }];
  assert.equal(devicesOf([{ requests, constraints: inherited }]), undefined);
});

test("claims of one pod share the devices, and a claim gives back what another one needs", () => {
  const claims = [
    { requests: [exactly("x", "any")] },
    { requests: [exactly("y", "any", celOf(`device.attributes["example.com"].numa == 0`))] },
  ];
  assert.deepEqual(devicesOf(claims, ["c", "d"]), [["x b"], ["y a"]]);
});

test("an administrator sees devices that others have", () => {
  const requests = [exactly("watch", "large", { adminAccess: true, allocationMode: "All" })];
  const [result] = allocate([{ requests }], ["c", "d"]) ?? [];
  assert.deepEqual(
    result?.devices?.results?.map(({ device, adminAccess }) => [device, adminAccess]),
    [
      ["c", true],
      ["d", true],
    ],
  );
});

test("a claim has a device once, and what an administrator watches is not given to others of the pod", () => {
  const watch = (name: string) => exactly(name, "large", { adminAccess: true });
  assert.deepEqual(devicesOf([{ requests: [watch("one"), watch("two")] }]), [["one c", "two d"]]);
  assert.equal(devicesOf([{ requests: [watch("one"), watch("two"), watch("three")] }]), undefined);
  assert.deepEqual(devicesOf([{ requests: [watch("one")] }, { requests: [exactly("use", "large")] }]), [
    ["one c"],
    ["use d"],
  ]);
});

test("a selector is asked only of devices that may be had", () => {
  const odd = { name: "z" };
  const from = {
    devices: [...inventory.devices, { device: odd, slice, id: deviceId(driver, "n1", "z") }],
    incompletePool: undefined,
  };
  const requests = [exactly("gpu", "any", celOf(`device.attributes["${driver}"].model == "a100"`))];
  assert.deepEqual(devicesOf([{ requests }], [], from), [["gpu c"]]);
  assert.throws(() => allocate([{ requests }], ["c", "d"], from), /CEL runtime error: no such key: model/);
  assert.equal(devicesOf([{ requests }], ["c", "d", "z"], from), undefined);
});

test("what can never be given is an error that says why", () => {
  const all = exactly("all", "any", { allocationMode: "All" });
  const constraints = [{ matchAttribute: "example.com/numa" as const }];
  assert.throws(
    () => allocate([{ requests: [all], constraints }]),
    /^Error: claim default\/claim, request all: cannot add device gpu\.example\.com\/n1\/b because a claim constraint would/,
  );
  const much = [exactly("much", "any", { count: 20 }), exactly("more", "any", { count: 13 })];
  assert.throws(
    () => allocate([{ requests: much }]),
    /^Error: claim default\/claim: number of requested devices 33 exceeds the claim limit of 32$/,
  );
});

test("the result says on which nodes it is, and carries the configuration of class and claim", () => {
  const config = [
    { requests: ["gpu"], opaque: { driver, parameters: { a: 1 } } },
    { requests: ["other"], opaque: { driver, parameters: { b: 1 } } },
  ];
  const [result] = allocate([{ requests: [exactly("gpu", "large")], config }]) ?? [];
  assert.deepEqual(result?.devices?.config, [
    { source: "FromClass", requests: ["gpu"], opaque: { driver, parameters: { mode: "fast" } } },
    { source: "FromClaim", requests: ["gpu"], opaque: { driver, parameters: { a: 1 } } },
  ]);
  const matchFields = [{ key: "metadata.name", operator: "In", values: ["n1"] }];
  assert.deepEqual(result?.nodeSelector, { nodeSelectorTerms: [{ matchFields }] });
});

test("a search that would take too long ends", () => {
  const many = Array.from({ length: 40 }, (_, i) => gpu(`g${i}`, "t4", i));
  const from: NodeInventory = {
    devices: many.map((device) => ({ device, slice, id: deviceId(driver, "n1", device.name) })),
    incompletePool: undefined,
  };
  const requests = [exactly("gpus", "any", { count: 20 })];
  const constraints = [{ matchAttribute: "example.com/numa" as const }];
  assert.equal(devicesOf([{ requests, constraints }], [], from), undefined);
  const impossible = [exactly("half", "any", { count: 20 }), exactly("none", "large")];
  assert.throws(() => allocate([{ requests: impossible }], [], from), /timed out trying to allocate devices/);
  let looks = 0;
  const isOverdue = () => ++looks === 2;
  assert.throws(
    () => allocate([{ requests: impossible }], [], from, isOverdue),
    /timed out trying to allocate devices/,
  );
  assert.equal(looks, 2);
});

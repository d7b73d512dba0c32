import assert from "node:assert/strict";
import { test } from "node:test";
import { cells, created, errorsOnCreate, errorsOnUpdate, type Partially } from "../definition-fixture.ts";
import type { Device, DeviceClassSpec, ResourceSlice, ResourceSliceSpec } from "../types.generated.ts";
import { DeviceClasses } from "./device-class.ts";
import { ResourceSlices } from "./resource-slice.ts";

const sliceOf = (spec: Partially<ResourceSliceSpec> = {}): Partially<ResourceSlice> => ({
  spec: {
    driver: "gpu.example.com",
    nodeName: "node-1",
    pool: { name: "node-1", generation: 1, resourceSliceCount: 1 },
    ...spec,
  },
});
const withDevice = (device: Partially<Device>) => sliceOf({ devices: [device] });
const onePlace = "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required";

test("wrong slices are refused with Kubernetes' words", () => {
  const { nodeName: _, ...nowhere } = sliceOf().spec ?? {};
  const at = "spec.devices[0]";
  const table: [string, Partially<ResourceSlice>, string[]][] = [
    ["a right one", withDevice({ name: "gpu-0", attributes: { model: { string: "a" } } }), []],
    ["no place", { spec: nowhere }, [`spec: Required value: ${onePlace}`]],
    [
      "two places",
      sliceOf({ allNodes: true }),
      [`spec: Invalid value: "{\`nodeName\`, \`allNodes\`}": ${onePlace}, but multiple fields are set`],
    ],
    [
      "an empty node",
      sliceOf({ nodeName: "", allNodes: true }),
      ['spec.nodeName: Invalid value: "": must be either unset or set to a non-empty string'],
    ],
    [
      "not all nodes",
      sliceOf({ allNodes: false }),
      ["spec.allNodes: Invalid value: false: must be either unset or set to true"],
    ],
    [
      "a pool of nothing",
      sliceOf({ pool: { name: "", resourceSliceCount: 0, generation: -1 } }),
      [
        "spec.pool.name: Required value",
        "spec.pool.resourceSliceCount: Invalid value: 0: must be greater than zero",
        "spec.pool.generation: Invalid value: -1: must be greater than or equal to zero",
      ],
    ],
    [
      "a device twice",
      sliceOf({ devices: [{ name: "gpu-0" }, { name: "gpu-0" }] }),
      ['spec.devices[1]: Duplicate value: "gpu-0"'],
    ],
    [
      "too many devices",
      sliceOf({ devices: Array.from({ length: 129 }, (_, index) => ({ name: `gpu-${index}` })) }),
      ["spec.devices: Too many: 129: must have at most 128 items"],
    ],
    [
      "values of attributes",
      withDevice({
        name: "gpu-0",
        attributes: {
          a: {},
          b: { int: 0, bool: false },
          c: { version: "1.2" },
          d: { string: "x".repeat(65) },
        },
      }),
      [
        `${at}.attributes[a]: Invalid value: "": exactly one value must be specified`,
        `${at}.attributes[b]: Invalid value: {"IntValue":0,"BoolValue":false,"StringValue":null,"VersionValue":null}: exactly one value must be specified`,
        `${at}.attributes[c].version: Invalid value: "1.2": must be a string compatible with semver.org spec 2.0.0`,
        `${at}.attributes[d].string: Too long: may not be more than 64 bytes`,
      ],
    ],
    [
      "names of attributes and capacities",
      withDevice({
        name: "gpu-0",
        attributes: { "/model": { int: 1 }, "a/b/c": { int: 1 }, "example.com/model": { int: 1 } },
        capacity: { "example.com/": { value: "1Gi" } },
      }),
      [
        `${at}.attributes[/model]: Invalid value: "": the domain must not be empty`,
        `${at}.capacity[example.com/]: Invalid value: "": the name must not be empty`,
      ],
    ],
    [
      "too many attributes",
      withDevice({
        name: "gpu-0",
        attributes: Object.fromEntries(Array.from({ length: 33 }, (_, index) => [`a${index}`, { int: 1 }])),
      }),
      [`${at}: Invalid value: 33: the total number of attributes and capacities must not exceed 32`],
    ],
  ];
  for (const [name, slice, errors] of table) assert.deepEqual(errorsOnCreate(ResourceSlices, slice), errors, name);
});

test("who publishes a slice, of what and where, stays", () => {
  const errors = errorsOnUpdate(ResourceSlices, sliceOf(), ({ spec }) => {
    spec.driver = "other.example.com";
    spec.nodeName = "node-2";
    spec.pool.name = "node-2";
    spec.pool.generation = 2;
  });
  assert.deepEqual(errors, [
    'spec.pool.name: Invalid value: "node-2": field is immutable',
    'spec.driver: Invalid value: "other.example.com": field is immutable',
    'spec.nodeName: Invalid value: "node-2": field is immutable',
  ]);
});

test("fields of features that v1.35 has off are removed from slices and classes", () => {
  const slice = created(
    ResourceSlices,
    sliceOf({
      perDeviceNodeSelection: true,
      devices: [
        {
          name: "gpu-0",
          taints: [{ key: "a", effect: "NoSchedule" }],
          allNodes: true,
          attributes: { a: { int: 1, ints: [1] } },
          capacity: { memory: { value: "1Gi", requestPolicy: { default: "1Mi" } } },
        },
      ],
    }),
  );
  assert.deepEqual(slice.spec.devices, [
    { name: "gpu-0", attributes: { a: { int: 1 } }, capacity: { memory: { value: "1Gi" } } },
  ]);
  assert.equal(slice.spec.perDeviceNodeSelection, undefined);
  const spec: DeviceClassSpec = { extendedResourceName: "example.com/gpu" };
  assert.deepEqual(created(DeviceClasses, { spec }).spec, {});
});

test("a slice's node and driver can be selected and are printed", () => {
  const slice = created(ResourceSlices, sliceOf({ driver: "GPU.example.com" }));
  assert.equal(ResourceSlices.selectableFields["spec.nodeName"]?.(slice), "node-1");
  assert.equal(ResourceSlices.selectableFields["spec.driver"]?.(slice), "GPU.example.com");
  const { Node, Driver, Pool } = cells(ResourceSlices, { metadata: {}, ...sliceOf() });
  assert.deepEqual({ Node, Driver, Pool }, { Node: "node-1", Driver: "gpu.example.com", Pool: "node-1" });
  assert.deepEqual(ResourceSlices.warnings?.(slice, undefined), [
    'spec.driver: driver names should be lowercase; "GPU.example.com" contains uppercase characters',
  ]);
});

test("wrong classes are refused", () => {
  const errors = errorsOnCreate(DeviceClasses, {
    spec: {
      selectors: [{}],
      config: [
        {},
        { opaque: { driver: "gpu.example.com" } },
        { opaque: { driver: "gpu.example.com", parameters: { text: "x".repeat(10 * 1024) } } },
      ],
    },
  });
  assert.deepEqual(errors, [
    "spec.selectors[0].cel: Required value",
    "spec.config[0].opaque: Required value",
    "spec.config[1].opaque.parameters: Required value",
    "spec.config[2].opaque.parameters: Too long: may not be more than 10240 bytes",
  ]);
});

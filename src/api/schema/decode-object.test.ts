import assert from "node:assert/strict";
import { test } from "node:test";
import { defineResource } from "../resource.ts";
import { decodeObject, decodePatched, type FieldValidation } from "./decode-object.ts";
import { type Decoded, decodeJson } from "./json.ts";
import { goText } from "./json-value.ts";
import { decodeYaml } from "./yaml.ts";

const pods = defineResource({ group: "", version: "v1", kind: "Pod", plural: "pods" });
const deployments = defineResource({ group: "apps", version: "v1", kind: "Deployment", plural: "deployments" });
const services = defineResource({ group: "", version: "v1", kind: "Service", plural: "services" });
const secrets = defineResource({ group: "", version: "v1", kind: "Secret", plural: "secrets" });
const claims = defineResource({
  group: "",
  version: "v1",
  kind: "PersistentVolumeClaim",
  plural: "persistentvolumeclaims",
});
const leases = defineResource({ group: "coordination.k8s.io", version: "v1", kind: "Lease", plural: "leases" });
const crds = defineResource({
  group: "apiextensions.k8s.io",
  version: "v1",
  kind: "CustomResourceDefinition",
  plural: "customresourcedefinitions",
});
const widgets = {
  group: "example.com",
  version: "v1",
  kind: "Widget",
  schemaName: "com.example.v1.Widget",
  schema: {
    type: "object",
    properties: {
      spec: {
        type: "object",
        properties: {
          size: { type: "integer" },
          any: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
        },
      },
    },
  },
};

const decode = (kind: typeof widgets | typeof pods, value: unknown, validation: FieldValidation = "Strict") =>
  JSON.parse(JSON.stringify(decodeObject(kind, value, validation)));
const object = (kind: typeof widgets | typeof pods, value: unknown) => decode(kind, value).object;

test("identity and the structs that always exist are filled in", () => {
  assert.deepEqual(object(pods, {}), { kind: "Pod", apiVersion: "v1", metadata: {}, spec: {}, status: {} });
  // selector is a pointer: validation must see that it is missing.
  const deployment = object(deployments, { spec: { template: { spec: { containers: [{ name: "a" }] } } } });
  assert.deepEqual(deployment, {
    kind: "Deployment",
    apiVersion: "apps/v1",
    metadata: {},
    spec: {
      strategy: {},
      template: { metadata: {}, spec: { containers: [{ name: "a", resources: {} }] } },
    },
    status: {},
  });
  assert.deepEqual(object(services, {}).status, { loadBalancer: {} });
});

test("values take their canonical form", () => {
  const pod = object(pods, {
    metadata: { creationTimestamp: "2026-01-01T01:00:00+01:00" },
    spec: {
      containers: [{ name: "a", resources: { requests: { cpu: 0.5, memory: "1024Mi" }, limits: { cpu: null } } }],
    },
  });
  assert.equal(pod.metadata.creationTimestamp, "2026-01-01T00:00:00Z");
  assert.deepEqual(pod.spec.containers[0].resources, {
    requests: { cpu: "500m", memory: "1Gi" },
    limits: { cpu: "0" },
  });
  assert.deepEqual(object(secrets, { data: { a: "YQ\n==" } }).data, { a: "YQ==" });
});

test("what Go leaves out is left out, what means something stays", () => {
  const { spec } = object(pods, {
    spec: {
      hostNetwork: false,
      automountServiceAccountToken: false,
      nodeName: "",
      terminationGracePeriodSeconds: 0,
      tolerations: [],
      nodeSelector: {},
      volumes: [{ name: "v", emptyDir: {} }],
      containers: [
        {
          name: "a",
          livenessProbe: { initialDelaySeconds: 0, tcpSocket: { port: 0 } },
          args: null,
          env: [{ name: "A", value: "" }],
        },
      ],
    },
  });
  assert.deepEqual(spec, {
    automountServiceAccountToken: false,
    terminationGracePeriodSeconds: 0,
    volumes: [{ name: "v", emptyDir: {} }],
    containers: [{ name: "a", resources: {}, livenessProbe: { tcpSocket: { port: 0 } }, env: [{ name: "A" }] }],
  });
  assert.equal(object(claims, { spec: { storageClassName: "" } }).spec.storageClassName, "");
  assert.equal(object(deployments, { spec: { replicas: 0, paused: false } }).spec.replicas, 0);
});

test("null is absent; in a list or a map it is the zero value", () => {
  const pod = object(pods, {
    metadata: null,
    spec: { nodeName: null, nodeSelector: { a: null }, containers: [null, { name: "a", args: [null] }] },
  });
  assert.deepEqual(pod.metadata, {});
  assert.deepEqual(pod.spec, {
    nodeSelector: { a: "" },
    containers: [{ resources: {} }, { name: "a", resources: {}, args: [""] }],
  });
});

test("keys of maps may have any name", () => {
  const labels = JSON.parse('{"__proto__":"x","constructor":"y"}');
  const decoded = decodeObject(pods, { metadata: { labels } }, "Strict").object;
  assert.deepEqual(Object.entries(decoded.metadata.labels ?? {}), [
    ["__proto__", "x"],
    ["constructor", "y"],
  ]);
  assert.throws(() => decode(pods, JSON.parse('{"spec":{"__proto__":{}}}')), /unknown field "spec\.__proto__"/);
});

test("types that hold themselves are decoded at any depth", () => {
  const property = { type: "object", properties: { b: { type: "string", nullable: false, foo: 1 } } };
  const versions = [{ name: "v1", schema: { openAPIV3Schema: { type: "object", properties: { a: property } } } }];
  assert.throws(
    () => decode(crds, { spec: { versions } }),
    /unknown field "spec\.versions\[0\]\.schema\.openAPIV3Schema\.properties\.a\.properties\.b\.foo"/,
  );
});

test("a value of the wrong type is a 400 in the words of Go's decoder", () => {
  const container = (value: object) => ({ spec: { containers: [{ name: "a", ...value }] } });
  for (const [kind, value, why] of [
    [
      pods,
      { spec: { containers: "x" } },
      "json: cannot unmarshal string into Go struct field PodSpec.spec.containers of type []v1.Container",
    ],
    [pods, { spec: [] }, "json: cannot unmarshal array into Go struct field Pod.spec of type v1.PodSpec"],
    [
      pods,
      { metadata: { labels: { a: 1 } } },
      "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string",
    ],
    [
      pods,
      { metadata: { name: {} } },
      "json: cannot unmarshal object into Go struct field ObjectMeta.metadata.name of type string",
    ],
    [
      pods,
      container({ env: [{ value: 1 }] }),
      "json: cannot unmarshal number into Go struct field EnvVar.spec.containers.env.value of type string",
    ],
    [
      pods,
      container({ args: "x" }),
      "json: cannot unmarshal string into Go struct field Container.spec.containers.args of type []string",
    ],
    [
      pods,
      container({ ports: [{ containerPort: "80" }] }),
      "json: cannot unmarshal string into Go struct field ContainerPort.spec.containers.ports.containerPort of type int32",
    ],
    [
      pods,
      container({ stdin: "true" }),
      "json: cannot unmarshal string into Go struct field Container.spec.containers.stdin of type bool",
    ],
    [
      pods,
      container({ imagePullPolicy: true }),
      "json: cannot unmarshal bool into Go struct field Container.spec.containers.imagePullPolicy of type v1.PullPolicy",
    ],
    [
      pods,
      container({ resources: { limits: [] } }),
      "json: cannot unmarshal array into Go struct field ResourceRequirements.spec.containers.resources.limits of type v1.ResourceList",
    ],
    [
      pods,
      container({ resources: { limits: { cpu: "x" } } }),
      "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
    ],
    [
      pods,
      { metadata: { creationTimestamp: "now" } },
      'parsing time "now" as "2006-01-02T15:04:05Z07:00": cannot parse "now" as "2006"',
    ],
    [
      pods,
      container({ livenessProbe: { httpGet: { port: 1.5 } } }),
      "json: cannot unmarshal number 1.5 into Go value of type int32",
    ],
    [
      deployments,
      { spec: { replicas: 1.5 } },
      "json: cannot unmarshal number 1.5 into Go struct field DeploymentSpec.spec.replicas of type int32",
    ],
    [
      deployments,
      { spec: { replicas: 2147483648 } },
      "json: cannot unmarshal number 2147483648 into Go struct field DeploymentSpec.spec.replicas of type int32",
    ],
    [secrets, { data: { a: "x" } }, "illegal base64 data at input byte 0"],
    [secrets, { data: { a: "ab-d" } }, "illegal base64 data at input byte 2"],
    [secrets, { data: { a: 1 } }, "json: cannot unmarshal number into Go struct field Secret.data of type []uint8"],
    [
      leases,
      { spec: { renewTime: "2026-01-01T00:00:00Z" } },
      'parsing time "2026-01-01T00:00:00Z" as "2006-01-02T15:04:05.000000Z07:00": cannot parse "Z" as ".000000"',
    ],
  ] as const)
    assert.throws(() => decode(kind, value), {
      code: 400,
      reason: "BadRequest",
      message: `${kind.kind} in version "v1" cannot be handled as a ${kind.kind}: ${why}`,
    });
});

test("unknown and duplicate fields are refused, warned of or ignored as asked, and left out", () => {
  const value = { foo: 1, spec: { containers: [{ name: "a", bar: { x: 1 } }] } };
  assert.throws(() => decodeObject(pods, value, "Strict", ['duplicate field "spec.nodeName"']), {
    code: 400,
    message:
      'Pod in version "v1" cannot be handled as a Pod: strict decoding error: unknown field "foo", unknown field "spec.containers[0].bar", duplicate field "spec.nodeName"',
  });
  const warned = decodeObject(pods, value, "Warn", ['duplicate field "spec.nodeName"']);
  assert.deepEqual(warned.warnings, [
    'unknown field "foo"',
    'unknown field "spec.containers[0].bar"',
    'duplicate field "spec.nodeName"',
  ]);
  assert.deepEqual(decode(pods, value, "Ignore"), {
    object: {
      kind: "Pod",
      apiVersion: "v1",
      metadata: {},
      spec: { containers: [{ name: "a", resources: {} }] },
      status: {},
    },
    warnings: [],
  });
});

const sentences = (kind: typeof widgets | typeof pods, { value, duplicates, inOrder }: Decoded) =>
  decodeObject(kind, value, "Warn", duplicates, inOrder).warnings;

test("unknown and duplicate fields are told in the order in which Kubernetes meets them", () => {
  const json = `{"spec":{"unknown1":1,"unknownDupe":{"a":1},"nodeName":"a","unknownDupe":{"a":1,"a":2},"nodeName":"b",
    "containers":[{"name":"a","unknownNested":1,"image":"a","image":"b"}]}}`;
  const nested = "spec.containers[0].";
  assert.deepEqual(sentences(pods, decodeJson(json)), [
    'unknown field "spec.unknown1"',
    'unknown field "spec.unknownDupe"',
    'duplicate field "spec.nodeName"',
    `unknown field "${nested}unknownNested"`,
    `duplicate field "${nested}image"`,
  ]);
  const yaml =
    "spec:\n  unknown1: 1\n  nodeName: a\n  nodeName: b\n  containers:\n  - {name: a, unknownNested: 1}\n  abc: 1\n";
  assert.deepEqual(sentences(pods, decodeYaml(yaml)), [
    'yaml: unmarshal errors:\n  line 4: key "nodeName" already set in map',
    'unknown field "spec.abc"',
    `unknown field "${nested}unknownNested"`,
    'unknown field "spec.unknown1"',
  ]);
  const custom = `{"apiVersion":"example.com/v1","kind":"Widget","spec":{"size":1,"b":1,"a":1,"b":2,"size":2},"metadata":{"c":1}}`;
  assert.deepEqual(sentences(widgets, decodeJson(custom)), [
    'duplicate field "spec.b"',
    'duplicate field "spec.size"',
    'unknown field "metadata.c"',
    'unknown field "spec.a"',
    'unknown field "spec.b"',
  ]);
});

test("what a patch made is told of after the patch, by the names of the fields", () => {
  const value = { spec: { unknown: 1, containers: [{ name: "a", unknownNested: 1 }], abc: 1 } };
  assert.deepEqual(decodePatched(pods, value, "Warn", ['duplicate field "spec.x"']).warnings, [
    'duplicate field "spec.x"',
    'unknown field "spec.abc"',
    'unknown field "spec.containers[0].unknownNested"',
    'unknown field "spec.unknown"',
  ]);
});

test("a body must be what the path says", () => {
  for (const [value, message] of [
    [{ apiVersion: "v1beta1" }, "the API version in the data (v1beta1) does not match the expected API version (v1)"],
    [
      { apiVersion: "v2" },
      'Pod in version "v2" cannot be handled as a Pod: no kind "Pod" is registered for version "v2" in scheme "k8s.io/kubernetes/pkg/api/legacyscheme/scheme.go:30"',
    ],
    [
      { apiVersion: "apps/v1", kind: "Deployment" },
      'Deployment in version "v1" cannot be handled as a Pod: converting (v1.Deployment) to (core.Pod): unknown conversion',
    ],
    [
      { apiVersion: "v1", kind: "Foo" },
      'Foo in version "v1" cannot be handled as a Pod: no kind "Foo" is registered for version "v1" in scheme "k8s.io/kubernetes/pkg/api/legacyscheme/scheme.go:30"',
    ],
    [
      { kind: 1 },
      'the object provided is unrecognized (must be of type Pod): couldn\'t get version/kind; json parse error: json: cannot unmarshal number into Go struct field .kind of type string ({"kind":1})',
    ],
  ] as const)
    assert.throws(() => decode(pods, value), { code: 400, message });
  assert.throws(() => decode(pods, []), /cannot unmarshal array into Go value of type struct \{ APIVersion string/);
  assert.throws(() => decode(pods, null), /unrecognized \(must be of type Pod\)/);
  assert.throws(() => decode(pods, undefined), /json parse error: unexpected end of JSON input \(<empty>\)$/);
});

test("a custom resource must say what it is", () => {
  const is = { apiVersion: "example.com/v1", kind: "Widget" };
  const missing = `Object 'Kind' is missing in '{"spec":{}}'`;
  const unrecognized = `the object provided is unrecognized (must be of type Widget): ${missing} ({"spec":{}})`;
  const expected = "does not match the expected API version (example.com/v1)";
  const refusals: readonly (readonly [FieldValidation, value: object, code: number, message: string])[] = [
    ["Warn", { spec: {} }, 400, unrecognized],
    ["Strict", { spec: {} }, 400, unrecognized],
    ["Ignore", { spec: {} }, 400, `Widget in version "v1" cannot be handled as a Widget: ${missing}`],
    ["Warn", { kind: "Widget" }, 400, `the API version in the data () ${expected}`],
    ["Warn", { ...is, apiVersion: "example.com/v2" }, 400, `the API version in the data (example.com/v2) ${expected}`],
    [
      "Warn",
      { ...is, kind: "Gadget", metadata: { name: "a" } },
      422,
      'Gadget.example.com "a" is invalid: kind: Invalid value: "Gadget": must be Widget',
    ],
  ];
  for (const [validation, value, code, message] of refusals)
    assert.throws(() => decode(widgets, value, validation), { code, message });
});

test("a patch must leave a custom resource what it is", () => {
  const is = { apiVersion: "example.com/v1", kind: "Widget", metadata: { name: "a" } };
  const patched = (value: object) => decodePatched(widgets, value, "Warn");
  assert.throws(() => patched({ ...is, kind: undefined }), {
    code: 422,
    message: / "" is invalid: patch: Invalid value: ".*": Object 'Kind' is missing in '\{"apiVersion":.*\}'$/,
  });
  assert.throws(() => patched({ ...is, apiVersion: "other.com/v1" }), {
    code: 422,
    message: 'Widget.other.com "a" is invalid: apiVersion: Invalid value: "other.com/v1": must be example.com/v1',
  });
  assert.equal(patched(is).object.kind, "Widget");
});

test("custom resources keep what their schema knows", () => {
  const is = { apiVersion: "example.com/v1", kind: "Widget" };
  const value = { ...is, metadata: { name: "a", foo: 1 }, spec: { size: 0, extra: 1, any: { x: { y: null } } } };
  const { object: widget, warnings } = decode(widgets, value, "Warn");
  assert.deepEqual(widget, {
    kind: "Widget",
    apiVersion: "example.com/v1",
    metadata: { name: "a" },
    spec: { size: 0, any: { x: { y: null } } },
  });
  assert.deepEqual(warnings, ['unknown field "metadata.foo"', 'unknown field "spec.extra"']);
  assert.throws(() => decode(widgets, { ...is, metadata: { name: 1 } }), { code: 400 });
});

test("a patched object that does not decode is a 422", () => {
  assert.throws(() => decodePatched(pods, { spec: { nodeName: 1 } }, "Strict"), {
    code: 422,
    message:
      ' "" is invalid: patch: Invalid value: "{\\"spec\\":{\\"nodeName\\":1}}": json: cannot unmarshal number into Go struct field PodSpec.spec.nodeName of type string',
  });
  assert.throws(() => decodePatched(pods, { foo: 1 }, "Strict"), /strict decoding error: unknown field "foo"$/);
});

test("what a strategic merge patch made is told of in the words of the converter, with the patch", () => {
  const patch = { spec: { nodeName: 1, overhead: null, tolerations: [{ key: "a", operator: "Exists" }] } };
  const converted = (value: unknown, duplicates: readonly string[] = []) =>
    decodePatched(pods, value, "Strict", duplicates, () => goText(patch));
  const shown = "map[spec:map[nodeName:1 overhead:<nil> tolerations:[map[key:a operator:Exists]]]]";
  const expected: readonly (readonly [value: unknown, message: string])[] = [
    [{ metadata: { labels: "invalid" } }, "cannot restore map from string"],
    [{ spec: { containers: {} } }, "cannot restore slice from map"],
    [{ spec: { containers: [1] } }, "cannot restore struct from: int64"],
    [{ spec: { nodeName: 1 } }, "cannot convert int64 to string"],
    [{ spec: { restartPolicy: 1 } }, "cannot convert int64 to v1.RestartPolicy"],
    [{ spec: { nodeName: 1.5 } }, "unrecognized type: string"],
    [{ spec: { hostNetwork: "yes" } }, "unrecognized type: bool"],
    [{ spec: { priority: "1" } }, "unrecognized type: int32"],
    [{ spec: { activeDeadlineSeconds: 1.5 } }, "cannot convert float64 to int64"],
    [{ spec: { overhead: { cpu: "x" } } }, "quantities must match the regular expression"],
  ];
  for (const [value, message] of expected)
    assert.throws(
      () => converted(value),
      (error: Error) => error.message.startsWith(` "" is invalid: patch: Invalid value: "${shown}": ${message}`),
      message,
    );
  assert.throws(() => converted({ foo: 1, bar: 2 }, ['duplicate field "spec"']), {
    message: /strict decoding error: duplicate field "spec", unknown field "bar", unknown field "foo"$/,
  });
});

test("the value that is decoded stays as it was", () => {
  const value = Object.freeze({ metadata: Object.freeze({ labels: Object.freeze({ a: "b" }) }) });
  const { object: pod } = decodeObject(pods, value, "Strict");
  pod.metadata.labels = { c: "d" };
  assert.deepEqual(value, { metadata: { labels: { a: "b" } } });
});

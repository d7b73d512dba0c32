import assert from "node:assert/strict";
import { test } from "node:test";
import { apiVersionOf } from "../resource.ts";
import { builtInResources } from "../resources.ts";
import { decodeObject } from "../schema/decode-object.ts";
import { decodeProtobuf, encodeProtobuf } from "./index.ts";

// Go's structs have no absent text, number or truth, and protobuf as Kubernetes writes it says all that are no pointers.
const emptyMeta = { generateName: "", namespace: "", selfLink: "", uid: "", resourceVersion: "", generation: 0 };
const zeroPort = { name: "", hostPort: 0, protocol: "", hostIP: "" };
const zeroProbe = {
  initialDelaySeconds: 0,
  timeoutSeconds: 0,
  periodSeconds: 0,
  successThreshold: 0,
  failureThreshold: 0,
};
const zeroContainer = {
  ...{ workingDir: "", terminationMessagePath: "", imagePullPolicy: "", terminationMessagePolicy: "" },
  ...{ stdin: false, stdinOnce: false, tty: false, resources: {} },
};
const zeroPodSpec = {
  ...{ restartPolicy: "", dnsPolicy: "", serviceAccountName: "", serviceAccount: "", nodeName: "", hostname: "" },
  ...{ subdomain: "", schedulerName: "", priorityClassName: "" },
  ...{ hostNetwork: false, hostPID: false, hostIPC: false },
};
const zeroSchema = {
  ...{ id: "", $schema: "", description: "", format: "", title: "", pattern: "" },
  ...{ exclusiveMaximum: false, exclusiveMinimum: false, uniqueItems: false, nullable: false },
  ...{ "x-kubernetes-embedded-resource": false, "x-kubernetes-int-or-string": false },
};
const zeroPodStatus = {
  phase: "",
  message: "",
  reason: "",
  hostIP: "",
  podIP: "",
  qosClass: "",
  nominatedNodeName: "",
};

interface Written {
  readonly apiVersion: string;
  readonly kind: string;
  readonly [field: string]: unknown;
}

const asGoWritesIt: readonly [json: Written, go: Written][] = [
  [
    {
      apiVersion: "v1",
      kind: "Pod",
      spec: {
        containers: [
          { name: "web", image: "web:1", ports: [{ containerPort: 80 }], livenessProbe: { httpGet: { port: "http" } } },
        ],
        automountServiceAccountToken: false,
        volumes: [{ name: "v", secret: { secretName: "s" } }],
      },
    },
    {
      apiVersion: "v1",
      kind: "Pod",
      metadata: emptyMeta,
      spec: {
        ...zeroPodSpec,
        containers: [
          {
            ...zeroContainer,
            ...{ name: "web", image: "web:1", ports: [{ ...zeroPort, containerPort: 80 }] },
            livenessProbe: { ...zeroProbe, httpGet: { path: "", port: "http", host: "", scheme: "" } },
          },
        ],
        automountServiceAccountToken: false,
        volumes: [{ name: "v", secret: { secretName: "s" } }],
      },
      status: { ...zeroPodStatus, observedGeneration: 0 },
    },
  ],
  [
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      spec: {
        replicas: 0,
        selector: { matchLabels: { app: "a" } },
        template: { metadata: { labels: { app: "a" } }, spec: { containers: [{ name: "web", image: "web:1" }] } },
      },
    },
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: emptyMeta,
      spec: {
        replicas: 0,
        selector: { matchLabels: { app: "a" } },
        template: {
          metadata: { ...emptyMeta, name: "", labels: { app: "a" } },
          spec: { ...zeroPodSpec, containers: [{ ...zeroContainer, name: "web", image: "web:1" }] },
        },
        ...{ strategy: { type: "" }, minReadySeconds: 0, paused: false },
      },
      status: { observedGeneration: 0, replicas: 0, updatedReplicas: 0, readyReplicas: 0, availableReplicas: 0 },
    },
  ],
  [
    { apiVersion: "v1", kind: "Service", spec: { ports: [{ port: 80 }], selector: { app: "a" } } },
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: emptyMeta,
      spec: {
        ports: [{ name: "", protocol: "", port: 80, targetPort: 0, nodePort: 0 }],
        selector: { app: "a" },
        ...{ clusterIP: "", type: "", sessionAffinity: "", loadBalancerIP: "", externalName: "" },
        ...{ externalTrafficPolicy: "", healthCheckNodePort: 0, publishNotReadyAddresses: false },
      },
      status: { loadBalancer: {} },
    },
  ],
  [
    {
      apiVersion: "batch/v1",
      kind: "Job",
      spec: { template: { spec: { restartPolicy: "Never", containers: [{ name: "web", image: "web:1" }] } } },
    },
    {
      apiVersion: "batch/v1",
      kind: "Job",
      metadata: emptyMeta,
      spec: {
        template: {
          metadata: { ...emptyMeta, name: "" },
          spec: {
            ...zeroPodSpec,
            restartPolicy: "Never",
            containers: [{ ...zeroContainer, name: "web", image: "web:1" }],
          },
        },
      },
      status: { active: 0, succeeded: 0, failed: 0, completedIndexes: "" },
    },
  ],
  [
    {
      apiVersion: "v1",
      kind: "PersistentVolumeClaim",
      spec: { accessModes: ["ReadWriteOnce"], storageClassName: "", resources: { requests: { storage: "1Gi" } } },
    },
    {
      apiVersion: "v1",
      kind: "PersistentVolumeClaim",
      metadata: emptyMeta,
      spec: {
        accessModes: ["ReadWriteOnce"],
        storageClassName: "",
        resources: { requests: { storage: "1Gi" } },
        volumeName: "",
      },
      status: { phase: "" },
    },
  ],
  [
    {
      apiVersion: "networking.k8s.io/v1",
      kind: "Ingress",
      spec: {
        tls: [{ hosts: ["a.example"] }],
        rules: [
          { http: { paths: [{ pathType: "Prefix", backend: { service: { name: "s", port: { number: 80 } } } }] } },
        ],
      },
    },
    {
      apiVersion: "networking.k8s.io/v1",
      kind: "Ingress",
      metadata: emptyMeta,
      spec: {
        tls: [{ hosts: ["a.example"], secretName: "" }],
        rules: [
          {
            host: "",
            http: {
              paths: [
                { path: "", pathType: "Prefix", backend: { service: { name: "s", port: { name: "", number: 80 } } } },
              ],
            },
          },
        ],
      },
      status: { loadBalancer: {} },
    },
  ],
  [
    {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "RoleBinding",
      subjects: [{ kind: "ServiceAccount", name: "a", namespace: "b" }],
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "r" },
    },
    {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "RoleBinding",
      metadata: emptyMeta,
      subjects: [{ kind: "ServiceAccount", apiGroup: "", name: "a", namespace: "b" }],
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "r" },
    },
  ],
  [
    {
      apiVersion: "apiextensions.k8s.io/v1",
      kind: "CustomResourceDefinition",
      spec: {
        group: "example.com",
        names: { plural: "widgets", kind: "Widget" },
        scope: "Namespaced",
        versions: [
          {
            ...{ name: "v1", served: true, storage: true },
            schema: { openAPIV3Schema: { type: "object", properties: { size: { type: "integer", minimum: 0 } } } },
            additionalPrinterColumns: [{ name: "Size", type: "integer", jsonPath: ".size" }],
          },
        ],
      },
    },
    {
      apiVersion: "apiextensions.k8s.io/v1",
      kind: "CustomResourceDefinition",
      metadata: emptyMeta,
      spec: {
        group: "example.com",
        names: { plural: "widgets", singular: "", kind: "Widget", listKind: "" },
        scope: "Namespaced",
        versions: [
          {
            ...{ name: "v1", served: true, storage: true, deprecated: false },
            schema: {
              openAPIV3Schema: {
                ...zeroSchema,
                type: "object",
                properties: { size: { ...zeroSchema, type: "integer", minimum: 0 } },
              },
            },
            additionalPrinterColumns: [
              { name: "Size", type: "integer", format: "", description: "", priority: 0, jsonPath: ".size" },
            ],
          },
        ],
        preserveUnknownFields: false,
      },
    },
  ],
];

for (const [json, go] of asGoWritesIt)
  test(`what Go says of zero values makes the ${json.kind} that JSON makes without them`, () => {
    const definition = builtInResources.find(
      (each) => each.kind === json.kind && apiVersionOf(each) === json.apiVersion,
    );
    assert.ok(definition);
    const made = (value: unknown) => {
      const { object, warnings } = decodeObject(definition, value, "Strict");
      definition.defaults?.(object);
      assert.deepEqual(warnings, []);
      return object;
    };
    const body = encodeProtobuf(go);
    assert.ok(body);
    assert.deepEqual(made(decodeProtobuf(body)), made(json));
  });

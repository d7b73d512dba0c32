// The fields that selectors may name, kind by kind: the AddFieldLabelConversionFunc of each API group upstream.
import assert from "node:assert/strict";
import { test } from "node:test";
import { matchesFields, parseFieldSelector } from "./meta/index.ts";
import type { KubeObject, ResourceDefinition } from "./resource.ts";
import { builtInResources } from "./resources.ts";

const involved = ["kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath"];
const podFields = [
  "spec.nodeName",
  "spec.host",
  "spec.restartPolicy",
  "spec.schedulerName",
  "spec.serviceAccountName",
  "spec.hostNetwork",
  "status.phase",
  "status.podIP",
  "status.podIPs",
  "status.nominatedNodeName",
];
const ownFields: Readonly<Record<string, readonly string[]>> = {
  "v1 pods": podFields,
  "v1 nodes": ["spec.unschedulable"],
  "v1 namespaces": ["status.phase"],
  "v1 secrets": ["type"],
  "v1 services": ["spec.clusterIP", "spec.type"],
  "v1 replicationcontrollers": ["status.replicas"],
  "v1 events": [...involved.map((each) => `involvedObject.${each}`), "reason", "reportingComponent", "source", "type"],
  "events.k8s.io/v1 events": [...involved.map((each) => `regarding.${each}`), "reason", "reportingController", "type"],
  "apps/v1 replicasets": ["status.replicas"],
  "batch/v1 jobs": ["status.successful"],
  "certificates.k8s.io/v1 certificatesigningrequests": ["spec.signerName"],
  "resource.k8s.io/v1 resourceslices": ["spec.nodeName", "spec.driver"],
};
const ownWords: Readonly<Record<string, string>> = {
  "batch/v1 jobs": 'field label "spec.x" not supported for batchv1.Job',
  "resource.k8s.io/v1 resourceslices": "field label not supported for resource.k8s.io/v1, Kind=ResourceSlice: spec.x",
};
const nameOf = ({ group, version, plural }: ResourceDefinition) =>
  `${group === "" ? "" : `${group}/`}${version} ${plural}`;
// Of a definition only its names and functions are asked.
const definitions = builtInResources as readonly ResourceDefinition[];
const listed = definitions.filter(({ verbs }) => verbs.includes("list"));

for (const definition of listed) {
  const name = nameOf(definition);
  const own = ownFields[name] ?? [];
  test(`selectors of ${name} may name ${own.length === 0 ? "name and namespace" : own.join(", ")}`, () => {
    for (const field of ["metadata.name", ...own]) parseFieldSelector(`${field}=x,${field}!=y`, definition);
    assert.deepEqual(Object.keys(definition.selectableFields).sort(), [...own].sort());
    const takesNamespace = definition.namespaced || own.length === 0;
    const namespace = () => parseFieldSelector("metadata.namespace=x", definition);
    if (takesNamespace) namespace();
    else assert.throws(namespace, { code: 400, message: /^field label not supported.*: metadata\.namespace$/ });
    const message =
      ownWords[name] ??
      (own.length > 0
        ? "field label not supported: spec.x"
        : '"spec.x" is not a known field selector: only "metadata.name", "metadata.namespace"');
    assert.throws(() => parseFieldSelector("spec.x=1", definition), { code: 400, message });
  });
}

test("every kind that is named here is served", () => {
  const names = new Set(listed.map(nameOf));
  for (const name of Object.keys(ownFields)) assert.ok(names.has(name), name);
});

const selected: readonly [kind: string, object: object, ...selectors: string[]][] = [
  [
    "v1 pods",
    {
      metadata: { name: "p", namespace: "n" },
      spec: { nodeName: "n1", restartPolicy: "Never", schedulerName: "s", serviceAccountName: "a", hostNetwork: true },
      status: { phase: "Running", podIP: "10.0.0.1", podIPs: [{ ip: "10.0.0.1" }], nominatedNodeName: "n2" },
    },
    "metadata.name=p,metadata.namespace=n",
    "spec.nodeName=n1,spec.host=n1,spec.restartPolicy=Never,spec.schedulerName=s,spec.serviceAccountName=a",
    "spec.hostNetwork=true,status.phase=Running,status.podIP=10.0.0.1,status.nominatedNodeName=n2",
  ],
  ["v1 pods", { spec: {}, status: {} }, "spec.nodeName=,spec.hostNetwork=false", "status.phase!=Running,status.podIP="],
  ["v1 nodes", { spec: {} }, "spec.unschedulable=false"],
  ["v1 nodes", { spec: { unschedulable: true } }, "spec.unschedulable=true"],
  ["v1 namespaces", { status: { phase: "Terminating" } }, "status.phase=Terminating,status.phase!=Active"],
  ["v1 secrets", { type: "Opaque" }, "type=Opaque,type!=kubernetes.io/tls"],
  ["v1 services", { spec: { clusterIP: "None", type: "ClusterIP" } }, "spec.clusterIP=None,spec.type=ClusterIP"],
  ["v1 replicationcontrollers", { status: { replicas: 3 } }, "status.replicas=3"],
  [
    "v1 events",
    {
      involvedObject: { kind: "Pod", name: "p", namespace: "n", uid: "u", apiVersion: "v1", fieldPath: "spec.x" },
      reason: "Why",
      source: { component: "c" },
      reportingComponent: "r",
      type: "Warning",
    },
    "involvedObject.kind=Pod,involvedObject.name=p,involvedObject.namespace=n,involvedObject.uid=u",
    "involvedObject.apiVersion=v1,involvedObject.resourceVersion=,involvedObject.fieldPath=spec.x",
    "reason=Why,source=c,reportingComponent=r,type=Warning",
  ],
  ["v1 events", { involvedObject: {}, reportingComponent: "r" }, "source=r"],
  [
    "events.k8s.io/v1 events",
    { regarding: { kind: "Pod" }, reportingController: "r" },
    "regarding.kind=Pod,reportingController=r",
  ],
  ["batch/v1 jobs", { status: { succeeded: 2 } }, "status.successful=2"],
  ["certificates.k8s.io/v1 certificatesigningrequests", { spec: { signerName: "a/b" } }, "spec.signerName=a/b"],
  ["resource.k8s.io/v1 resourceslices", { spec: { nodeName: "n", driver: "d" } }, "spec.nodeName=n,spec.driver=d"],
];

for (const [kind, object, ...selectors] of selected)
  for (const selector of selectors)
    test(`${selector} selects what it says among ${kind}`, () => {
      const definition = listed.find((each) => nameOf(each) === kind);
      assert.ok(definition);
      const whole = { metadata: {}, ...object } as unknown as KubeObject; // as much as the selectors ask for
      assert.ok(matchesFields(parseFieldSelector(selector, definition), whole, definition));
      for (const term of selector.split(",")) {
        const opposite = term.includes("!=") ? term.replace("!=", "=") : term.replace("=", "!=");
        assert.ok(!matchesFields(parseFieldSelector(opposite, definition), whole, definition), opposite);
      }
    });

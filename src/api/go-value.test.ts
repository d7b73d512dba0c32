import assert from "node:assert/strict";
import { test } from "node:test";
import { goValue } from "./go-value.ts";

const json = (schema: string, value: unknown) => JSON.stringify(goValue(schema, value));

test("fields of a struct are shown by their Go names, in its order, with those that nobody wrote", () => {
  assert.equal(
    json("io.k8s.api.core.v1.VolumeNodeAffinity", {
      required: { nodeSelectorTerms: [{ matchExpressions: [{ values: ["a"], operator: "In", key: "zone" }] }] },
    }),
    '{"Required":{"NodeSelectorTerms":[{"MatchExpressions":[{"Key":"zone","Operator":"In","Values":["a"]}],"MatchFields":null}]}}',
  );
  assert.equal(
    json("io.k8s.api.core.v1.ObjectReference", { uid: "u", kind: "Pod" }),
    '{"Kind":"Pod","Namespace":"","Name":"","UID":"u","APIVersion":"","ResourceVersion":"","FieldPath":""}',
  );
});

test("what may be absent is null, and what Go has no pointer for is empty", () => {
  assert.equal(
    json("io.k8s.api.batch.v1.PodFailurePolicy", {
      rules: [{ action: "Ignore", onExitCodes: { operator: "In", values: [1] } }],
    }),
    '{"Rules":[{"Action":"Ignore","OnExitCodes":{"ContainerName":null,"Operator":"In","Values":[1]},"OnPodConditions":null}]}',
  );
  assert.equal(goValue("io.k8s.api.core.v1.VolumeNodeAffinity", undefined), null);
});

test("selectors and metadata keep their names, and maps are in order", () => {
  const selector = { matchExpressions: [{ key: "a", operator: "Exists" }], matchLabels: { b: "2", a: "1" } };
  assert.equal(
    json("io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelector", selector),
    '{"matchLabels":{"a":"1","b":"2"},"matchExpressions":[{"key":"a","operator":"Exists"}]}',
  );
});

test("a template of pods has its metadata in it, and what is of the host in its security context", () => {
  const container = { name: "c", image: "i", resources: { requests: { memory: "1Gi", cpu: "1" } } };
  const shown = json("io.k8s.api.core.v1.PodTemplateSpec", {
    metadata: { labels: { app: "a" } },
    spec: { containers: [container], hostNetwork: true, serviceAccount: "s", serviceAccountName: "s" },
  });
  assert.ok(
    shown.startsWith('{"labels":{"app":"a"},"Spec":{"Volumes":null,"InitContainers":null,"Containers":[{"Name":"c",'),
  );
  assert.match(shown, /"Resources":\{"Limits":null,"Requests":\{"cpu":"1","memory":"1Gi"\},"Claims":null\}/);
  assert.match(shown, /"SecurityContext":\{"HostNetwork":true,"HostPID":false,"HostIPC":false,/);
  assert.match(shown, /"ResizePolicy":null,"RestartPolicy":null,"RestartPolicyRules":null,"VolumeMounts":null,/);
  assert.match(shown, /"ServiceAccountName":"s","AutomountServiceAccountToken":null,/);
  assert.match(shown, /"TTY":false\}\],"EphemeralContainers":null,"RestartPolicy":"",/);
});

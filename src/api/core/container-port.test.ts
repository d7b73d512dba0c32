import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "../types.generated.ts";
import { findContainerPort, findTargetPort } from "./container-port.ts";

const pod = {
  spec: {
    containers: [{ name: "a", ports: [{ name: "dns", containerPort: 53, protocol: "UDP" }] }],
    initContainers: [
      { name: "s", restartPolicy: "Always", ports: [{ name: "dns", containerPort: 5353 }] },
      { name: "i", ports: [{ name: "init", containerPort: 1 }] },
    ],
  },
} as unknown as Pod;

test("a service's port leads to a number or to a container's port of that name and protocol", () => {
  assert.equal(findTargetPort(pod, { port: 80 }), 80);
  assert.equal(findTargetPort(pod, { port: 80, targetPort: 8080 }), 8080);
  assert.equal(findTargetPort(pod, { port: 53, targetPort: "dns", protocol: "UDP" }), 53);
  assert.equal(findTargetPort(pod, { port: 53, targetPort: "dns", protocol: "TCP" }), 5353);
  assert.equal(findTargetPort(pod, { port: 53, targetPort: "init" }), undefined);
});

test("a probe's port is a number, a name or a number in text", () => {
  const [container] = pod.spec.containers;
  assert.ok(container);
  assert.equal(findContainerPort(container, 1), 1);
  assert.equal(findContainerPort(container, "dns"), 53);
  assert.equal(findContainerPort(container, "99"), 99);
  assert.equal(findContainerPort(container, "http"), undefined);
});

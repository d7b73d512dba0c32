import assert from "node:assert/strict";
import { test } from "node:test";
import { created, type Partially } from "../definition-fixture.ts";
import type { Pod } from "../types.generated.ts";
import { Pods } from "./pod.ts";

const main = { name: "main", image: "web:1" };

const table: readonly (readonly [string, Partially<Pod>, readonly string[]])[] = [
  ["a good one", { spec: { containers: [main] } }, []],
  [
    "a name that is no host's",
    { metadata: { name: "a.b" }, spec: { containers: [main] } },
    [
      "metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended: [must not contain dots]",
    ],
  ],
  [
    "labels of old",
    { spec: { containers: [main], nodeSelector: { "beta.kubernetes.io/os": "linux" } } },
    ['spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "kubernetes.io/os" instead'],
  ],
  [
    "volumes of old",
    { spec: { containers: [main], volumes: [{ name: "a", gitRepo: { repository: "b" } }] } },
    ["spec.volumes[0].gitRepo: deprecated in v1.11, and disabled by default in v1.33+"],
  ],
  [
    "an empty name of a secret",
    { spec: { containers: [main], imagePullSecrets: [{ name: "" }, { name: "" }] } },
    [
      'spec.imagePullSecrets[1].name: duplicate name ""',
      'spec.imagePullSecrets[0].name: invalid empty name ""',
      'spec.imagePullSecrets[1].name: invalid empty name ""',
    ],
  ],
  [
    "a part of a byte",
    { spec: { containers: [{ ...main, resources: { requests: { memory: "100m" } } }] } },
    ['spec.containers[0].resources.requests[memory]: fractional byte value "100m" is invalid, must be an integer'],
  ],
  [
    "a variable that hides another",
    {
      spec: {
        containers: [
          {
            ...main,
            env: [
              { name: "A", value: "1" },
              { name: "A", value: "2" },
              { name: "A", value: "$(A):3" },
            ],
          },
        ],
      },
    },
    ['spec.containers[0].env[1]: hides previous definition of "A", which may be dropped when using apply'],
  ],
  [
    "a port twice",
    {
      spec: {
        containers: [
          { ...main, ports: [{ containerPort: 80 }] },
          { ...main, name: "other", ports: [{ containerPort: 80 }, { containerPort: 80, hostPort: 8080 }] },
        ],
      },
    },
    [
      "spec.containers[1].ports[0]: duplicate port definition with spec.containers[0].ports[0]",
      "spec.containers[1].ports[1]: overlapping port definition with spec.containers[0].ports[0]",
      "spec.containers[1].ports[1]: overlapping port definition with spec.containers[1].ports[0]",
    ],
  ],
];

for (const [name, pod, warnings] of table)
  test(`a pod is warned about: ${name}`, () => {
    const complete = created(Pods, pod);
    assert.deepEqual(Pods.warnings?.(complete, undefined), warnings);
    assert.deepEqual(Pods.warnings?.(complete, complete), []);
  });

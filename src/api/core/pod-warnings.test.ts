import assert from "node:assert/strict";
import { test } from "node:test";
import { created, type Partially } from "../definition-fixture.ts";
import { rootPath } from "../meta/field-error.ts";
import type { Pod } from "../types.generated.ts";
import { Pods } from "./pod.ts";
import { podTemplateWarnings } from "./pod-warnings.ts";

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
  [
    "ports of the node",
    {
      spec: {
        containers: [
          {
            ...main,
            ports: [
              { name: "web", containerPort: 80, hostPort: 8080 },
              { name: "web", containerPort: 80, hostPort: 8080, hostIP: "10.0.0.1" },
              { containerPort: 81, hostIP: "10.0.0.1" },
            ],
          },
        ],
      },
    },
    [
      "spec.containers[0].ports[1]: dangerously ambiguous port definition with spec.containers[0].ports[0]",
      "spec.containers[0].ports[2]: hostIP set without hostPort: {Name: HostPort:0 ContainerPort:81 Protocol:TCP HostIP:10.0.0.1}",
      'spec.containers[0].ports[1]: duplicate port name "web" with spec.containers[0].ports[0], services and probes that select ports by name will use spec.containers[0].ports[0]',
    ],
  ],
  [
    "selectors of no pod",
    {
      spec: {
        containers: [main],
        topologySpreadConstraints: [{ topologyKey: "failure-domain.beta.kubernetes.io/zone", maxSkew: 1 }],
        affinity: {
          podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: "zone" }] },
          podAntiAffinity: {
            preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, podAffinityTerm: { topologyKey: "zone" } }],
          },
        },
      },
    },
    [
      'spec.topologySpreadConstraints[0].topologyKey: failure-domain.beta.kubernetes.io/zone is deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
      "spec.topologySpreadConstraints[0].labelSelector: a null labelSelector results in matching no pod",
      "spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].labelSelector: a null labelSelector results in matching no pod",
      "spec.affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].podAffinityTerm.labelSelector: a null labelSelector results in matching no pod",
    ],
  ],
  [
    "nodes by labels of old, and by values that no label has",
    {
      spec: {
        containers: [main],
        affinity: {
          nodeAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: {
              nodeSelectorTerms: [
                { matchExpressions: [{ key: "beta.kubernetes.io/arch", operator: "In", values: ["arm64"] }] },
              ],
            },
            preferredDuringSchedulingIgnoredDuringExecution: [
              { weight: 1, preference: { matchExpressions: [{ key: "a", operator: "In", values: ["-"] }] } },
            ],
          },
        },
      },
    },
    [
      'spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[0].key: beta.kubernetes.io/arch is deprecated since v1.14; use "kubernetes.io/arch" instead',
      "spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].preference.matchExpressions[0].values[0]: - is invalid, a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
    ],
  ],
  [
    "annotations of old",
    {
      metadata: {
        annotations: {
          "scheduler.alpha.kubernetes.io/critical-pod": "",
          "seccomp.security.alpha.kubernetes.io/pod": "runtime/default",
          "container.apparmor.security.beta.kubernetes.io/main": "runtime/default",
        },
      },
      spec: { containers: [main] },
    },
    [
      'metadata.annotations[scheduler.alpha.kubernetes.io/critical-pod]: non-functional in v1.16+; use the "priorityClassName" field instead',
      'metadata.annotations[seccomp.security.alpha.kubernetes.io/pod]: non-functional in v1.27+; use the "seccompProfile" field instead',
      'metadata.annotations[container.apparmor.security.beta.kubernetes.io/main]: deprecated since v1.30; use the "appArmorProfile" field instead',
    ],
  ],
  [
    "files over files",
    {
      spec: {
        containers: [main],
        volumes: [
          {
            name: "a",
            configMap: {
              name: "b",
              items: [
                { key: "c", path: "d" },
                { key: "e", path: "d/e" },
              ],
            },
          },
          {
            name: "f",
            projected: {
              sources: [
                {},
                { secret: { name: "g", items: [{ key: "h", path: "token" }] } },
                { serviceAccountToken: { path: "token" } },
              ],
            },
          },
        ],
      },
    },
    [
      'volume "a" (ConfigMap "b"): overlapping paths: "d/e" with "d"',
      'volume "f" (Projected) has no sources provided',
      'volume "f" (Projected): overlapping paths: "token" (ServiceAccountToken) with "token" (Secret "g")',
    ],
  ],
  [
    "addresses that are not as they should be written",
    {
      spec: {
        containers: [main],
        dnsConfig: { nameservers: ["010.0.0.1"] },
        hostAliases: [{ ip: "FD00::1", hostnames: ["a"] }],
      },
    },
    [
      'spec.dnsConfig.nameservers[0]: non-standard IP address "010.0.0.1" will be considered invalid in a future Kubernetes release: use "10.0.0.1"',
      'spec.hostAliases[0].ip: IPv6 address "FD00::1" should be in RFC 5952 canonical format ("fd00::1")',
    ],
  ],
];

for (const [name, pod, warnings] of table)
  test(`a pod is warned about: ${name}`, () => {
    const complete = created(Pods, pod);
    assert.deepEqual(Pods.warnings?.(complete, undefined), warnings);
    assert.deepEqual(Pods.warnings?.(complete, complete), []);
  });

test("a pod's grace of less than nothing becomes a second, and a template is warned about it", () => {
  const pod = created(Pods, { spec: { containers: [main], terminationGracePeriodSeconds: -1 } });
  assert.equal(pod.spec.terminationGracePeriodSeconds, 1);
  assert.deepEqual(podTemplateWarnings({ spec: { containers: [main], terminationGracePeriodSeconds: -1 } }, rootPath), [
    "spec.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1",
  ]);
});

// What people are told who write something valid that is not meant, or has no future. Pods have their own tests.
import assert from "node:assert/strict";
import { test } from "node:test";
import { StatefulSets } from "./apps/index.ts";
import { CronJobs, Jobs } from "./batch/index.ts";
import { Nodes, Services } from "./core/index.ts";
import { created, type Partially } from "./definition-fixture.ts";
import { EndpointSlices } from "./discovery/index.ts";
import { NetworkPolicies } from "./networking/index.ts";
import { RuntimeClasses } from "./node/index.ts";
import type { KubeObject, ResourceDefinition } from "./resource.ts";
import { CSIStorageCapacities, StorageClasses } from "./storage/index.ts";

interface Row {
  readonly title: string;
  readonly warnings: () => readonly string[] | undefined;
  readonly expected: readonly string[];
}

function row<T extends KubeObject>(
  title: string,
  definition: ResourceDefinition<T>,
  object: Partially<T>,
  expected: readonly string[],
): Row {
  const warnings = () => definition.warnings?.(created(definition, object), undefined);
  return { title: `${definition.kind}: ${title}`, warnings, expected };
}

const template = { metadata: { labels: { app: "web" } }, spec: { containers: [{ name: "main", image: "web:1" }] } };
const manyIndexes =
  "In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4, Kubernetes might not be able to track completedIndexes when a big number of indexes fail";
const indexed = { completionMode: "Indexed", completions: 100_001, parallelism: 10_001, template };

const rows: readonly Row[] = [
  row("a good one", Services, { spec: { ports: [{ port: 80 }] } }, []),
  row(
    "fields that a headless one has no use for",
    Services,
    {
      spec: { clusterIP: "None", loadBalancerIP: "10.0.0.1", externalIPs: ["10.0.0.2"], sessionAffinity: "ClientIP" },
    },
    [
      "spec.loadBalancerIP is ignored for headless services",
      "spec.externalIPs is ignored for headless services",
      "spec.SessionAffinity is ignored for headless services",
    ],
  ),
  row(
    "addresses that are not as they should be written",
    Services,
    {
      spec: {
        type: "LoadBalancer",
        clusterIP: "010.0.0.1",
        clusterIPs: ["010.0.0.1"],
        externalIPs: ["FD00::1"],
        loadBalancerIP: "10.0.0.02",
        loadBalancerSourceRanges: ["10.0.0.1/8"],
      },
    },
    [
      'spec.clusterIPs[0]: non-standard IP address "010.0.0.1" will be considered invalid in a future Kubernetes release: use "10.0.0.1"',
      'spec.externalIPs[0]: IPv6 address "FD00::1" should be in RFC 5952 canonical format ("fd00::1")',
      'spec.loadBalancerIP: non-standard IP address "10.0.0.02" will be considered invalid in a future Kubernetes release: use "10.0.0.2"',
      'spec.loadBalancerSourceRanges[0]: CIDR value "10.0.0.1/8" is ambiguous in this context (should be "10.0.0.0/8" or "10.0.0.1/32"?)',
    ],
  ),
  row(
    "what a name has no use for",
    Services,
    { spec: { type: "ExternalName", externalName: "example.com", externalIPs: ["10.0.0.2"] } },
    ['spec.externalIPs is ignored when spec.type is "ExternalName"'],
  ),
  row(
    "what only a name has use for, and what is deprecated",
    Services,
    {
      metadata: { annotations: { "service.kubernetes.io/topology-aware-hints": "auto" } },
      spec: { externalName: "example.com", trafficDistribution: "PreferClose" },
    },
    [
      "annotation service.kubernetes.io/topology-aware-hints is deprecated, please use service.kubernetes.io/topology-mode instead",
      'spec.externalName is ignored when spec.type is not "ExternalName"',
      'spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"',
    ],
  ),
  row("fields that have no use", Nodes, { spec: { externalID: "a", configSource: {}, podCIDRs: ["10.0.0.1/24"] } }, [
    "spec.configSource: the feature is removed",
    "spec.externalID: this field is deprecated, and is unused by Kubernetes",
    'spec.podCIDRs[0]: CIDR value "10.0.0.1/24" is ambiguous in this context (should be "10.0.0.0/24" or "10.0.0.1/32"?)',
  ]),
  row("addresses", EndpointSlices, { addressType: "IPv6", endpoints: [{ addresses: ["FD00::1"] }] }, [
    'endpoints[0].addresses[0]: IPv6 address "FD00::1" should be in RFC 5952 canonical format ("fd00::1")',
  ]),
  row("names of hosts", EndpointSlices, { addressType: "FQDN", endpoints: [{ addresses: ["a.example.com"] }] }, [
    "spec.addressType: FQDN endpoints are deprecated",
  ]),
  row(
    "networks",
    NetworkPolicies,
    {
      spec: {
        ingress: [{ from: [{ ipBlock: { cidr: "10.0.0.0/08" } }] }],
        egress: [{ to: [{ ipBlock: { cidr: "10.0.0.0/8", except: ["10.1.0.1/16"] } }] }],
      },
    },
    [
      'spec.ingress[0].from[0].ipBlock.cidr: non-standard CIDR value "10.0.0.0/08" will be considered invalid in a future Kubernetes release: use "10.0.0.0/8"',
      'spec.egress[0].to[0].ipBlock.except[0]: CIDR value "10.1.0.1/16" is ambiguous in this context (should be "10.1.0.0/16" or "10.1.0.1/32"?)',
    ],
  ),
  row(
    "labels of old",
    RuntimeClasses,
    { handler: "a", scheduling: { nodeSelector: { "beta.kubernetes.io/os": "linux" } } },
    ['scheduling.nodeSelector: deprecated since v1.14; use "kubernetes.io/os" instead'],
  ),
  row(
    "labels of old",
    StorageClasses,
    {
      provisioner: "example.com/a",
      allowedTopologies: [
        { matchLabelExpressions: [{ key: "failure-domain.beta.kubernetes.io/zone", values: ["a"] }] },
      ],
    },
    [
      'allowedTopologies[0].matchLabelExpressions[0].key: failure-domain.beta.kubernetes.io/zone is deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
    ],
  ),
  row(
    "labels of old",
    CSIStorageCapacities,
    { storageClassName: "a", nodeTopology: { matchLabels: { "failure-domain.beta.kubernetes.io/region": "a" } } },
    [
      'nodeTopology.matchLabels.failure-domain.beta.kubernetes.io/region: deprecated since v1.17; use "topology.kubernetes.io/region" instead',
    ],
  ),
  row(
    "a part of a byte",
    StatefulSets,
    {
      spec: {
        template,
        volumeClaimTemplates: [{ metadata: { name: "data" }, spec: { resources: { requests: { storage: "1500m" } } } }],
      },
    },
    [
      'spec.volumeClaimTemplates[0].resources.requests[storage]: fractional byte value "1500m" is invalid, must be an integer',
    ],
  ),
  row("more indexes than can be counted", Jobs, { metadata: { generation: 1 }, spec: indexed }, [
    `spec: ${manyIndexes}`,
  ]),
  row(
    "more indexes than can be counted",
    CronJobs,
    { metadata: { generation: 1 }, spec: { schedule: "* * * * *", jobTemplate: { spec: indexed } } },
    [`spec.jobTemplate.spec: ${manyIndexes}`],
  ),
];

for (const { title, warnings, expected } of rows)
  test(`warned about: ${title}`, () => {
    assert.deepEqual(warnings(), expected);
  });

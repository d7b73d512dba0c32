import assert from "node:assert/strict";
import { test } from "node:test";
import { type Draft, deepCopy } from "../../lib/index.ts";
import {
  cells,
  created,
  errorsOnCreate,
  errorsOnStatusUpdate,
  errorsOnUpdate,
  type Partially,
  strategyContext,
} from "../definition-fixture.ts";
import type { Service, ServiceSpec } from "../types.generated.ts";
import { Services } from "./service.ts";

type Spec = Partially<ServiceSpec>;

const http = { port: 80 };

test("a service gets the defaults of its type", () => {
  const port = { port: 80, protocol: "TCP", targetPort: 80 };
  const address = { ipFamilies: ["IPv4"], ipFamilyPolicy: "SingleStack" };
  const always = { sessionAffinity: "None", internalTrafficPolicy: "Cluster" };
  const table: [Spec, Spec][] = [
    [{ ports: [http] }, { type: "ClusterIP", ports: [port], ...always, ...address }],
    [
      { ports: [http], type: "NodePort" },
      { type: "NodePort", ports: [port], ...always, ...address, externalTrafficPolicy: "Cluster" },
    ],
    [
      { ports: [http], type: "LoadBalancer" },
      {
        type: "LoadBalancer",
        ports: [port],
        ...always,
        ...address,
        externalTrafficPolicy: "Cluster",
        allocateLoadBalancerNodePorts: true,
      },
    ],
    [
      { type: "ExternalName", externalName: "example.com" },
      { type: "ExternalName", externalName: "example.com", sessionAffinity: "None" },
    ],
    [
      { ports: [http], sessionAffinity: "ClientIP", clusterIP: "10.0.0.1" },
      {
        type: "ClusterIP",
        ports: [port],
        internalTrafficPolicy: "Cluster",
        sessionAffinity: "ClientIP",
        sessionAffinityConfig: { clientIP: { timeoutSeconds: 10800 } },
        clusterIP: "10.0.0.1",
        clusterIPs: ["10.0.0.1"],
        ...address,
      },
    ],
  ];
  for (const [spec, expected] of table) assert.deepEqual(created(Services, { spec }).spec, expected);
});

const invalid: readonly (readonly [string, Spec, readonly string[]])[] = [
  ["a good one", { ports: [http], selector: { app: "web" } }, []],
  ["no ports", {}, ["spec.ports: Required value"]],
  ["a headless one without ports", { clusterIP: "None" }, []],
  [
    "two ports, one without a name",
    { ports: [{ name: "a", port: 80 }, { port: 81 }] },
    ["spec.ports[1].name: Required value"],
  ],
  [
    "ports of one name",
    {
      ports: [
        { name: "a", port: 80 },
        { name: "a", port: 81 },
      ],
    },
    ['spec.ports[1].name: Duplicate value: "a"'],
  ],
  [
    "a port twice",
    {
      ports: [
        { name: "a", port: 80 },
        { name: "b", port: 80 },
      ],
    },
    [
      'spec.ports[1]: Duplicate value: {"Name":"","Protocol":"TCP","AppProtocol":null,"Port":80,"TargetPort":0,"NodePort":0}',
    ],
  ],
  [
    "numbers that are no ports",
    { ports: [{ port: 65536, targetPort: 80, protocol: "ICMP" }] },
    [
      "spec.ports[0].port: Invalid value: 65536: must be between 1 and 65535, inclusive",
      'spec.ports[0].protocol: Unsupported value: "ICMP": supported values: "SCTP", "TCP", "UDP"',
    ],
  ],
  [
    "a target that is no port's name",
    { ports: [{ port: 80, targetPort: "a_b" }] },
    [
      'spec.ports[0].targetPort: Invalid value: "a_b": must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)',
    ],
  ],
  [
    "a node port without a reason",
    { ports: [{ port: 80, nodePort: 30080 }] },
    ["spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"],
  ],
  [
    "a node port twice",
    {
      type: "NodePort",
      ports: [
        { name: "a", port: 80, nodePort: 30080 },
        { name: "b", port: 81, nodePort: 30080 },
      ],
    },
    ["spec.ports[1].nodePort: Duplicate value: 30080"],
  ],
  [
    "an unknown type",
    { type: "Balanced", ports: [http] },
    [
      'spec.type: Unsupported value: "Balanced": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"',
    ],
  ],
  [
    "a headless load balancer",
    { type: "LoadBalancer", clusterIP: "None", ports: [http] },
    [`spec.clusterIPs[0]: Invalid value: "None": may not be set to 'None' for LoadBalancer services`],
  ],
  ["a name elsewhere without one", { type: "ExternalName" }, ["spec.externalName: Required value"]],
  [
    "a name elsewhere with an address",
    { type: "ExternalName", externalName: "example.com", clusterIPs: ["10.0.0.1"] },
    ["spec.clusterIPs: Forbidden: may not be set for ExternalName services"],
  ],
  [
    "an address that is none",
    { clusterIP: "10.0.0.256", ports: [http] },
    ['spec.clusterIPs[0]: Invalid value: "10.0.0.256": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'],
  ],
  [
    "addresses that disagree",
    { clusterIP: "10.0.0.1", clusterIPs: ["10.0.0.2"], ports: [http] },
    ['spec.clusterIPs: Invalid value: ["10.0.0.2"]: first value must match `clusterIP`'],
  ],
  [
    "two addresses of one family",
    { clusterIP: "10.0.0.1", clusterIPs: ["10.0.0.1", "10.0.0.2"], ipFamilies: ["IPv4"], ports: [http] },
    ['spec.clusterIPs: Invalid value: ["10.0.0.1","10.0.0.2"]: may specify no more than one IP for each IP family'],
  ],
  [
    "an address of another family",
    { clusterIP: "10.0.0.1", ipFamilies: ["IPv6"], ports: [http] },
    ['spec.clusterIPs[0]: Invalid value: "10.0.0.1": expected an IPv6 value as indicated by `ipFamilies[0]`'],
  ],
  [
    "a loopback address outside",
    { externalIPs: ["127.0.0.1"], ports: [http] },
    ['spec.externalIPs[0]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)'],
  ],
  [
    "affinity for too long",
    { ports: [http], sessionAffinity: "ClientIP", sessionAffinityConfig: { clientIP: { timeoutSeconds: 86401 } } },
    [
      "spec.sessionAffinityConfig.clientIP.timeoutSeconds: Invalid value: 86401: must be greater than 0 and less than 86400",
    ],
  ],
  [
    "policies of traffic",
    { ports: [http], externalTrafficPolicy: "Local", internalTrafficPolicy: "Near", trafficDistribution: "Far" },
    [
      'spec.externalTrafficPolicy: Invalid value: "Local": may only be set for externally-accessible services',
      'spec.internalTrafficPolicy: Unsupported value: "Near": supported values: "Cluster", "Local"',
      'spec.trafficDistribution: Unsupported value: "Far": supported values: "PreferClose", "PreferSameZone", "PreferSameNode"',
    ],
  ],
  [
    "fields of load balancers",
    {
      ports: [http],
      allocateLoadBalancerNodePorts: false,
      loadBalancerClass: "a/b",
      loadBalancerSourceRanges: ["10.0.0.0/8"],
      healthCheckNodePort: 30000,
    },
    [
      "spec.LoadBalancerSourceRanges: Forbidden: may only be used when `type` is 'LoadBalancer'",
      "spec.allocateLoadBalancerNodePorts: Forbidden: may only be used when `type` is 'LoadBalancer'",
      "spec.loadBalancerClass: Forbidden: may only be used when `type` is 'LoadBalancer'",
      "spec.healthCheckNodePort: Invalid value: 30000: may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'",
    ],
  ],
];

for (const [name, spec, errors] of invalid)
  test(`a service is validated: ${name}`, () => {
    assert.deepEqual(errorsOnCreate(Services, { spec }), errors);
  });

const allocated: Spec = { clusterIP: "10.0.0.1", ports: [http] };

const updates: readonly (readonly [string, Spec, (draft: Draft<ServiceSpec>) => void, readonly string[]])[] = [
  [
    "another address",
    allocated,
    (spec) => {
      spec.clusterIP = "10.0.0.2";
    },
    ['spec.clusterIPs[0]: Invalid value: ["10.0.0.2"]: may not change once set'],
  ],
  [
    "no address, which keeps it",
    allocated,
    (spec) => {
      delete spec.clusterIP;
      delete spec.clusterIPs;
    },
    [],
  ],
  [
    "another family",
    allocated,
    (spec) => {
      spec.ipFamilies = ["IPv6"];
    },
    [
      'spec.clusterIPs[0]: Invalid value: "10.0.0.1": expected an IPv6 value as indicated by `ipFamilies[0]`',
      'spec.ipFamilies[0]: Invalid value: ["IPv6"]: may not change once set',
    ],
  ],
  [
    "another class",
    { type: "LoadBalancer", ports: [http], loadBalancerClass: "a/b" },
    (spec) => {
      spec.loadBalancerClass = "a/c";
    },
    ['spec.loadBalancerClass: Invalid value: "a/c": may not change once set'],
  ],
  [
    "another port for health",
    { type: "LoadBalancer", ports: [http], externalTrafficPolicy: "Local", healthCheckNodePort: 30000 },
    (spec) => {
      spec.healthCheckNodePort = 30001;
    },
    ["spec.healthCheckNodePort: Forbidden: field is immutable"],
  ],
];

for (const [name, spec, change, errors] of updates)
  test(`an update of a service is validated: ${name}`, () => {
    assert.deepEqual(
      errorsOnUpdate(Services, { spec }, (draft) => change(draft.spec)),
      errors,
    );
  });

function updated(spec: Spec, change: (draft: Draft<ServiceSpec>) => void): ServiceSpec {
  const old = created(Services, { spec });
  const next = deepCopy(old);
  change(next.spec);
  Services.defaults?.(next);
  Services.prepareForUpdate?.(next, old, strategyContext);
  return next.spec;
}

test("an update keeps what was allocated", () => {
  const spec = updated({ ...allocated, type: "NodePort", ports: [{ port: 80, nodePort: 30080 }] }, (draft) => {
    delete draft.clusterIP;
    delete draft.clusterIPs;
    draft.ports = [{ port: 80 }, { port: 81 }];
  });
  assert.deepEqual(
    [spec.clusterIP, spec.clusterIPs, spec.ports?.map(({ nodePort }) => nodePort)],
    ["10.0.0.1", ["10.0.0.1"], [30080, undefined]],
  );
});

test("a port keeps its number on the nodes by its name", () => {
  const ports = [
    { name: "a", port: 80, nodePort: 30080 },
    { name: "b", port: 81, nodePort: 30081 },
    { name: "c", port: 82, nodePort: 30082 },
  ];
  const spec = updated({ ...allocated, type: "NodePort", ports }, (draft) => {
    draft.ports = [
      { name: "a", port: 90 },
      { name: "renamed", port: 81 },
      { name: "c", port: 82, nodePort: 30085 },
    ];
  });
  assert.deepEqual(
    spec.ports?.map(({ nodePort }) => nodePort),
    [30080, undefined, 30085],
  );
});

test("a service that is no load balancer any more has no addresses of one", () => {
  const service = created(Services, {
    spec: { ...allocated, type: "LoadBalancer", ports: [{ port: 80, nodePort: 30080 }] },
  });
  const old = { ...service, status: { loadBalancer: { ingress: [{ ip: "1.2.3.4" }] } } };
  const change = (type: string) => {
    const next = deepCopy(old);
    next.spec.type = type;
    Services.prepareForUpdate?.(next, old, strategyContext);
    return next.status.loadBalancer;
  };
  assert.deepEqual(change("LoadBalancer"), old.status.loadBalancer);
  assert.deepEqual(change("ClusterIP"), {});
});

test("a service that nobody reaches from outside any more has no policy for that", () => {
  const spec = updated({ ...allocated, ports: [http], externalIPs: ["203.0.113.1"] }, (draft) => {
    delete draft.externalIPs;
  });
  assert.equal(spec.externalTrafficPolicy, undefined);
});

test("a change of the type drops what it makes pointless", () => {
  const balanced: Spec = { ...allocated, type: "LoadBalancer", ports: [{ port: 80, nodePort: 30080 }] };
  const inside = updated(balanced, (draft) => {
    draft.type = "ClusterIP";
  });
  assert.deepEqual(inside.ports, [{ port: 80, protocol: "TCP", targetPort: 80 }]);
  assert.equal(inside.allocateLoadBalancerNodePorts, undefined);
  assert.equal(inside.externalTrafficPolicy, undefined);
  const elsewhere = updated(balanced, (draft) => {
    draft.type = "ExternalName";
    draft.externalName = "example.com";
  });
  assert.deepEqual(
    [elsewhere.clusterIP, elsewhere.clusterIPs, elsewhere.ipFamilies],
    [undefined, undefined, undefined],
  );
});

test("an external name has no policy for traffic inside the cluster, though one may be written", () => {
  const elsewhere = { type: "ExternalName", externalName: "example.com" };
  for (const internalTrafficPolicy of ["Cluster", "Local"])
    assert.equal(
      created(Services, { spec: { ...elsewhere, internalTrafficPolicy } }).spec.internalTrafficPolicy,
      undefined,
    );
  const changed = updated({ ...allocated, ports: [http] }, (draft) => Object.assign(draft, elsewhere));
  assert.equal(changed.internalTrafficPolicy, undefined);
  assert.deepEqual(errorsOnCreate(Services, { spec: { ...elsewhere, internalTrafficPolicy: "Near" } }), [
    'spec.internalTrafficPolicy: Unsupported value: "Near": supported values: "Cluster", "Local"',
  ]);
});

test("a service of two families gives up the second", () => {
  const dual = { clusterIP: "10.0.0.1", clusterIPs: ["10.0.0.1", "fd00::1"], ipFamilyPolicy: "RequireDualStack" };
  const spec = updated({ ...dual, ports: [http] }, (draft) => {
    draft.ipFamilyPolicy = "SingleStack";
  });
  assert.deepEqual([spec.clusterIPs, spec.ipFamilies], [["10.0.0.1"], ["IPv4"]]);
});

test("only load balancers have addresses of such", () => {
  const status = (spec: Spec) =>
    errorsOnStatusUpdate(Services, { spec }, (draft) => {
      draft.status = { loadBalancer: { ingress: [{ ip: "1.2.3.4" }, { hostname: "1.2.3.4" }] } };
    });
  assert.deepEqual(status({ ports: [http] }), [
    "status.loadBalancer.ingress: Forbidden: may only be used when `spec.type` is 'LoadBalancer'",
  ]);
  assert.deepEqual(status({ ports: [http], type: "LoadBalancer" }), [
    'status.loadBalancer.ingress[1].hostname: Invalid value: "1.2.3.4": must be a DNS name, not an IP address',
  ]);
});

test("the row of a service", () => {
  const row = (spec: Spec, status: Partially<Service["status"]> = {}) => {
    const { Name: _, Age: __, ...rest } = cells(Services, { metadata: { name: "web" }, spec, status });
    return Object.values(rest);
  };
  const address = { clusterIPs: ["10.0.0.1"] };
  const selector = { b: "2", a: "1" };
  assert.deepEqual(row({ ...address, ports: [http], selector }), [
    "ClusterIP",
    "10.0.0.1",
    "<none>",
    "80/TCP",
    "a=1,b=2",
  ]);
  const balanced: Spec = { ...address, type: "LoadBalancer", ports: [{ port: 80, nodePort: 30080 }] };
  assert.deepEqual(row(balanced).slice(2, 4), ["<pending>", "80:30080/TCP"]);
  const ingress = [{ ip: "1.2.3.4" }, { hostname: "lb" }];
  assert.deepEqual(
    row({ ...balanced, externalIPs: ["5.6.7.8"] }, { loadBalancer: { ingress } })[2],
    "1.2.3.4,lb,5.6.7.8",
  );
  assert.deepEqual(row({ type: "ExternalName", externalName: "example.com" }), [
    "ExternalName",
    "<none>",
    "example.com",
    "<none>",
    "<none>",
  ]);
});

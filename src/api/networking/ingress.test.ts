import assert from "node:assert/strict";
import { test } from "node:test";
import {
  cells,
  created,
  errorsOnCreate,
  errorsOnStatusUpdate,
  errorsOnUpdate,
  type Partially,
} from "../definition-fixture.ts";
import type { HTTPIngressPath, IngressClassSpec, IngressRule, IngressSpec } from "../types.generated.ts";
import { Ingresses } from "./ingress.ts";
import { IngressClasses } from "./ingress-class.ts";

const backend = { service: { name: "web", port: { number: 80 } } };
const path: HTTPIngressPath = { path: "/", pathType: "Prefix", backend };
const at = "spec.rules[0].http.paths[0]";
const withPath = (fields: Partially<HTTPIngressPath>): Partially<IngressSpec> => ({
  rules: [{ http: { paths: [{ ...path, ...fields }] } }],
});
const withHost = (host: string): Partially<IngressSpec> => ({ rules: [{ host }] });

const invalid: readonly (readonly [string, Partially<IngressSpec>, readonly string[]])[] = [
  ["a good one", withPath({}), []],
  ["one backend for all", { defaultBackend: backend }, []],
  ["nothing", {}, ["spec: Invalid value: null: either `defaultBackend` or `rules` must be specified"]],
  ["no paths", { rules: [{ http: { paths: [] } }] }, ["spec.rules[0].http.paths: Required value"]],
  [
    "an address as the host",
    withHost("10.0.0.1"),
    ['spec.rules[0].host: Invalid value: "10.0.0.1": must be a DNS name, not an IP address'],
  ],
  [
    "a star inside a host",
    withHost("a.*.com"),
    [
      `spec.rules[0].host: Invalid value: "a.*.com": a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character (e.g. '*.example.com', regex used for validation is '\\*\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')`,
    ],
  ],
  ["a star before a host", withHost("*.example.com"), []],
  [
    "no type of path",
    { rules: [{ http: { paths: [{ path: "/", backend }] } }] },
    [`${at}.pathType: Required value: pathType must be specified`],
  ],
  [
    "an unknown type of path",
    withPath({ pathType: "Regex" }),
    [`${at}.pathType: Unsupported value: "Regex": supported values: "Exact", "ImplementationSpecific", "Prefix"`],
  ],
  [
    "a path that leads astray",
    withPath({ path: "a//b/.." }),
    [
      `${at}.path: Invalid value: "a//b/..": must be an absolute path`,
      `${at}.path: Invalid value: "a//b/..": must not contain '//'`,
      `${at}.path: Invalid value: "a//b/..": cannot end with '/..'`,
    ],
  ],
  ["any path of its own kind", withPath({ path: "/a//.*", pathType: "ImplementationSpecific" }), []],
  [
    "no backend",
    withPath({ backend: {} }),
    [`${at}.backend: Invalid value: "": resource or service backend is required`],
  ],
  [
    "two backends",
    withPath({ backend: { ...backend, resource: { kind: "A", name: "b" } } }),
    [`${at}.backend: Invalid value: "": cannot set both resource and service backends`],
  ],
  [
    "a service without a port",
    withPath({ backend: { service: { name: "web" } } }),
    [`${at}.backend: Required value: port name or number is required`],
  ],
  [
    "a service with two",
    withPath({ backend: { service: { name: "web", port: { name: "a", number: 1 } } } }),
    [`${at}.backend: Invalid value: "": cannot set both port name & port number`],
  ],
  [
    "a secret with a name that is none",
    { defaultBackend: backend, tls: [{ hosts: ["a.b"], secretName: "A" }] },
    [
      `spec.tls[0].secretName: Invalid value: "A": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')`,
    ],
  ],
];

for (const [name, spec, errors] of invalid)
  test(`an ingress is validated: ${name}`, () => {
    assert.deepEqual(errorsOnCreate(Ingresses, { spec }), errors);
  });

test("the class of an ingress is named once", () => {
  const annotations = { "kubernetes.io/ingress.class": "old" };
  const spec = { defaultBackend: backend };
  assert.deepEqual(
    errorsOnCreate(Ingresses, { metadata: { annotations }, spec: { ...spec, ingressClassName: "new" } }),
    [
      'annotations.kubernetes.io/ingress.class: Invalid value: "old": must match `ingressClassName` when both are specified',
    ],
  );
  const old = created(Ingresses, { metadata: { annotations }, spec });
  const warning = `annotation "kubernetes.io/ingress.class" is deprecated, please use 'spec.ingressClassName' instead`;
  assert.deepEqual(Ingresses.warnings?.(old, undefined), [warning]);
  assert.deepEqual(Ingresses.warnings?.(old, old), []);
});

test("the status of an ingress names addresses and hosts", () => {
  const errors = errorsOnStatusUpdate(Ingresses, { spec: { defaultBackend: backend } }, (draft) => {
    draft.status = { loadBalancer: { ingress: [{ ip: "a" }, { hostname: "10.0.0.1" }] } };
  });
  assert.deepEqual(errors, [
    'status.loadBalancer.ingress[0].ip: Invalid value: "a": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
    'status.loadBalancer.ingress[1].hostname: Invalid value: "10.0.0.1": must be a DNS name, not an IP address',
  ]);
});

test("the row of an ingress", () => {
  const metadata = { name: "web", creationTimestamp: "2024-12-31T23:59:00Z" };
  const rules: IngressRule[] = ["a", "b", "", "c", "d"].map((host) => ({ host }));
  const row = cells(Ingresses, {
    metadata,
    spec: { ingressClassName: "nginx", rules, tls: [{}] },
    status: { loadBalancer: { ingress: [{ ip: "1.2.3.4" }] } },
  });
  assert.deepEqual(row, {
    Name: "web",
    Class: "nginx",
    Hosts: "a,b,c + 2 more...",
    Address: "1.2.3.4",
    Ports: "80, 443",
    Age: "60s",
  });
  const { Class, Hosts, Address, Ports } = cells(Ingresses, { metadata, spec: { defaultBackend: backend } });
  assert.deepEqual([Class, Hosts, Address, Ports], ["<none>", "*", "", "80"]);
});

const classes: readonly (readonly [string, Partially<IngressClassSpec>, readonly string[]])[] = [
  ["a good one", { controller: "example.com/ingress", parameters: { kind: "Config", name: "a" } }, []],
  ["nobody", {}, ["spec.controller: Required value"]],
  [
    "a controller that is none",
    { controller: "nginx" },
    ['spec.controller: Invalid value: "nginx": must be a domain-prefixed path (such as "acme.io/foo")'],
  ],
  [
    "parameters in a namespace that is not named",
    { controller: "a.b/c", parameters: { kind: "Config", name: "a", scope: "Namespace" } },
    ["spec.parameters.namespace: Required value: `parameters.scope` is set to 'Namespace'"],
  ],
  [
    "parameters of the cluster in a namespace",
    { controller: "a.b/c", parameters: { kind: "", name: "", namespace: "a" } },
    [
      "spec.parameters.kind: Required value: kind is required",
      "spec.parameters.name: Required value: name is required",
      "spec.parameters.namespace: Forbidden: `parameters.scope` is set to 'Cluster'",
    ],
  ],
];

for (const [name, spec, errors] of classes)
  test(`an ingress class is validated: ${name}`, () => {
    assert.deepEqual(errorsOnCreate(IngressClasses, { spec }), errors);
  });

test("an ingress class keeps its controller", () => {
  const errors = errorsOnUpdate(IngressClasses, { spec: { controller: "a.b/c" } }, (draft) => {
    draft.spec.controller = "a.b/d";
  });
  assert.deepEqual(errors, ['spec.controller: Invalid value: "a.b/d": field is immutable']);
});

test("the row of an ingress class", () => {
  const parameters = { apiGroup: "example.com", kind: "Config", name: "a" };
  const row = (spec: Partially<IngressClassSpec>) => cells(IngressClasses, { metadata: {}, spec }).Parameters;
  assert.equal(row({ controller: "a.b/c" }), "<none>");
  assert.equal(row({ controller: "a.b/c", parameters }), "Config.example.com/a");
});

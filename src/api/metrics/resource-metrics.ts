// What pods and nodes use, metrics.k8s.io/v1beta1: k8s.io/metrics/pkg/apis/metrics/v1beta1. Nothing of it is stored, and
// it is no part of the published facts.
import { nameColumn } from "../columns.ts";
import { addQuantities, formatQuantity, type ParsedQuantity, parseQuantity } from "../meta/quantity.ts";
import type { KubeObject, ResourceDefinition, ResourceReference } from "../resource.ts";
import type { Schema } from "../schema/schema.ts";
import type { Quantity, Time } from "../types.generated.ts";

/** By the name of the resource. */
export type ResourceUse = Readonly<Record<string, Quantity>>;

interface Measured extends KubeObject {
  /** When it was measured. */
  readonly timestamp: Time;
  /** How long it was measured for, up to that time: a duration in Go's form. */
  readonly window: string;
}

export interface ContainerMetrics {
  readonly name: string;
  readonly usage: ResourceUse;
}
export interface PodMetrics extends Measured {
  readonly containers: readonly ContainerMetrics[];
}
export interface NodeMetrics extends Measured {
  readonly usage: ResourceUse;
}

const usage: Schema = { type: "object", additionalProperties: { type: "string" } };

export const PodMetricses = defineMetrics<PodMetrics>(
  { kind: "PodMetrics", plural: "pods", namespaced: true },
  [
    "containers",
    {
      type: "array",
      items: { type: "object", required: ["name", "usage"], properties: { name: { type: "string" }, usage } },
      "x-kubernetes-list-type": "atomic",
    },
  ],
  ({ containers }, resource) => {
    const [first = "0", ...others] = containers.map((each) => each.usage[resource] ?? "0");
    return formatQuantity(others.reduce<ParsedQuantity>((sum, each) => addQuantities(sum, each), parseQuantity(first)));
  },
);

export const NodeMetricses = defineMetrics<NodeMetrics>(
  { kind: "NodeMetrics", plural: "nodes", namespaced: false },
  ["usage", usage],
  (node, resource) => node.usage[resource],
);

function defineMetrics<T extends Measured>(
  names: Pick<ResourceReference, "kind" | "plural" | "namespaced">,
  [field, schema]: readonly [string, Schema],
  useOf: (object: T, resource: string) => string | undefined,
): ResourceDefinition<T> {
  const group = "metrics.k8s.io";
  const version = "v1beta1";
  return {
    ...names,
    group,
    version,
    singular: "",
    listKind: `${names.kind}List`,
    shortNames: [],
    categories: [],
    verbs: ["get", "list"],
    schema: {
      type: "object",
      required: ["timestamp", "window", field],
      properties: {
        apiVersion: { type: "string" },
        kind: { type: "string" },
        metadata: { type: "object" },
        timestamp: { type: "string", format: "date-time" },
        window: { type: "string" },
        [field]: schema,
      },
      "x-kubernetes-group-version-kind": [{ group, version, kind: names.kind }],
    },
    schemaName: `io.k8s.metrics.pkg.apis.metrics.v1beta1.${names.kind}`,
    subresources: [],
    columns: [
      nameColumn,
      { name: "cpu", type: "string", of: (object) => useOf(object, "cpu") },
      { name: "memory", type: "string", of: (object) => useOf(object, "memory") },
      { name: "Window", type: "string", of: ({ window }) => window },
    ],
    selectableFields: {},
    hasGeneration: false,
    statusFields: [],
    allowsUnconditionalUpdate: false,
    allowsCreateOnUpdate: false,
  };
}

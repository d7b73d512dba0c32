/**
 * What is known of a value: the JSON schema of OpenAPI with Kubernetes' extensions, under their published names.
 * Built-in kinds take theirs from facts.json, custom resources from their CRD; everything that walks objects
 * (decoding, pruning, defaults, patches, apply, OpenAPI) works on this one shape.
 */
export interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly format?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly additionalProperties?: Schema | boolean;
  readonly default?: unknown;
  readonly nullable?: boolean;
  readonly description?: string;
  readonly "x-kubernetes-list-type"?: "atomic" | "set" | "map";
  readonly "x-kubernetes-list-map-keys"?: readonly string[];
  readonly "x-kubernetes-map-type"?: "atomic" | "granular";
  readonly "x-kubernetes-patch-strategy"?: string;
  readonly "x-kubernetes-patch-merge-key"?: string;
  readonly "x-kubernetes-int-or-string"?: boolean;
  readonly "x-kubernetes-preserve-unknown-fields"?: boolean;
  readonly "x-kubernetes-embedded-resource"?: boolean;
  readonly "x-kubernetes-group-version-kind"?: readonly GroupVersionKind[];
  // The value validations of CRD schemas: minimum, pattern, enum, oneOf, x-kubernetes-validations, …
  readonly [keyword: string]: unknown;
}

export interface GroupVersionKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

/** Finds what a `$ref` of a schema names. */
export type ResolveReference = (reference: string) => Schema;

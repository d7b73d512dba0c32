import {
  apiVersionOf,
  definitions,
  type FieldError,
  invalidValue,
  type KubeObject,
  type ResourceDefinition,
  rootPath,
  type Scale,
  type ScaleMapping,
} from "../../api/index.ts";
import { deepCopy } from "../../lib/index.ts";
import type { Form } from "./form.ts";

const schemaName = "io.k8s.api.autoscaling.v1.Scale";

/** The scale subresource: an object's replicas as autoscaling/v1 Scale. */
export function scaleForm(definition: ResourceDefinition, mapping: ScaleMapping<KubeObject>): Form {
  return {
    group: "autoscaling",
    version: "v1",
    kind: "Scale",
    schema: definitions[schemaName] ?? {},
    schemaName,
    resetFields: {},
    replicas: { apiVersion: apiVersionOf(definition), path: mapping.specReplicasPath ?? ["spec", "replicas"] },
    show: (object) => scaleOf(object, mapping),
    next: (body, old) => {
      const draft = deepCopy(old);
      mapping.withReplicas(draft, replicasOf(body));
      return draft;
    },
    validateBody: validateScale,
    validate: (next, old) => definition.validateUpdate?.(next, old, rootPath) ?? [],
    prepares: false,
  };
}

function replicasOf(body: object): number {
  const { spec }: { readonly spec?: { readonly replicas?: number } } = body; // decoded as a Scale
  return spec?.replicas ?? 0;
}

function scaleOf(object: KubeObject, mapping: ScaleMapping<KubeObject>): Scale {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const selector = mapping.labelSelectorOf(object);
  return {
    kind: "Scale",
    apiVersion: "autoscaling/v1",
    metadata: { name, ...(namespace === undefined ? {} : { namespace }), uid, resourceVersion, creationTimestamp },
    spec: { replicas: mapping.specReplicas(object) },
    status: { replicas: mapping.statusReplicas(object), ...(selector === "" ? {} : { selector }) },
  };
}

function validateScale(body: object): FieldError[] {
  const replicas = replicasOf(body);
  if (replicas >= 0) return [];
  return [invalidValue(rootPath.child("spec", "replicas"), replicas, "must be greater than or equal to 0")];
}

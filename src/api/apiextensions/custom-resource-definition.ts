import type { Draft } from "../../lib/index.ts";
import { createdAtColumn, nameColumn } from "../columns.ts";
import { withCondition } from "../conditions.ts";
import { defineResource, type StrategyContext } from "../resource.ts";
import type { CustomResourceDefinition } from "../types.generated.ts";
import { customResourceCleanupFinalizer } from "./definition-conditions.ts";
import {
  validateApproval,
  validateDefinition,
  validateDefinitionStatus,
  validateDefinitionUpdate,
} from "./definition-rules.ts";
import { unrecognizedFormats } from "./schema-parts.ts";

const httpsPort = 443;

export const CustomResourceDefinitions = defineResource<CustomResourceDefinition>({
  group: "apiextensions.k8s.io",
  version: "v1",
  kind: "CustomResourceDefinition",
  plural: "customresourcedefinitions",
  shortNames: ["crd", "crds"],
  categories: ["api-extensions"],
  columns: [nameColumn, createdAtColumn],
  allowsUnconditionalUpdate: false,
  defaults: defaultDefinition,
  prepareForCreate: rememberStorageVersion,
  prepareForUpdate: rememberStorageVersion,
  prepareForDelete: markTerminating,
  validate: validateDefinition,
  validateCreate: validateApproval,
  validateUpdate: validateDefinitionUpdate,
  validateStatusUpdate: (next, _old, at) => validateDefinitionStatus(next, at),
  warnings: (definition, old) => {
    const before = new Set(old ? formatsOf(old) : []);
    return formatsOf(definition)
      .filter((format) => !before.has(format))
      .map((format) => `unrecognized format "${format}"`);
  },
});

function defaultDefinition({ spec }: Draft<CustomResourceDefinition>): void {
  const { names } = spec;
  if (names?.kind) {
    names.singular ||= names.kind.toLowerCase();
    names.listKind ||= `${names.kind}List`;
  }
  spec.conversion ??= { strategy: "None" };
  const service = spec.conversion.webhook?.clientConfig?.service;
  if (service) service.port ??= httpsPort;
}

/** Objects may have been stored in every version that was ever the storage version. */
function rememberStorageVersion(definition: Draft<CustomResourceDefinition>): void {
  const storage = definition.spec.versions?.find((version) => version.storage)?.name;
  const stored = definition.status.storedVersions ?? [];
  if (storage === undefined || stored.includes(storage)) return;
  // A status that comes from the stored object is not ours to change.
  definition.status = { ...definition.status, storedVersions: [...stored, storage] };
}

/** The objects of the kind go first: the CRD stays until its controller has deleted them. */
function markTerminating(definition: Draft<CustomResourceDefinition>, { nowMs }: StrategyContext): void {
  const { metadata, status } = definition;
  const { finalizers = [] } = metadata;
  if (!finalizers.includes(customResourceCleanupFinalizer))
    metadata.finalizers = [...finalizers, customResourceCleanupFinalizer];
  const condition = {
    type: "Terminating",
    status: "True",
    reason: "InstanceDeletionPending",
    message: "CustomResourceDefinition marked for deletion; CustomResource deletion will occur as soon as possible",
  };
  definition.status = { ...status, conditions: withCondition(status.conditions, condition, nowMs) };
}

function formatsOf({ spec }: CustomResourceDefinition): string[] {
  return (spec.versions ?? []).flatMap(({ schema }) =>
    schema?.openAPIV3Schema ? unrecognizedFormats(schema.openAPIV3Schema) : [],
  );
}

export { type Applied, type ApplyOptions, mergeConfiguration, serverSideApply } from "./apply.ts";
export type { FieldSet } from "./field-set.ts";
export * from "./json-patch.ts";
export { lastAppliedAnnotation } from "./last-applied.ts";
export {
  type FieldOwnershipOptions,
  type OtherVersion,
  onlyTimesDiffer,
  readManagers,
  setOfNames,
  updateManagedFields,
} from "./managed-fields.ts";
export * from "./merge-patch.ts";
export { managersAfterScale, managersOfScale, type ReplicasPlace } from "./scale-ownership.ts";
export * from "./strategic-merge.ts";

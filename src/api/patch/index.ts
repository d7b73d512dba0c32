export { type ApplyOptions, serverSideApply } from "./apply.ts";
export * from "./json-patch.ts";
export { type FieldOwnershipOptions, updateManagedFields } from "./managed-fields.ts";
export * from "./merge-patch.ts";
export * from "./strategic-merge.ts";

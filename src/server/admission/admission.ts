import type { KubeObject, ResourceDefinition, User } from "../../api/index.ts";
import type { Draft } from "../../lib/index.ts";

export type Operation = "CREATE" | "UPDATE" | "DELETE" | "CONNECT";

/** A write on its way to the store. */
export interface AdmissionRequest {
  readonly operation: Operation;
  readonly definition: ResourceDefinition;
  readonly subresource: string;
  readonly namespace: string;
  /** Empty when generateName has not chosen yet. */
  readonly name: string;
  readonly user: User;
  readonly dryRun: boolean;
  /** The object that will be written (CREATE, UPDATE) or the body of the subresource; mutating plugins change it in place. */
  readonly object: Draft<KubeObject> | undefined;
  /** What is stored now (UPDATE, DELETE). */
  readonly old: KubeObject | undefined;
  /** Adds a sentence to the Warning header of the answer. */
  readonly warn: (sentence: string) => void;
}

/** One admission plugin. `admit` may change the object; `validate` sees it in its last form. Both refuse by throwing ApiError. */
export interface AdmissionPlugin {
  readonly name: string;
  readonly admit?: (request: AdmissionRequest) => Promise<void> | void;
  readonly validate?: (request: AdmissionRequest) => Promise<void> | void;
}

import type { Annotate, DecodableKind, KubeObject, ResourceDefinition, User } from "../../api/index.ts";
import type { Draft } from "../../lib/index.ts";

export type Operation = "CREATE" | "UPDATE" | "DELETE" | "CONNECT";

/** A write on its way to the store. */
export interface AdmissionRequest {
  readonly operation: Operation;
  readonly definition: ResourceDefinition;
  readonly subresource: string;
  /** The kind of `object` and `old`: that of the resource, or of its subresource's bodies. */
  readonly kind: Pick<DecodableKind, "group" | "version" | "kind">;
  readonly namespace: string;
  /** Empty when generateName has not chosen yet. */
  readonly name: string;
  readonly user: User;
  readonly dryRun: boolean;
  /** When the sender waits no longer, on the monotonic clock. */
  readonly endMs: number;
  /** The object that will be written (CREATE, UPDATE) or the body of the subresource; mutating plugins change it in place. */
  readonly object: Draft<KubeObject> | undefined;
  /** What is stored now (UPDATE, DELETE). */
  readonly old: KubeObject | undefined;
  /** CreateOptions, UpdateOptions or DeleteOptions with apiVersion and kind; undefined for CONNECT. */
  readonly options: object | undefined;
  /** Puts what `json` is, decoded and with its defaults, in the place of `object`. Throws ApiError when it is no such object. */
  readonly replaceObject: (json: unknown) => void;
  /** Adds a sentence to the Warning header of the answer. */
  readonly warn: (sentence: string) => void;
  /** Adds a note to the request's entry in the audit log. */
  readonly annotate: Annotate;
  readonly rounds: AdmissionRounds;
}

/** The plugins change an object once, and all of them once more when one asks for that. */
export interface AdmissionRounds {
  isSecond: boolean;
  wantsSecond: boolean;
}

/** Whether a plugin looks at requests about a resource. */
export function isConcerned({ resources }: AdmissionPlugin, { group, plural }: ResourceName): boolean {
  return !resources || resources.some((each) => each.group === group && each.plural === plural);
}

type ResourceName = Pick<ResourceDefinition, "group" | "plural">;

/** One admission plugin. `admit` may change the object; `validate` sees it in its last form. Both refuse by throwing ApiError. */
export interface AdmissionPlugin {
  readonly name: string;
  /** It looks at requests about these alone, and at those about anything when left out. */
  readonly resources?: readonly ResourceName[];
  readonly admit?: (request: AdmissionRequest) => Promise<void> | void;
  readonly validate?: (request: AdmissionRequest) => Promise<void> | void;
}

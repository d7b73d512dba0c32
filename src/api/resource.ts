import type { Draft, Int64 } from "../lib/index.ts";
import { disabledFieldsOf, dropDisabledFields } from "./disabled-features.ts";
import type { FieldError } from "./meta/api-error.ts";
import type { Path } from "./meta/field-error.ts";
import type { User } from "./request.ts";
import { definitions, resourceFact, type SubresourceFact } from "./schema/facts.ts";
import type { Schema } from "./schema/schema.ts";
import type { ListMeta, ObjectMeta } from "./types.generated.ts";

/** What every object of the API has. Stored objects are frozen. */
export interface KubeObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: ObjectMeta;
}

/** A list as the API answers it. */
export interface ObjectList<T extends KubeObject = KubeObject> {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: Partial<ListMeta>;
  readonly items: readonly T[];
}

/** An object as a client writes it: what the server fills in may be missing. */
export type NewObject<T extends KubeObject = KubeObject> = Omit<T, "metadata" | "status" | "spec"> &
  Partial<Pick<T, Extract<keyof T, "spec" | "status">>> & { readonly metadata: Partial<ObjectMeta> };

/** Names one REST resource; every ResourceDefinition is one, and so is what discovery told of a kind not built in. */
export interface ResourceReference<T extends KubeObject = KubeObject> {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
  /** Only carries T to the compiler; never set. */
  readonly objectType?: T;
}

/**
 * Names a kind that a CRD defines, for those who use it: with the constant, Client, informers and controllers know its
 * objects as `T`, as those of built-in kinds.
 */
export function defineCustomResource<T extends KubeObject>(
  names: Omit<ResourceReference, "objectType">,
): ResourceReference<T> {
  return names;
}

/** A column of `kubectl get`. */
export interface Column<T> {
  readonly name: string;
  readonly type: "string" | "integer" | "number" | "boolean" | "date";
  /** OpenAPI format of the value; `name` marks the column with the object's name. */
  readonly format?: string;
  /** 0 is always shown, above that only with `-o wide`. */
  readonly priority?: number;
  readonly description?: string;
  /** The cell of `object` at `nowMs`; undefined prints as Kubernetes prints null. */
  readonly of: (object: T, nowMs: number) => string | Int64 | boolean | null | undefined;
}

/** What is to be said of a whole row, for clients to show it otherwise: that the object is done. */
export interface RowCondition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

/** Where the scale subresource finds its values. `labelSelectorOf` gives the selector in its text form. */
export interface ScaleMapping<T> {
  readonly specReplicas: (object: T) => number;
  readonly statusReplicas: (object: T) => number;
  readonly withReplicas: (draft: Draft<T>, replicas: number) => void;
  readonly labelSelectorOf: (object: T) => string;
  /** The names of the fields that lead to the replicas wanted; spec.replicas when left out. */
  readonly specReplicasPath?: readonly string[];
}

/** What a strategy may know beside the object: only values. */
export interface StrategyContext {
  readonly nowMs: number;
  readonly user: User;
}

/**
 * A kind: everything that makes it different from other kinds. Handlers, discovery, OpenAPI, printing, patching and
 * watching are written once over these values.
 */
export interface ResourceDefinition<T extends KubeObject = KubeObject> extends ResourceReference<T> {
  readonly listKind: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly verbs: readonly string[];
  /** Those that discovery tells of now, where that is less. */
  readonly verbsTold?: () => readonly string[];
  readonly schema: Schema;
  /** The name of the schema in OpenAPI documents: `io.k8s.api.core.v1.Pod`. */
  readonly schemaName: string;
  readonly subresources: readonly SubresourceFact[];
  readonly columns: readonly Column<T>[];
  readonly rowConditions?: (object: T) => readonly RowCondition[];

  /** Set when objects are kept in another resource's form (HPA v1 in v2, events.k8s.io in core, CRD versions). */
  readonly stored?: StoredAs<T>;
  /** Fills in what the client left out, as Kubernetes documents it for the kind. Runs on every write, in this version. */
  readonly defaults?: (draft: Draft<T>) => void;
  /** Sets what only the server may set, and clears what the client may not; before validation. */
  readonly prepareForCreate?: (draft: Draft<T>, context: StrategyContext) => void;
  readonly prepareForUpdate?: (draft: Draft<T>, old: T, context: StrategyContext) => void;
  /** The same for an update of the status subresource, which may change nothing but the status and metadata. */
  readonly prepareForStatusUpdate?: (draft: Draft<T>, old: T, context: StrategyContext) => void;
  /** What is wrong with the object by itself. Metadata is validated by the pipeline. */
  readonly validate?: (object: T, at: Path) => readonly FieldError[];
  /** What only a new object may not have; `validate` has run as well. */
  readonly validateCreate?: (object: T, at: Path) => readonly FieldError[];
  /** What is wrong with a new object that only WebCrypto can tell, which answers later. Said before the rest. */
  readonly verifyCreate?: (object: T, at: Path) => Promise<readonly FieldError[]>;
  /** What an update may not do; `validate` has run as well. */
  readonly validateUpdate?: (next: T, old: T, at: Path) => readonly FieldError[];
  /** What an update of the status subresource may not do. */
  readonly validateStatusUpdate?: (next: T, old: T, at: Path) => readonly FieldError[];
  /** What the first delete makes of an object that does not go at once: the finalizer that its controller waits for, say. */
  readonly prepareForDelete?: (draft: Draft<T>, context: StrategyContext) => void;
  /** Sentences for the Warning header. */
  readonly warnings?: (object: T, old: T | undefined) => readonly string[];
  /** What everybody hears who uses the kind in this version; absent where it has a future. */
  readonly deprecationWarning?: string;
  /** What is wrong with metadata.name; DNS subdomain when left out. Messages as in IsDNS1123Subdomain. */
  readonly validateName?: (name: string, prefix: boolean) => readonly string[];
  /** Field selectors beside metadata.name and metadata.namespace: what they read. */
  readonly selectableFields: Readonly<Record<string, (object: T) => string>>;
  /** What is said of a field that selectors cannot name, where a kind has words of its own for it. */
  readonly unselectableField?: (field: string) => string;
  readonly scale?: ScaleMapping<T>;
  /** Whether metadata.generation counts changes of everything but metadata and status. */
  readonly hasGeneration: boolean;
  /** Whether an update is a new generation, where the kind counts otherwise. `changed`: what it would be else. */
  readonly isNewGeneration?: (next: T, old: T, changed: boolean) => boolean;
  /** Top-level fields that only the status subresource writes; ["status"] where there is that subresource. */
  readonly statusFields: readonly string[];
  /** Whether an update without resourceVersion is allowed (last write wins). */
  readonly allowsUnconditionalUpdate: boolean;
  /** Whether PUT on a name that does not exist creates it. */
  readonly allowsCreateOnUpdate: boolean;
  /** The grace period for a delete that names none, in seconds; 0 or absent deletes at once. */
  readonly defaultGraceSeconds?: (object: T) => Int64;
}

export interface StoredAs<T extends KubeObject> {
  /** Called late, so that two definitions may name each other. */
  readonly definition: () => ResourceDefinition;
  readonly toStored: (object: T) => KubeObject;
  /** Gives the stored object itself where nothing has to be changed. */
  readonly fromStored: (stored: KubeObject) => T;
  /** Set where somebody else converts some of the objects; the two functions above are never given those. */
  readonly remote?: RemoteConversion<T>;
}

/** Conversion that somebody else is asked for. Both throw ApiError when it fails. */
export interface RemoteConversion<T extends KubeObject = KubeObject> {
  /** Whether nobody has to be asked to show this object. */
  readonly isLocal: (stored: KubeObject) => boolean;
  /** The objects in this version, in their order. */
  readonly fromStored: (stored: readonly KubeObject[]) => Promise<readonly T[]>;
  readonly toStored: (object: T) => Promise<KubeObject>;
}

/** What a kind's file writes down; the rest comes from the facts. */
export type ResourceOptions<T extends KubeObject> = Pick<ResourceReference, "group" | "version" | "kind" | "plural"> &
  Partial<
    Omit<ResourceDefinition<T>, "group" | "version" | "kind" | "plural" | "namespaced" | "schema" | "schemaName">
  >;

/** Makes the definition of a built-in kind from its file's options and the facts; throws when the facts do not know it. */
export function defineResource<T extends KubeObject>(options: ResourceOptions<T>): ResourceDefinition<T> {
  const fact = resourceFact(options.group, options.version, options.plural);
  const schema = definitions[fact.definition];
  if (!schema) throw new Error(`no schema ${fact.definition} for ${options.plural}`);
  const hasStatus = fact.subresources.some((each) => each.name === "status");
  const disabled = disabledFieldsOf(fact.definition);
  const structs = (["spec", "status"] as const).filter((field) => schema.properties && field in schema.properties);
  return {
    namespaced: fact.namespaced,
    verbs: fact.verbs,
    schema,
    schemaName: fact.definition,
    subresources: fact.subresources,
    listKind: `${options.kind}List`,
    singular: options.kind.toLowerCase(),
    shortNames: [],
    categories: [],
    columns: [],
    selectableFields: {},
    hasGeneration: hasStatus && "spec" in (schema.properties ?? {}),
    statusFields: hasStatus ? ["status"] : [],
    allowsUnconditionalUpdate: true,
    allowsCreateOnUpdate: false,
    ...options,
    defaults: (draft) => {
      fillStructs(draft, structs);
      options.defaults?.(draft);
    },
    prepareForCreate: (draft, context) => {
      fillStructs(draft, structs);
      if (disabled) dropDisabledFields(disabled, draft, undefined);
      options.prepareForCreate?.(draft, context);
    },
    ...(disabled && {
      prepareForUpdate: (draft: Draft<T>, old: T, context: StrategyContext) => {
        dropDisabledFields(disabled, draft, old);
        options.prepareForUpdate?.(draft, old, context);
      },
      prepareForStatusUpdate: (draft: Draft<T>, old: T, context: StrategyContext) => {
        dropDisabledFields(disabled, draft, old);
        options.prepareForStatusUpdate?.(draft, old, context);
      },
    }),
  };
}

/** Built-in kinds have a spec and a status where their schema has one, be they empty, as Go's structs are never absent. */
function fillStructs(draft: object, fields: readonly ("spec" | "status")[]): void {
  const object: { spec?: object; status?: object } = draft;
  for (const field of fields) object[field] ??= {};
}

/** `apps/v1`, `v1`. */
export function apiVersionOf(resource: { readonly group: string; readonly version: string }): string {
  return resource.group === "" ? resource.version : `${resource.group}/${resource.version}`;
}

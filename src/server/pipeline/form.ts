import {
  type DecodableKind,
  type FieldError,
  type FieldSet,
  type KubeObject,
  type ReplicasPlace,
  type ResourceDefinition,
  rootPath,
  setOfNames,
} from "../../api/index.ts";
import type { Draft } from "../../lib/index.ts";
import type { ObjectRequest } from "./context.ts";
import { isBuiltIn, metadataKeptByStatus, metadataUnownedByStatus } from "./kind-rules.ts";

/**
 * A form of an object that get shows and that update and patch write: the whole object, or one of its subresources. The
 * kind that it is, is that of its bodies.
 */
export interface Form extends DecodableKind {
  /** The form of an object as it is stored; absent when it is the object itself. */
  readonly show?: (object: KubeObject) => KubeObject;
  /** The object after `body`, which is private and may be used up, was written over `old`. Throws ApiError. */
  readonly next: (body: Draft<KubeObject>, old: KubeObject, request: ObjectRequest) => Draft<KubeObject>;
  /** What is wrong with a body of a kind of its own. */
  readonly validateBody?: (body: object) => readonly FieldError[];
  readonly validate: (next: KubeObject, old: KubeObject, definition: ResourceDefinition) => readonly FieldError[];
  /** Fields that this form leaves as they are, so that nobody owns them by it (GetResetFields of the strategies upstream). */
  readonly resetFields: FieldSet;
  /** Set for a scale: the object's field whose owners are those of the scale. */
  readonly replicas?: ReplicasPlace;
  /** Whether the kind's own preparation of updates runs. */
  readonly prepares: boolean;
  /** Whether the kind's warnings are left out all the same. */
  readonly withoutWarnings?: boolean;
  /** Whether the kind's own preparation of updates of the status runs. */
  readonly preparesStatus?: boolean;
}

const wholeForms = new WeakMap<ResourceDefinition, Form>();
const statusForms = new WeakMap<ResourceDefinition, Form>();

function once(forms: WeakMap<ResourceDefinition, Form>, definition: ResourceDefinition, make: () => Form): Form {
  let form = forms.get(definition);
  if (!form) {
    form = make();
    forms.set(definition, form);
  }
  return form;
}

/** The whole object but its status. */
export function wholeForm(definition: ResourceDefinition): Form {
  return once(wholeForms, definition, () => ({
    ...decodableKind(definition),
    resetFields: topLevel(definition.statusFields),
    next: (body, old) => withFieldsOf(body, old, definition.statusFields),
    validate: (next, old) => [
      ...(definition.validate?.(next, rootPath) ?? []),
      ...(definition.validateUpdate?.(next, old, rootPath) ?? []),
    ],
    prepares: true,
  }));
}

/** The status and, as Kubernetes has it, of most built-in kinds the metadata as well. */
export function statusForm(definition: ResourceDefinition): Form {
  return once(statusForms, definition, () => {
    const ofBody = statusBody(definition);
    const metadata = metadataKeptByStatus(definition);
    return {
      ...decodableKind(definition),
      resetFields: resetByStatus(definition),
      next: (body, old) => {
        // The copy's top level and metadata are private.
        const copy = { ...old, metadata: { ...old.metadata } } as Draft<KubeObject>;
        if (body.metadata.managedFields) copy.metadata.managedFields = body.metadata.managedFields;
        const next = withFieldsOf(copy, body as KubeObject, ofBody);
        keepFields(next.metadata, old.metadata, metadata);
        return next;
      },
      validate: (next, old) => definition.validateStatusUpdate?.(next, old, rootPath) ?? [],
      prepares: false,
      preparesStatus: true,
    };
  });
}

/** The top-level fields that a write of the status takes from its body. */
function statusBody(definition: ResourceDefinition): readonly string[] {
  return isBuiltIn(definition) ? ["metadata", ...definition.statusFields] : definition.statusFields;
}

/** Of custom resources these are the same two, whatever other fields their schema names or does not name. */
function resetByStatus(definition: ResourceDefinition): FieldSet {
  if (!isBuiltIn(definition)) return topLevel(["metadata", "spec"]);
  const ofBody = statusBody(definition);
  const kept = Object.keys(definition.schema.properties ?? {}).filter(
    (each) => !identity.has(each) && !ofBody.includes(each),
  );
  const metadata = metadataUnownedByStatus(definition);
  return setOfNames(...kept.map((each) => [each]), ...metadata.map((each) => ["metadata", each]));
}

/** The set of these top-level fields. */
export function topLevel(fields: readonly string[]): FieldSet {
  return setOfNames(...fields.map((each) => [each]));
}

const identity = new Set(["apiVersion", "kind"]);

function decodableKind({ group, version, kind, schema, schemaName }: ResourceDefinition): DecodableKind {
  return { group, version, kind, schema, schemaName };
}

/** `target` with the named top-level fields as `source` has them. */
function withFieldsOf(target: Draft<KubeObject>, source: KubeObject, fields: readonly string[]): Draft<KubeObject> {
  keepFields(target, source, fields);
  return target;
}

function keepFields(target: object, source: object, fields: readonly string[]): void {
  // Which fields there are is the definition's knowledge, not the compiler's.
  const into = target as Record<string, unknown>;
  const from = source as Readonly<Record<string, unknown>>;
  for (const field of fields) {
    if (from[field] === undefined) delete into[field];
    else into[field] = from[field];
  }
}

// The kinds that a CRD defines, as definitions like those of the built-in ones: one for each version.
import { type Draft, deepCopy, deepEqual } from "../../lib/index.ts";
import { ApiError } from "../meta/api-error.ts";
import { rootPath } from "../meta/field-error.ts";
import { isQualifiedName } from "../meta/names.ts";
import { foregroundFinalizer, orphanFinalizer } from "../meta/object-meta.ts";
import {
  apiVersionOf,
  type KubeObject,
  type RemoteConversion,
  type ResourceDefinition,
  type StoredAs,
} from "../resource.ts";
import type { SubresourceFact } from "../schema/facts.ts";
import type { Schema } from "../schema/schema.ts";
import { applySchemaDefaults, pruneUnknownFields } from "../schema/structural.ts";
import type {
  CustomResourceDefinition,
  CustomResourceDefinitionNames,
  CustomResourceDefinitionVersion,
  WebhookConversion,
} from "../types.generated.ts";
import { customColumns } from "./custom-columns.ts";
import { customScale } from "./custom-scale.ts";
import { customValidation } from "./custom-validation.ts";
import { parseJsonPath } from "./json-path.ts";
import { asSchema } from "./schema-parts.ts";

export interface CustomResourceOptions {
  /** Whether the CRD is being deleted: no objects are created then. */
  readonly isTerminating: () => boolean;
  /** Asks the webhook of the CRD to convert objects. Throws ApiError. */
  readonly convert: (
    webhook: WebhookConversion,
    apiVersion: string,
    objects: readonly KubeObject[],
  ) => Promise<readonly KubeObject[]>;
}

const verbs = ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"];
/** Changes are still served, and creates refused, but no client is to begin them (customresource_discovery_controller.go). */
const verbsWhileTerminating = verbs.filter((verb) => !["create", "patch", "update"].includes(verb));
const subresourceVerbs = ["get", "patch", "update"];

/**
 * The names of the versions that are served, in the order of the CRD. Of a CRD that goes the stored version is, if no
 * other: its controller deletes the objects by it.
 */
export function servedVersions({ metadata, spec }: CustomResourceDefinition): string[] {
  const served = spec.versions.filter((version) => version.served);
  const isGoing = served.length === 0 && metadata.deletionTimestamp !== undefined;
  return (isGoing ? spec.versions.filter(({ storage }) => storage) : served).map(({ name }) => name);
}

/** The versions of the CRD that are served, in its order. */
export function customResources(crd: CustomResourceDefinition, options: CustomResourceOptions): ResourceDefinition[] {
  const storage = crd.spec.versions.find((version) => version.storage);
  if (!storage) return [];
  const conversion = new VersionConversion(crd, storage.name, options.convert);
  const definitions = crd.spec.versions.map((version) => definitionOf(crd, version, conversion, options));
  conversion.storage = definitions[crd.spec.versions.indexOf(storage)]!; // one for each version
  const served = servedVersions(crd);
  return definitions.filter((each) => served.includes(each.version));
}

function definitionOf(
  crd: CustomResourceDefinition,
  version: CustomResourceDefinitionVersion,
  conversion: VersionConversion,
  { isTerminating }: CustomResourceOptions,
): ResourceDefinition {
  const { group, scope } = crd.spec;
  const names: CustomResourceDefinitionNames = crd.status.acceptedNames ?? crd.spec.names;
  const { plural, kind, singular = kind.toLowerCase(), listKind = `${kind}List` } = names;
  const { subresources } = version;
  const schema = schemaOf(version);
  const scale = subresources?.scale;
  const validation = customValidation(version, schema);
  return {
    group,
    version: version.name,
    kind,
    plural,
    singular,
    listKind,
    namespaced: scope === "Namespaced",
    shortNames: names.shortNames ?? [],
    categories: names.categories ?? [],
    verbs,
    verbsTold: () => (isTerminating() ? verbsWhileTerminating : verbs),
    schema,
    schemaName: `${group.split(".").reverse().join(".")}.${version.name}.${kind}`,
    subresources: subresourcesOf(group, version, kind),
    columns: customColumns(version.additionalPrinterColumns),
    stored: conversion.of(version.name, schema),
    defaults: (draft) => applySchemaDefaults(draft, schema),
    prepareForCreate() {
      if (isTerminating())
        throw new ApiError(
          405,
          "MethodNotAllowed",
          "create not allowed while custom resource definition is terminating",
          { group, kind: plural },
        );
    },
    validateCreate: (object, at) => validation(object, undefined, at),
    validateUpdate: (next, old, at) => validation(next, old, at),
    validateStatusUpdate: (next, old, at) => validation(next, old, at),
    warnings: finalizerWarnings,
    ...(version.deprecated
      ? { deprecationWarning: version.deprecationWarning ?? `${group}/${version.name} ${kind} is deprecated` }
      : {}),
    selectableFields: selectableFields(version),
    unselectableField: (field) => `field label not supported: ${field}`,
    ...(scale ? { scale: customScale(scale) } : {}),
    hasGeneration: true,
    statusFields: subresources?.status ? ["status"] : [],
    allowsUnconditionalUpdate: false,
    allowsCreateOnUpdate: false,
  };
}

const standardFinalizers: readonly string[] = [orphanFinalizer, foregroundFinalizer];

function finalizerWarnings({ metadata }: KubeObject, old: KubeObject | undefined): readonly string[] {
  const added = (metadata.finalizers ?? []).filter((each) => !old?.metadata.finalizers?.includes(each));
  const at = rootPath.child("metadata", "finalizers");
  return [...new Set(added)].sort().flatMap((finalizer) => {
    const say = (why: string) => `${at}: ${JSON.stringify(finalizer)}: ${why}`;
    const isPlain = !finalizer.includes("/") && !standardFinalizers.includes(finalizer);
    return [
      ...isQualifiedName(finalizer).map(say),
      ...(isPlain
        ? [
            say(
              "prefer a domain-qualified finalizer name including a path (/) to avoid accidental conflicts with other finalizer writers",
            ),
          ]
        : []),
    ];
  });
}

function schemaOf({ schema }: CustomResourceDefinitionVersion): Schema {
  return schema?.openAPIV3Schema ? asSchema(schema.openAPIV3Schema) : { "x-kubernetes-preserve-unknown-fields": true };
}

function subresourcesOf(
  group: string,
  { name, subresources }: CustomResourceDefinitionVersion,
  kind: string,
): readonly SubresourceFact[] {
  const scale = { name: "scale", group: "autoscaling", version: "v1", kind: "Scale", verbs: subresourceVerbs };
  // In the order in which Kubernetes discovers them.
  return [
    ...(subresources?.status ? [{ name: "status", group, version: name, kind, verbs: subresourceVerbs }] : []),
    ...(subresources?.scale ? [scale] : []),
  ];
}

function selectableFields({ selectableFields: fields = [] }: CustomResourceDefinitionVersion) {
  const entries = fields.map(({ jsonPath }) => {
    const path = parseJsonPath(jsonPath);
    const value = (object: KubeObject) => {
      const [found = ""] = path(object);
      return found === null ? "" : String(found);
    };
    return [jsonPath.replace(/^\./, ""), value] as const;
  });
  return Object.fromEntries(entries);
}

/**
 * Where the objects of a CRD are kept, and how each version shows them: in the version in which they were stored they are
 * pruned and given the defaults that were added since, then converted, then pruned again (crdConversionRESTOptionsGetter
 * upstream).
 */
class VersionConversion {
  /** The version in which objects are stored now. */
  storage: ResourceDefinition | undefined;
  readonly #group: string;
  readonly #storageVersion: string;
  readonly #schemas: ReadonlyMap<string, Schema>;
  readonly #webhook: WebhookConversion | undefined;
  readonly #convert: CustomResourceOptions["convert"];

  constructor({ spec }: CustomResourceDefinition, storageVersion: string, convert: CustomResourceOptions["convert"]) {
    this.#group = spec.group;
    this.#storageVersion = apiVersionOf({ group: spec.group, version: storageVersion });
    this.#schemas = new Map(
      spec.versions.map((version) => [apiVersionOf({ group: spec.group, version: version.name }), schemaOf(version)]),
    );
    this.#webhook = spec.conversion?.strategy === "Webhook" ? spec.conversion.webhook : undefined;
    this.#convert = convert;
  }

  of(version: string, schema: Schema): StoredAs<KubeObject> {
    const apiVersion = apiVersionOf({ group: this.#group, version });
    return {
      definition: () => this.storage!, // set before anything is served
      fromStored: (stored) => this.#shown(this.#completed(stored), apiVersion, schema),
      toStored: (object) => this.#shown(object, this.#storageVersion, this.#schemas.get(this.#storageVersion)),
      ...(this.#webhook ? { remote: this.#remote(this.#webhook, apiVersion, schema) } : {}),
    };
  }

  #remote(webhook: WebhookConversion, apiVersion: string, schema: Schema): RemoteConversion {
    return {
      isLocal: (stored) => stored.apiVersion === apiVersion,
      fromStored: async (stored) => {
        const converted = await this.#convert(
          webhook,
          apiVersion,
          stored.map((each) => this.#completed(each)),
        );
        return converted.map((each) => pruned(each, schema));
      },
      toStored: async (object) => {
        if (object.apiVersion === this.#storageVersion) return object;
        const [converted] = await this.#convert(webhook, this.#storageVersion, [object]);
        return pruned(converted!, this.#schemas.get(this.#storageVersion)!); // one for one, and the version is in the CRD
      },
    };
  }

  /** The object as its own version has it now. */
  #completed(stored: KubeObject): KubeObject {
    const schema = this.#schemas.get(stored.apiVersion ?? "");
    if (!schema) return stored; // of a version that is gone: nothing is known of it
    return changed(stored, (draft) => {
      pruneUnknownFields(draft, schema);
      applySchemaDefaults(draft, schema);
    });
  }

  #shown(object: KubeObject, apiVersion: string, schema: Schema | undefined): KubeObject {
    if (object.apiVersion === apiVersion || !schema) return object;
    return pruned({ ...object, apiVersion }, schema);
  }
}

function pruned(object: KubeObject, schema: Schema): KubeObject {
  return changed(object, (draft) => pruneUnknownFields(draft, schema));
}

/** The object after `change`; itself where that changed nothing, so that its bytes stay shared. */
function changed(object: KubeObject, change: (draft: Draft<KubeObject>) => unknown): KubeObject {
  const draft = deepCopy(object);
  change(draft);
  return deepEqual(draft, object) ? object : (draft as KubeObject);
}

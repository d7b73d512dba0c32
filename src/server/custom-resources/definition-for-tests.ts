import {
  type CustomResourceDefinition,
  type CustomResourceDefinitionSpec,
  CustomResourceDefinitions,
  type CustomResourceDefinitionVersion,
  type JSONSchemaProps,
  type KubeObject,
  type NewObject,
  type ResourceReference,
} from "../../api/index.ts";

export interface Widget extends KubeObject {
  readonly spec: Readonly<Record<string, unknown>>;
  readonly status?: Readonly<Record<string, unknown>>;
}

/** The kind of the tests in one of its versions. */
export const widgets = (version = "v1"): ResourceReference<Widget> => ({
  group: "example.com",
  version,
  kind: "Widget",
  plural: "widgets",
  namespaced: true,
});

export const widget = (
  name: string,
  spec: Readonly<Record<string, unknown>> = {},
  version = "v1",
): NewObject<Widget> => ({
  apiVersion: `example.com/${version}`,
  kind: "Widget",
  metadata: { name, namespace: "default" },
  spec,
});

/** A schema whose spec has these properties. */
export const specOf = (properties: Readonly<Record<string, JSONSchemaProps>>, more: JSONSchemaProps = {}) => ({
  openAPIV3Schema: {
    type: "object",
    properties: { spec: { type: "object", properties, ...more }, status: openObject },
  } satisfies JSONSchemaProps,
});

const openObject: JSONSchemaProps = { type: "object", "x-kubernetes-preserve-unknown-fields": true };

export const version = (
  name: string,
  more: Partial<CustomResourceDefinitionVersion> = {},
): CustomResourceDefinitionVersion => ({
  name,
  served: true,
  storage: false,
  schema: specOf({ size: { type: "integer" } }),
  ...more,
});

/** A definition of widgets; the first version is the one that is stored unless they say it. */
export function widgetDefinition(
  versions: readonly CustomResourceDefinitionVersion[] = [version("v1")],
  more: Partial<CustomResourceDefinitionSpec> = {},
): NewObject<CustomResourceDefinition> {
  const [first, ...others] = versions;
  const isStored = versions.some(({ storage }) => storage);
  return {
    metadata: { name: "widgets.example.com" },
    spec: {
      group: "example.com",
      scope: "Namespaced",
      names: { plural: "widgets", kind: "Widget", singular: "widget", listKind: "WidgetList" },
      versions: isStored || !first ? versions : [{ ...first, storage: true }, ...others],
      ...more,
    },
  };
}

export { CustomResourceDefinitions };

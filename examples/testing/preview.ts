import { type CustomResourceDefinition, defineCustomResource, type NewObject, type ObjectMeta } from "roder";

/** An application in the state of a change, to be looked at for a while. */
export interface Preview {
  readonly metadata: ObjectMeta;
  readonly spec: {
    readonly image: string;
    readonly replicas: number;
    /** After so many minutes it is removed. */
    readonly lifetimeMinutes: number;
  };
  readonly status?: { readonly phase: "Starting" | "Ready" };
}

const names = { group: "previews.example.com", version: "v1", kind: "Preview", plural: "previews" };

export const Previews = defineCustomResource<Preview>({ ...names, namespaced: true });

const atLeastOne = { type: "integer", minimum: 1 };

/** What is applied to the cluster before the operator starts. */
export const definition: NewObject<CustomResourceDefinition> = {
  metadata: { name: `${names.plural}.${names.group}` },
  spec: {
    group: names.group,
    scope: "Namespaced",
    names: { kind: names.kind, plural: names.plural },
    versions: [
      {
        name: names.version,
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: {
          openAPIV3Schema: {
            type: "object",
            required: ["spec"],
            properties: {
              spec: {
                type: "object",
                required: ["image"],
                properties: {
                  image: { type: "string" },
                  replicas: { ...atLeastOne, default: 1 },
                  lifetimeMinutes: { ...atLeastOne, default: 60 },
                },
              },
              status: { type: "object", properties: { phase: { type: "string" } } },
            },
          },
        },
      },
    ],
  },
};

import { defineResource } from "../resource.ts";
import type { Namespace } from "../types.generated.ts";

export const Namespaces = defineResource<Namespace>({
  group: "",
  version: "v1",
  kind: "Namespace",
  plural: "namespaces",
  shortNames: ["ns"],
});

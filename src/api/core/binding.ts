import { defineResource } from "../resource.ts";
import type { Binding } from "../types.generated.ts";

export const Bindings = defineResource<Binding>({
  group: "",
  version: "v1",
  kind: "Binding",
  plural: "bindings",
});

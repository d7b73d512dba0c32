import { defineResource } from "../resource.ts";
import type { Secret } from "../types.generated.ts";

export const Secrets = defineResource<Secret>({
  group: "",
  version: "v1",
  kind: "Secret",
  plural: "secrets",
});

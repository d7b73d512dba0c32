import { defineResource } from "../resource.ts";
import type { Deployment } from "../types.generated.ts";

export const Deployments = defineResource<Deployment>({
  group: "apps",
  version: "v1",
  kind: "Deployment",
  plural: "deployments",
  shortNames: ["deploy"],
  categories: ["all"],
});

import { defineResource } from "../resource.ts";
import type { Service } from "../types.generated.ts";

export const Services = defineResource<Service>({
  group: "",
  version: "v1",
  kind: "Service",
  plural: "services",
  shortNames: ["svc"],
  categories: ["all"],
});

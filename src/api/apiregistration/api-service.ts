import { defineResource } from "../resource.ts";
import type { APIService } from "../types.generated.ts";

export const APIServices = defineResource<APIService>({
  group: "apiregistration.k8s.io",
  version: "v1",
  kind: "APIService",
  plural: "apiservices",
  categories: ["api-extensions"],
});

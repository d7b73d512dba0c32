import { defineResource } from "../resource.ts";
import type { IngressClass } from "../types.generated.ts";

export const IngressClasses = defineResource<IngressClass>({
  group: "networking.k8s.io",
  version: "v1",
  kind: "IngressClass",
  plural: "ingressclasses",
});

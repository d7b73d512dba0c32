import { defineResource } from "../resource.ts";
import type { Ingress } from "../types.generated.ts";

export const Ingresses = defineResource<Ingress>({
  group: "networking.k8s.io",
  version: "v1",
  kind: "Ingress",
  plural: "ingresses",
  shortNames: ["ing"],
});

import { defineResource } from "../resource.ts";
import type { Endpoints } from "../types.generated.ts";

export const EndpointsResource = defineResource<Endpoints>({
  group: "",
  version: "v1",
  kind: "Endpoints",
  plural: "endpoints",
  shortNames: ["ep"],
});

import { defineResource } from "../resource.ts";
import type { ControllerRevision } from "../types.generated.ts";

export const ControllerRevisions = defineResource<ControllerRevision>({
  group: "apps",
  version: "v1",
  kind: "ControllerRevision",
  plural: "controllerrevisions",
});

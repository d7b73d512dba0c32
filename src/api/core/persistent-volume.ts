import { defineResource } from "../resource.ts";
import type { PersistentVolume } from "../types.generated.ts";

export const PersistentVolumes = defineResource<PersistentVolume>({
  group: "",
  version: "v1",
  kind: "PersistentVolume",
  plural: "persistentvolumes",
  shortNames: ["pv"],
});

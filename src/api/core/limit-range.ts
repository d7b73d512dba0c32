import { defineResource } from "../resource.ts";
import type { LimitRange } from "../types.generated.ts";

export const LimitRanges = defineResource<LimitRange>({
  group: "",
  version: "v1",
  kind: "LimitRange",
  plural: "limitranges",
  shortNames: ["limits"],
});

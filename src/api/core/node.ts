import { defineResource } from "../resource.ts";
import type { Node } from "../types.generated.ts";

export const Nodes = defineResource<Node>({
  group: "",
  version: "v1",
  kind: "Node",
  plural: "nodes",
  shortNames: ["no"],
});

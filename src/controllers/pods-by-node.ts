import { type Pod, Pods } from "../api/index.ts";
import type { IndexDefinition } from "../client/index.ts";

/** The index of pods by the node that they run on. */
export const podsByNode: IndexDefinition<Pod> = {
  resource: Pods,
  name: "spec.nodeName",
  values: ({ spec }: Pod) => (spec.nodeName ? [spec.nodeName] : []),
};

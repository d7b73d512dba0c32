import { summary } from "../diagnosis.ts";
import type { PluginDefinition } from "../plugin.ts";

const noVictims = "No preemption victims found for incoming pod";
const notHelpful = "Preemption is not helpful for scheduling";

export const defaultPreemption: PluginDefinition = {
  name: "DefaultPreemption",
  create: () => ({
    name: "DefaultPreemption",
    postFilter({ pod }, { nodeCount, rejections, podRejection }) {
      if (pod.spec.preemptionPolicy === "Never") {
        return { message: "preemption: not eligible due to preemptionPolicy=Never." };
      }
      const reasons = podRejection
        ? new Array<string>(nodeCount).fill(notHelpful)
        : rejections.map(({ rejection }) => (rejection.isResolvable ? noVictims : notHelpful));
      return { message: `preemption: ${summary(nodeCount, reasons)}` };
    },
  }),
};

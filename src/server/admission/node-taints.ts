import { Nodes, notReadyTaint, Pods, unreachableTaint } from "../../api/index.ts";
import type { AdmissionPlugin } from "./admission.ts";
import { written } from "./subject.ts";

const tolerationSeconds = 300;

/** Pods stay five minutes on a node that is not ready or not heard of, unless they say otherwise. */
export const defaultTolerationSeconds: AdmissionPlugin = {
  name: "DefaultTolerationSeconds",
  resources: [Pods],
  admit(request) {
    const pod = written(request, Pods, "CREATE", "UPDATE");
    if (!pod) return;
    const tolerations = pod.spec.tolerations ?? [];
    const missing = [notReadyTaint, unreachableTaint].filter(
      (key) =>
        !tolerations.some((each) => (!each.key || each.key === key) && (!each.effect || each.effect === "NoExecute")),
    );
    if (missing.length === 0) return;
    pod.spec.tolerations = [
      ...tolerations,
      ...missing.map((key) => ({ key, operator: "Exists", effect: "NoExecute", tolerationSeconds })),
    ];
  },
};

/** A new node takes no pods until it is known to be ready. */
export const taintNodesByCondition: AdmissionPlugin = {
  name: "TaintNodesByCondition",
  resources: [Nodes],
  admit(request) {
    const node = written(request, Nodes, "CREATE");
    if (!node) return;
    const taints = node.spec?.taints ?? [];
    if (taints.some(({ key, effect }) => key === notReadyTaint && effect === "NoSchedule")) return;
    node.spec = { ...node.spec, taints: [...taints, { key: notReadyTaint, effect: "NoSchedule" }] };
  },
};

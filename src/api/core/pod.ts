import type { Draft } from "../../lib/index.ts";
import { defineResource } from "../resource.ts";
import type { Pod } from "../types.generated.ts";
import { podColumns } from "./pod-columns.ts";
import { isPodTerminal } from "./pod-condition.ts";
import { defaultPod } from "./pod-defaults.ts";
import { podQos } from "./pod-qos.ts";

export const Pods = defineResource<Pod>({
  group: "",
  version: "v1",
  kind: "Pod",
  plural: "pods",
  shortNames: ["po"],
  categories: ["all"],
  columns: podColumns,
  defaults: defaultPod,
  prepareForCreate,
  selectableFields: {
    "spec.nodeName": (pod) => pod.spec.nodeName ?? "",
    "spec.restartPolicy": (pod) => pod.spec.restartPolicy ?? "",
    "spec.schedulerName": (pod) => pod.spec.schedulerName ?? "",
    "spec.serviceAccountName": (pod) => pod.spec.serviceAccountName ?? "",
    "spec.hostNetwork": (pod) => String(pod.spec.hostNetwork ?? false),
    "status.phase": (pod) => pod.status.phase ?? "",
    "status.podIP": (pod) => pod.status.podIPs?.[0]?.ip ?? "",
    "status.podIPs": (pod) => (pod.status.podIPs ?? []).map(({ ip }) => ip).join(","),
    "status.nominatedNodeName": (pod) => pod.status.nominatedNodeName ?? "",
  },
  defaultGraceSeconds,
});

/** How long a delete that names no period gives the pod; nobody has to be waited for without a node or at its end. */
function defaultGraceSeconds(pod: Pod): number {
  if (!pod.spec.nodeName || isPodTerminal(pod)) return 0;
  const seconds = pod.spec.terminationGracePeriodSeconds ?? 0;
  return seconds < 0 ? 1 : seconds;
}

function prepareForCreate(pod: Draft<Pod>): void {
  pod.status = { phase: "Pending", qosClass: podQos(pod) };
}

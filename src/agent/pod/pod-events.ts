import type { Pod } from "../../api/index.ts";
import type { EventRecorder } from "../../client/index.ts";
import { fieldPathOf, type PodContainer } from "./pod-containers.ts";

/** Events about a pod, or about one of its containers, in the kubelet's words. */
export interface PodEvents {
  normal(pod: Pod, reason: string, message: string, container?: PodContainer): void;
  warning(pod: Pod, reason: string, message: string, container?: PodContainer): void;
  /** The node ends the pod for want of room; `annotations` say it to programs. */
  gaveWay(pod: Pod, reason: string, message: string, annotations?: Readonly<Record<string, string>>): void;
}

export function podEvents(recorder: EventRecorder): PodEvents {
  const details = (container: PodContainer | undefined) =>
    container === undefined ? undefined : { fieldPath: fieldPathOf(container) };
  return {
    normal: (pod, reason, message, container) => recorder.normal(pod, reason, message, details(container)),
    warning: (pod, reason, message, container) => recorder.warning(pod, reason, message, details(container)),
    gaveWay: (pod, reason, message, annotations) =>
      recorder.warning(pod, reason, message, annotations ? { annotations } : undefined),
  };
}

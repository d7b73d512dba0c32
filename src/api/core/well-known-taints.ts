// Keys of the taints that Kubernetes itself gives nodes: k8s.io/api/core/v1/well_known_taints.go.
export const notReadyTaint = "node.kubernetes.io/not-ready";
export const unreachableTaint = "node.kubernetes.io/unreachable";
export const unschedulableTaint = "node.kubernetes.io/unschedulable";
export const memoryPressureTaint = "node.kubernetes.io/memory-pressure";
export const diskPressureTaint = "node.kubernetes.io/disk-pressure";
export const pidPressureTaint = "node.kubernetes.io/pid-pressure";
export const networkUnavailableTaint = "node.kubernetes.io/network-unavailable";
export const outOfServiceTaint = "node.kubernetes.io/out-of-service";

// Labels of nodes that several components know: k8s.io/api/core/v1/well_known_labels.go.
export const hostnameLabel = "kubernetes.io/hostname";
export const zoneLabel = "topology.kubernetes.io/zone";
export const regionLabel = "topology.kubernetes.io/region";

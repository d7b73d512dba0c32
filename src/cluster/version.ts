/** What /version says: the Kubernetes whose API this is, and that it is Roder. */
export const kubernetesVersion = "v1.35.0+roder";

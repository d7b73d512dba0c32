import type { ScaleMapping } from "./resource.ts";

interface Replicated {
  readonly spec: { readonly replicas?: number };
  readonly status: { readonly replicas?: number };
}

/** The scale of the kinds that count in spec.replicas and status.replicas, but for their selectors. */
export const replicasScale: Omit<ScaleMapping<Replicated>, "labelSelectorOf"> = {
  specReplicas: ({ spec }) => spec.replicas ?? 1,
  statusReplicas: ({ status }) => status.replicas ?? 0,
  withReplicas({ spec }, replicas) {
    spec.replicas = replicas;
  },
};

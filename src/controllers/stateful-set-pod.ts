// The identity of a StatefulSet's pods: name, labels, host name and volumes by their ordinal.
// https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#pod-identity
import { type ControllerRevision, type NewObject, type Pod, type StatefulSet, StatefulSets } from "../api/index.ts";
import { revisionLabel, templateOf } from "./controller-revisions.ts";
import { podFromTemplate } from "./pod-control.ts";
import { withClaimVolumes } from "./stateful-set-claims.ts";

const podNameLabel = "statefulset.kubernetes.io/pod-name";
const podIndexLabel = "apps.kubernetes.io/pod-index";

/** The set's name and the ordinal that a pod's name tells; undefined when no StatefulSet names its pods so. */
export function parsePodName(name: string): { readonly setName: string; readonly ordinal: number } | undefined {
  const [, setName, digits] = /^(.*)-([0-9]+)$/.exec(name) ?? [];
  if (setName === undefined || digits === undefined) return undefined;
  const ordinal = Number(digits);
  // An int32, written as the controller writes it: web-01 is nobody's.
  return ordinal < 2 ** 31 && String(ordinal) === digits ? { setName, ordinal } : undefined;
}

export function ordinalOf({ metadata }: Pod): number | undefined {
  return parsePodName(metadata.name)?.ordinal;
}

/** The name of the revision that the pod was made from. */
export function revisionOf({ metadata }: Pod): string | undefined {
  return metadata.labels?.[revisionLabel];
}

export function newStatefulPod(set: StatefulSet, ordinal: number, revision: ControllerRevision): NewObject<Pod> {
  const template = templateOf(revision) ?? set.spec.template;
  const pod = podFromTemplate(set, StatefulSets, template);
  const name = `${set.metadata.name}-${ordinal}`;
  const { serviceName } = set.spec;
  const volumes = withClaimVolumes(set, template.spec.volumes, ordinal);
  return {
    ...pod,
    metadata: {
      ...pod.metadata,
      name,
      labels: { ...pod.metadata.labels, ...identityLabels(name, ordinal), [revisionLabel]: revision.metadata.name },
    },
    spec: {
      ...template.spec,
      hostname: name,
      ...(serviceName ? { subdomain: serviceName } : {}),
      ...(volumes.length === 0 ? {} : { volumes }),
    },
  };
}

function identityLabels(name: string, ordinal: number) {
  return { [podNameLabel]: name, [podIndexLabel]: String(ordinal) };
}

/** Whether the pod still carries its name as a label, by which a Service may select it. */
export function hasIdentity({ metadata }: Pod): boolean {
  return metadata.labels?.[podNameLabel] === metadata.name;
}

/** The pod with the labels and volumes that belong to its ordinal. */
export function withIdentity(set: StatefulSet, pod: Pod, ordinal: number): Pod {
  const { metadata, spec } = pod;
  const volumes = withClaimVolumes(set, spec.volumes, ordinal);
  return {
    ...pod,
    metadata: { ...metadata, labels: { ...metadata.labels, ...identityLabels(metadata.name, ordinal) } },
    spec: { ...spec, ...(volumes.length === 0 ? {} : { volumes }) },
  };
}

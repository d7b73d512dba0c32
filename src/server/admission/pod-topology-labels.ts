import { type Binding, type Labels, Nodes, Pods, regionLabel, zoneLabel } from "../../api/index.ts";
import type { Lookup } from "../lookup.ts";
import type { AdmissionPlugin, AdmissionRequest } from "./admission.ts";
import { written } from "./subject.ts";

const copied = [zoneLabel, regionLabel];

/** Pods learn in which zone and region they run, from their node: KEP-4742. */
export function podTopologyLabels(lookup: Lookup): AdmissionPlugin {
  const labelsOf = (nodeName: string): Labels => {
    const labels = lookup.get(Nodes, undefined, nodeName)?.metadata.labels ?? {};
    return Object.fromEntries(copied.flatMap((key) => (labels[key] === undefined ? [] : [[key, labels[key]]])));
  };
  return {
    name: "PodTopologyLabels",
    resources: [Pods],
    admit(request) {
      const { object } = request;
      const nodeName = boundNode(request) ?? written(request, Pods, "CREATE")?.spec.nodeName;
      if (!object || !nodeName) return;
      const labels = labelsOf(nodeName);
      if (Object.keys(labels).length > 0) object.metadata.labels = { ...object.metadata.labels, ...labels };
    },
  };
}

/** The node that a Binding gives its pod to; the labels of the Binding become the pod's. */
function boundNode({ definition, subresource, object }: AdmissionRequest): string | undefined {
  if (definition.group !== "" || definition.plural !== Pods.plural || subresource !== "binding") return undefined;
  const target = (object as unknown as Binding | undefined)?.target; // the body of the subresource is one
  return !target?.kind || target.kind === "Node" ? target?.name : undefined;
}

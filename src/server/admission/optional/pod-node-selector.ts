import { containsLabels, isLabelValue, isObject, type Labels, Namespaces, Pods } from "../../../api/index.ts";
import type { Lookup } from "../../lookup.ts";
import type { AdmissionPlugin, AdmissionRequest } from "../admission.ts";
import { refuse } from "../refusal.ts";
import { written } from "../subject.ts";

const annotation = "scheduler.alpha.kubernetes.io/node-selector";
const clusterDefault = "clusterDefaultNodeSelector";

/** Which nodes the pods of namespaces may ask for, by namespace; `clusterDefaultNodeSelector` is of all that say nothing. */
export type NodeSelectors = ReadonlyMap<string, Labels>;

/** What stands under `podNodeSelectorPluginConfig`. Throws an Error that says what is wrong. */
export function readNodeSelectors(value: unknown): NodeSelectors {
  const listed = isObject(value) ? value.podNodeSelectorPluginConfig : undefined;
  if (!isObject(listed)) throw new Error("podNodeSelectorPluginConfig: must be an object");
  return new Map(
    Object.entries(listed).map(([namespace, text]) => {
      if (typeof text !== "string") throw new Error(`podNodeSelectorPluginConfig.${namespace}: must be a string`);
      return [namespace, readLabels(text)];
    }),
  );
}

/** Pods go to the nodes of their namespace. */
export function podNodeSelector(lookup: Lookup, selectors: NodeSelectors): AdmissionPlugin {
  const ofNamespace = (request: AdmissionRequest): Labels => {
    const text = lookup.get(Namespaces, undefined, request.namespace)?.metadata.annotations?.[annotation];
    if (text === undefined) return selectors.get(clusterDefault) ?? {};
    try {
      return readLabels(text);
    } catch {
      throw refuse(request, `the annotation ${annotation} of namespace ${request.namespace} is no list of labels`);
    }
  };
  const check = (request: AdmissionRequest, own: Labels, wanted: Labels) => {
    if (Object.entries(wanted).some(([key, value]) => Object.hasOwn(own, key) && own[key] !== value))
      throw refuse(request, "pod node label selector conflicts with its namespace node label selector");
  };
  return {
    name: "PodNodeSelector",
    admit(request) {
      const pod = written(request, Pods, "CREATE");
      if (!pod) return;
      const wanted = ofNamespace(request);
      check(request, pod.spec.nodeSelector ?? {}, wanted);
      if (Object.keys(wanted).length > 0) pod.spec.nodeSelector = { ...wanted, ...pod.spec.nodeSelector };
    },
    validate(request) {
      const own = written(request, Pods, "CREATE")?.spec.nodeSelector;
      if (!own) return;
      check(request, own, ofNamespace(request));
      const allowed = selectors.get(request.namespace) ?? {};
      if (Object.keys(allowed).length > 0 && !containsLabels(allowed, own))
        throw refuse(request, "pod node label selector labels conflict with its namespace whitelist");
    },
  };
}

/** `zone=a,disk=ssd`. Throws an Error for anything else. */
function readLabels(text: string): Labels {
  const labels: Record<string, string> = Object.create(null);
  for (const part of text.split(",").map((each) => each.trim())) {
    if (part === "") continue;
    const [key = "", value, ...more] = part.split("=").map((each) => each.trim());
    if (key === "" || value === undefined || more.length > 0 || isLabelValue(value).length > 0)
      throw new Error(`invalid selector: ${JSON.stringify(part)}`);
    labels[key] = value;
  }
  return { ...labels };
}

// The plugins that Kubernetes' scheduler has by default, made of the rules.
import { dynamicResources } from "./devices/index.ts";
import { nodeAffinity } from "./feasibility/node-affinity.ts";
import { nodeName } from "./feasibility/node-name.ts";
import { nodePorts } from "./feasibility/node-ports.ts";
import { nodeUnschedulable } from "./feasibility/node-unschedulable.ts";
import { podAffinity } from "./feasibility/pod-affinity.ts";
import { resourcesFit } from "./feasibility/resources-fit.ts";
import { taintToleration } from "./feasibility/taint-toleration.ts";
import { topologySpread } from "./feasibility/topology-spread.ts";
import type { Plugin, PluginDefinition } from "./plugin.ts";
import {
  balancedAllocationArgs,
  nodeAffinityArgs,
  podAffinityArgs,
  resourcesFitArgs,
  topologySpreadArgs,
} from "./plugin-args.ts";
import { defaultPreemption } from "./preemption/index.ts";
import { imageLocality } from "./ranking/image-locality.ts";
import { nodeAffinityPreference } from "./ranking/node-affinity-preference.ts";
import { podAffinityPreference } from "./ranking/pod-affinity-preference.ts";
import { balancedAllocation, resourceAllocation } from "./ranking/resource-allocation.ts";
import { taintPreference } from "./ranking/taint-preference.ts";
import { topologySpreadPreference } from "./ranking/topology-spread-preference.ts";
import { spreadSource, spreadWakes } from "./spread-defaults.ts";
import { volumeBinding, volumeLimits, volumeRestrictions, volumeZone } from "./volumes/index.ts";

/** A plugin that needs nothing but what it is given with each pod. */
function simple(plugin: Plugin): PluginDefinition {
  return { name: plugin.name, create: () => plugin };
}

/** A gate that whoever made the pod has yet to take away. */
const schedulingGates: Plugin = {
  name: "SchedulingGates",
  preEnqueue({ spec: { schedulingGates = [] } }) {
    if (schedulingGates.length === 0) return undefined;
    return `waiting for scheduling gates: [${schedulingGates.map(({ name }) => name).join(" ")}]`;
  },
};

/**
 * In the order in which they act (pkg/scheduler/apis/config/v1/default_plugins.go): of the filters the first that rejects
 * a node gives the reason.
 */
export const defaultPlugins: readonly PluginDefinition[] = [
  simple(schedulingGates),
  simple({ name: nodeUnschedulable.name, filter: nodeUnschedulable }),
  simple({ name: nodeName.name, filter: nodeName }),
  simple({ name: taintToleration.name, filter: taintToleration, score: taintPreference }),
  {
    name: "NodeAffinity",
    checkArgs: nodeAffinityArgs,
    create(_, args) {
      const { required, preferred } = nodeAffinityArgs(args);
      return { name: "NodeAffinity", filter: nodeAffinity(required), score: nodeAffinityPreference(preferred) };
    },
  },
  simple({ name: nodePorts.name, filter: nodePorts }),
  {
    name: "NodeResourcesFit",
    checkArgs: resourcesFitArgs,
    create(_, args) {
      const { ignored, strategy } = resourcesFitArgs(args);
      return { name: "NodeResourcesFit", filter: resourcesFit(ignored), score: resourceAllocation(strategy) };
    },
  },
  volumeRestrictions,
  volumeLimits,
  volumeBinding,
  volumeZone,
  {
    name: "PodTopologySpread",
    checkArgs: topologySpreadArgs,
    create(context, args) {
      const defaults = topologySpreadArgs(args);
      const source = spreadSource(context, defaults);
      const wakes = spreadWakes(source, defaults);
      return {
        name: "PodTopologySpread",
        filter: topologySpread(source),
        score: topologySpreadPreference(source),
        wakes,
      };
    },
  },
  {
    name: "InterPodAffinity",
    checkArgs: podAffinityArgs,
    create: (_, args) => ({
      name: "InterPodAffinity",
      filter: podAffinity,
      score: podAffinityPreference(podAffinityArgs(args)),
    }),
  },
  dynamicResources,
  defaultPreemption,
  {
    name: "NodeResourcesBalancedAllocation",
    checkArgs: balancedAllocationArgs,
    create: (_, args) => ({
      name: "NodeResourcesBalancedAllocation",
      score: balancedAllocation(balancedAllocationArgs(args)),
    }),
  },
  simple({ name: imageLocality.name, score: imageLocality }),
];

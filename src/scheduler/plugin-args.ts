// The settings of the default plugins, as pluginConfig of a KubeSchedulerConfiguration gives them:
// https://kubernetes.io/docs/reference/config-api/kube-scheduler-config.v1/
import {
  type Fields,
  forbiddenField,
  invalidValue,
  type NodeSelectorTerm,
  notSupported,
  type PreferredSchedulingTerm,
  readConfiguration,
  required,
  type TopologySpreadConstraint,
  tooMany,
} from "../api/index.ts";
import type { IgnoredResources } from "./feasibility/resources-fit.ts";
import type { PodAffinityOptions } from "./ranking/pod-affinity-preference.ts";
import {
  defaultResourceWeights,
  type ResourceWeight,
  type ScoringStrategy,
  type ShapePoint,
} from "./ranking/resource-allocation.ts";
import { type SpreadDefaults, systemSpreadDefaults } from "./spread-defaults.ts";

export const configurationGroup = "kubescheduler.config.k8s.io";

/** What `read` makes of a plugin's arguments; undefined stands for none. Throws an Error that says what is wrong. */
function readPluginArgs<T>(args: unknown, plugin: string, read: (fields: Fields) => T): T {
  const kind = `${plugin}Args`;
  const given = args === undefined ? {} : args;
  if (typeof given !== "object" || given === null) throw new Error("it must be an object");
  // Kind and version may be left out: the plugin's name says as much.
  const value = { apiVersion: `${configurationGroup}/v1`, kind, ...given };
  return readConfiguration(value, kind, read, configurationGroup, ["v1"]);
}

export interface AddedNodeAffinity {
  readonly required: readonly NodeSelectorTerm[] | undefined;
  readonly preferred: readonly PreferredSchedulingTerm[];
}

const operators = ["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"];

export function nodeAffinityArgs(args: unknown): AddedNodeAffinity {
  return readPluginArgs(args, "NodeAffinity", (fields) => {
    const affinity = fields.object("addedAffinity");
    const required = affinity?.object("requiredDuringSchedulingIgnoredDuringExecution");
    const terms = required?.objects("nodeSelectorTerms").map(readNodeSelectorTerm);
    required?.done();
    const preferred = affinity?.objects("preferredDuringSchedulingIgnoredDuringExecution").map((each) => {
      const weight = each.wholeNumberWithin("weight", 1, 100) ?? 1;
      const preference = each.object("preference");
      const term = preference ? readNodeSelectorTerm(preference) : {};
      each.done();
      return { weight, preference: term };
    });
    affinity?.done();
    return { required: terms, preferred: preferred ?? [] };
  });
}

function readNodeSelectorTerm(fields: Fields): NodeSelectorTerm {
  const requirements = (name: string) =>
    fields.objects(name).map((each) => {
      const key = each.text("key");
      const operator = each.text("operator");
      const values = each.texts("values");
      if (key === "") each.errors.add(required(each.at.child("key")));
      if (!operators.includes(operator)) each.errors.add(notSupported(each.at.child("operator"), operator, operators));
      each.done();
      return { key, operator, values };
    });
  const term = { matchExpressions: requirements("matchExpressions"), matchFields: requirements("matchFields") };
  fields.done();
  return term;
}

export interface ResourcesFitSettings {
  readonly ignored: IgnoredResources;
  readonly strategy: ScoringStrategy;
}

const strategies = ["LeastAllocated", "MostAllocated", "RequestedToCapacityRatio"] as const;

export function resourcesFitArgs(args: unknown): ResourcesFitSettings {
  return readPluginArgs(args, "NodeResourcesFit", (fields) => ({
    ignored: {
      names: new Set(fields.texts("ignoredResources")),
      groups: new Set(fields.texts("ignoredResourceGroups")),
    },
    strategy: readStrategy(fields.object("scoringStrategy")),
  }));
}

function readStrategy(fields: Fields | undefined): ScoringStrategy {
  if (fields === undefined) return { type: "LeastAllocated", resources: defaultResourceWeights };
  const name = fields.optionalText("type") ?? "LeastAllocated";
  const type = strategies.find((each) => each === name);
  const resources = readResourceWeights(fields);
  const ratio = fields.object("requestedToCapacityRatio");
  const shape = ratio ? readShape(ratio) : [];
  ratio?.done();
  fields.done();
  if (type === undefined) fields.errors.add(notSupported(fields.at.child("type"), name, strategies));
  if (type !== "RequestedToCapacityRatio") return { type: type ?? "LeastAllocated", resources };
  if (shape.length === 0)
    fields.errors.add(
      required(fields.at.child("requestedToCapacityRatio", "shape"), "at least one point must be specified"),
    );
  return { type, resources, shape };
}

function readShape(ratio: Fields): readonly ShapePoint[] {
  const shape = ratio.objects("shape").map((point) => {
    const utilization = point.wholeNumberWithin("utilization", 0, 100) ?? 0;
    const score = point.wholeNumberWithin("score", 0, 10) ?? 0;
    point.done();
    return { utilization, score };
  });
  for (const [index, { utilization }] of shape.entries()) {
    if (index > 0 && utilization <= shape[index - 1]!.utilization)
      ratio.errors.add(
        invalidValue(
          ratio.at.child("shape").index(index).child("utilization"),
          utilization,
          "utilization values must be sorted in increasing order",
        ),
      );
  }
  return shape;
}

function readResourceWeights(fields: Fields): readonly ResourceWeight[] {
  const weights = fields.objects("resources").map((each) => {
    const resource = each.text("name");
    if (resource === "") each.errors.add(required(each.at.child("name")));
    const weight = each.wholeNumberWithin("weight", 1, 100) ?? 1;
    each.done();
    return { name: resource, weight };
  });
  return weights.length > 0 ? weights : defaultResourceWeights;
}

export function balancedAllocationArgs(args: unknown): readonly ResourceWeight[] {
  return readPluginArgs(args, "NodeResourcesBalancedAllocation", (fields) => {
    const weights = readResourceWeights(fields);
    for (const [index, { weight }] of weights.entries()) {
      if (weight !== 1)
        fields.errors.add(invalidValue(fields.at.child("resources").index(index).child("weight"), weight, "must be 1"));
    }
    return weights;
  });
}

export function podAffinityArgs(args: unknown): PodAffinityOptions {
  return readPluginArgs(args, "InterPodAffinity", (fields) => ({
    requiredByOtherWeight: fields.wholeNumberWithin("hardPodAffinityWeight", 0, 100) ?? 1,
    ignorePreferredTermsOfOthers: fields.flag("ignorePreferredTermsOfExistingPods") ?? false,
  }));
}

const actions = ["DoNotSchedule", "ScheduleAnyway"];
const constraintsMax = 64;

export function topologySpreadArgs(args: unknown): SpreadDefaults {
  return readPluginArgs(args, "PodTopologySpread", (fields) => {
    const type = fields.optionalText("defaultingType") ?? "System";
    const constraints = fields.objects("defaultConstraints").map(readDefaultConstraint);
    const at = fields.at.child("defaultConstraints");
    if (constraints.length > constraintsMax) fields.errors.add(tooMany(at, constraints.length, constraintsMax));
    if (type !== "System" && type !== "List")
      fields.errors.add(notSupported(fields.at.child("defaultingType"), type, ["System", "List"]));
    if (type === "List") return { constraints, areSystems: false };
    if (constraints.length > 0)
      fields.errors.add(
        invalidValue(fields.at.child("defaultingType"), type, "when .defaultConstraints are given, must be List"),
      );
    return systemSpreadDefaults;
  });
}

function readDefaultConstraint(fields: Fields): TopologySpreadConstraint {
  const maxSkew = fields.wholeNumberWithin("maxSkew", 1, 2 ** 31 - 1);
  const topologyKey = fields.text("topologyKey");
  const whenUnsatisfiable = fields.text("whenUnsatisfiable");
  if (maxSkew === undefined) fields.errors.add(required(fields.at.child("maxSkew")));
  if (topologyKey === "") fields.errors.add(required(fields.at.child("topologyKey"), "can not be empty"));
  if (!actions.includes(whenUnsatisfiable))
    fields.errors.add(notSupported(fields.at.child("whenUnsatisfiable"), whenUnsatisfiable, actions));
  const minDomains = fields.wholeNumberWithin("minDomains", 1, 2 ** 31 - 1);
  const nodeAffinityPolicy = fields.optionalText("nodeAffinityPolicy");
  const nodeTaintsPolicy = fields.optionalText("nodeTaintsPolicy");
  fields.done();
  return {
    maxSkew: maxSkew ?? 1,
    topologyKey,
    whenUnsatisfiable,
    ...(minDomains === undefined ? {} : { minDomains }),
    ...(nodeAffinityPolicy === undefined ? {} : { nodeAffinityPolicy }),
    ...(nodeTaintsPolicy === undefined ? {} : { nodeTaintsPolicy }),
  };
}

export interface PreemptionSettings {
  readonly candidatesMinPercent: number;
  readonly candidatesMin: number;
}

export function preemptionArgs(args: unknown): PreemptionSettings {
  return readPluginArgs(args, "DefaultPreemption", (fields) => {
    const settings = {
      candidatesMinPercent: fields.wholeNumberWithin("minCandidateNodesPercentage", 0, 100) ?? 10,
      candidatesMin: fields.wholeNumberWithin("minCandidateNodesAbsolute", 0, 2 ** 31 - 1) ?? 100,
    };
    if (settings.candidatesMinPercent + settings.candidatesMin === 0)
      fields.errors.add(
        invalidValue(
          fields.at.child("minCandidateNodesPercentage"),
          0,
          "cannot be zero together with minCandidateNodesAbsolute",
        ),
      );
    return settings;
  });
}

export interface VolumeBindingSettings {
  /** So long a pod waits for its volumes before it is tried again. */
  readonly bindMsMax: number;
}

export function volumeBindingArgs(args: unknown): VolumeBindingSettings {
  return readPluginArgs(args, "VolumeBinding", (fields) => ({
    bindMsMax: (fields.wholeNumberWithin("bindTimeoutSeconds", 0, 2 ** 31 - 1) ?? 600) * 1_000,
  }));
}

export interface DynamicResourcesSettings {
  /** So long a search for devices on one node may take; 0 sets no limit by time. */
  readonly searchMsMax: number;
}

export function dynamicResourcesArgs(args: unknown): DynamicResourcesSettings {
  return readPluginArgs(args, "DynamicResources", (fields) => {
    const searchMsMax = fields.durationMs("filterTimeout") ?? 10_000;
    if (searchMsMax < 0)
      fields.errors.add(
        invalidValue(fields.at.child("filterTimeout"), `${searchMsMax / 1_000}s`, "must be zero or positive"),
      );
    // Only with a feature that is off by default in this version, and as upstream a setting without effect is an error.
    if (fields.optionalText("bindingTimeout") !== undefined)
      fields.errors.add(
        forbiddenField(fields.at.child("bindingTimeout"), "there are no binding conditions of devices"),
      );
    return { searchMsMax };
  });
}

// KubeSchedulerConfiguration: https://kubernetes.io/docs/reference/scheduling/config/
import {
  duplicate,
  type Fields,
  forbiddenField,
  invalidValue,
  notSupported,
  readConfiguration,
  required,
} from "../api/index.ts";
import { errorMessage } from "../lib/index.ts";
import type { PluginDefinition } from "./plugin.ts";
import { configurationGroup } from "./plugin-args.ts";
import { defaultPlugins } from "./plugins.ts";

export const defaultSchedulerName = "default-scheduler";

/** Where plugins act, by the names that configurations have for it. */
const extensionPoints = ["preEnqueue", "filter", "postFilter", "score", "reserve", "permit", "preBind"] as const;
export type ExtensionPoint = (typeof extensionPoints)[number];

export interface EnabledPlugin {
  readonly name: string;
  /** How much its score counts; undefined leaves it at the plugin's own. */
  readonly weight: number | undefined;
}

/** Which plugins are added to those that are there otherwise, and which are taken away; "*" stands for all. */
export interface PluginSet {
  readonly enabled: readonly EnabledPlugin[];
  readonly disabled: readonly string[];
}

export interface ProfileSettings {
  readonly schedulerName: string;
  /** The share of the nodes that a search rates, in percent; 0 chooses by the number of nodes. */
  readonly percentageOfNodesToScore: number;
  readonly multiPoint: PluginSet;
  readonly points: Readonly<Partial<Record<ExtensionPoint, PluginSet>>>;
  /** What plugins go by, by their names. */
  readonly pluginConfig: ReadonlyMap<string, unknown>;
}

export interface SchedulerConfiguration {
  readonly profiles: readonly ProfileSettings[];
  readonly initialBackoffMs: number;
  readonly maxBackoffMs: number;
}

const noPlugins: PluginSet = { enabled: [], disabled: [] };

/** What kube-scheduler does without a file. */
export const defaultConfiguration: SchedulerConfiguration = {
  profiles: [
    {
      schedulerName: defaultSchedulerName,
      percentageOfNodesToScore: 0,
      multiPoint: noPlugins,
      points: {},
      pluginConfig: new Map(),
    },
  ],
  initialBackoffMs: 1_000,
  maxBackoffMs: 10_000,
};

/** They say how kube-scheduler runs as a process of its own, and change nothing here. */
const processFields = [
  "parallelism",
  "leaderElection",
  "clientConnection",
  "healthzBindAddress",
  "metricsBindAddress",
  "enableProfiling",
  "enableContentionProfiling",
  "delayCacheUntilActive",
];

/** Parts of kube-scheduler that cannot be chosen: the queue's order and the binding are the scheduler's own. */
const ownPlugins: Readonly<Record<string, string>> = { queueSort: "PrioritySort", bind: "DefaultBinder" };
/** They belong to another point: the plugin that acts there prepares itself. */
const preparations: Readonly<Record<string, string>> = { preFilter: "filter", preScore: "score" };

/** Reads one; `more` are the plugins beside the default ones. Throws an Error that says all that is wrong. */
export function readSchedulerConfiguration(
  value: unknown,
  more: readonly PluginDefinition[] = [],
): SchedulerConfiguration {
  const definitions = new Map([...defaultPlugins, ...more].map((definition) => [definition.name, definition]));
  return readConfiguration(
    value,
    "KubeSchedulerConfiguration",
    (fields) => readFields(fields, definitions),
    configurationGroup,
    ["v1"],
  );
}

type Definitions = ReadonlyMap<string, PluginDefinition>;

function readFields(fields: Fields, definitions: Definitions): SchedulerConfiguration {
  for (const name of processFields) fields.any(name);
  if (fields.objects("extenders").length > 0)
    fields.errors.add(forbiddenField(fields.at.child("extenders"), "there are no extenders; write a plugin"));
  const percentage = fields.wholeNumberWithin("percentageOfNodesToScore", 0, 100) ?? 0;
  const initialBackoff = fields.wholeNumberWithin("podInitialBackoffSeconds", 1, 86_400) ?? 1;
  const maxBackoff = fields.wholeNumberWithin("podMaxBackoffSeconds", 1, 86_400) ?? Math.max(10, initialBackoff);
  if (maxBackoff < initialBackoff)
    fields.errors.add(
      invalidValue(
        fields.at.child("podMaxBackoffSeconds"),
        maxBackoff,
        "must be greater than or equal to PodInitialBackoffSeconds",
      ),
    );
  const profiles = fields.objects("profiles").map((each) => readProfile(each, definitions, percentage));
  for (const [index, { schedulerName }] of profiles.entries()) {
    if (profiles.slice(0, index).some((before) => before.schedulerName === schedulerName))
      fields.errors.add(duplicate(fields.at.child("profiles").index(index).child("schedulerName"), schedulerName));
  }
  const [usual] = defaultConfiguration.profiles;
  return {
    profiles: profiles.length > 0 ? profiles : [{ ...usual!, percentageOfNodesToScore: percentage }],
    initialBackoffMs: initialBackoff * 1_000,
    maxBackoffMs: maxBackoff * 1_000,
  };
}

function readProfile(fields: Fields, definitions: Definitions, percentage: number): ProfileSettings {
  const schedulerName = fields.optionalText("schedulerName") ?? defaultSchedulerName;
  if (schedulerName === "") fields.errors.add(required(fields.at.child("schedulerName")));
  const profile = {
    schedulerName,
    percentageOfNodesToScore: fields.wholeNumberWithin("percentageOfNodesToScore", 0, 100) ?? percentage,
    ...readPluginSets(fields.object("plugins"), definitions),
    pluginConfig: readPluginConfig(fields, definitions),
  };
  fields.done();
  return profile;
}

function readPluginSets(plugins: Fields | undefined, definitions: Definitions) {
  const points: Partial<Record<ExtensionPoint, PluginSet>> = {};
  if (plugins === undefined) return { multiPoint: noPlugins, points };
  const known = [...definitions.keys(), ...Object.values(ownPlugins)];
  for (const [point, only] of Object.entries(ownPlugins)) readPluginSet(plugins, point, [only]);
  for (const [name, place] of Object.entries(preparations)) {
    if (plugins.object(name))
      plugins.errors.add(
        forbiddenField(plugins.at.child(name), `name the plugin at ${place}, where it prepares itself`),
      );
  }
  plugins.object("postBind");
  for (const point of extensionPoints) {
    const set = readPluginSet(plugins, point, known);
    if (set) points[point] = set;
  }
  const multiPoint = readPluginSet(plugins, "multiPoint", known) ?? noPlugins;
  plugins.done();
  return { multiPoint, points };
}

function readPluginSet(plugins: Fields, point: string, known: readonly string[]): PluginSet | undefined {
  const fields = plugins.object(point);
  if (fields === undefined) return undefined;
  const nameOf = (each: Fields, more: readonly string[]) => {
    const name = each.text("name");
    if (!known.includes(name) && !more.includes(name))
      each.errors.add(notSupported(each.at.child("name"), name, known));
    return name;
  };
  const enabled = fields.objects("enabled").map((each) => {
    const plugin = { name: nameOf(each, []), weight: each.wholeNumberWithin("weight", 0, 2 ** 31 - 1) || undefined };
    each.done();
    return plugin;
  });
  for (const [index, { name }] of enabled.entries()) {
    if (enabled.slice(0, index).some((before) => before.name === name))
      fields.errors.add(duplicate(fields.at.child("enabled").index(index).child("name"), name));
  }
  const disabled = fields.objects("disabled").map((each) => {
    const name = nameOf(each, ["*"]);
    each.any("weight");
    each.done();
    return name;
  });
  fields.done();
  return { enabled, disabled };
}

function readPluginConfig(fields: Fields, definitions: Definitions): ReadonlyMap<string, unknown> {
  const configs = new Map<string, unknown>();
  for (const each of fields.objects("pluginConfig")) {
    const name = each.text("name");
    const args = each.any("args");
    each.done();
    const definition = definitions.get(name);
    if (definition === undefined) each.errors.add(notSupported(each.at.child("name"), name, [...definitions.keys()]));
    else if (configs.has(name)) each.errors.add(duplicate(each.at.child("name"), name));
    configs.set(name, args);
    try {
      definition?.checkArgs?.(args);
    } catch (error) {
      each.errors.add(invalidValue(each.at.child("args"), name, errorMessage(error)));
    }
  }
  return configs;
}

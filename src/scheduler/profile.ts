import { errorMessage, type Logger } from "../lib/index.ts";
import type { ExtensionPoint, PluginSet, ProfileSettings } from "./configuration.ts";
import type { Plugin, PluginContext, PluginDefinition } from "./plugin.ts";
import { defaultPlugins } from "./plugins.ts";
import type { FeasibilityRule, RankingRule } from "./rule.ts";

/** A ranking rule and how much it counts. */
export interface WeightedRule {
  readonly rule: RankingRule;
  readonly weight: number;
}

/** The plugins that place the pods of one scheduler name, by extension point, in the order in which they act. */
export interface Profile {
  readonly schedulerName: string;
  /** The share of the nodes that a search rates, in percent; 0 chooses by the number of nodes. */
  readonly percentageOfNodesToScore: number;
  readonly preEnqueue: readonly Plugin[];
  readonly filters: readonly FeasibilityRule[];
  readonly postFilter: readonly Plugin[];
  readonly scores: readonly WeightedRule[];
  readonly reserve: readonly Plugin[];
  readonly permit: readonly Plugin[];
  readonly preBind: readonly Plugin[];
  /** All of them, each once. */
  readonly plugins: readonly Plugin[];
}

/** A plugin at one point. */
interface Entry {
  readonly plugin: Plugin;
  /** Undefined leaves it at what the plugin says itself. */
  readonly weight: number | undefined;
}

const actsAt: Readonly<Record<ExtensionPoint, (plugin: Plugin) => unknown>> = {
  preEnqueue: (plugin) => plugin.preEnqueue,
  filter: (plugin) => plugin.filter,
  postFilter: (plugin) => plugin.postFilter,
  score: (plugin) => plugin.score,
  reserve: (plugin) => plugin.reserve ?? plugin.unreserve,
  permit: (plugin) => plugin.permit,
  preBind: (plugin) => plugin.preBind,
};

/**
 * Makes the plugins of a profile. `more` are those that are not Kubernetes' own. Throws an Error when one is to act where
 * it cannot.
 */
export function createProfile(
  settings: ProfileSettings,
  context: PluginContext,
  more: readonly PluginDefinition[] = [],
): Profile {
  const definitions = new Map([...defaultPlugins, ...more].map((definition) => [definition.name, definition]));
  const created = new Map<string, Plugin>();
  const pluginOf = (name: string): Plugin | undefined => {
    const definition = definitions.get(name);
    // Kubernetes has plugins for the queue's order and the binding; here they are no plugins.
    if (definition === undefined) return undefined;
    return created.getOrInsertComputed(name, () => {
      const plugin = definition.create(context, settings.pluginConfig.get(name));
      return defaultPlugins.includes(definition) ? plugin : safely(plugin, context.log);
    });
  };
  const defaults = defaultPlugins.map(({ name }) => ({ name, weight: undefined }));
  const multiPoint = merge(defaults, settings.multiPoint, 1);
  const at = (point: ExtensionPoint): readonly Entry[] => {
    const set = settings.points[point];
    const entries: Entry[] = [];
    for (const { name, weight } of arrange(multiPoint, set)) {
      const plugin = pluginOf(name);
      if (plugin !== undefined && actsAt[point](plugin)) entries.push({ plugin, weight });
      else if (plugin !== undefined && set?.enabled.some((each) => each.name === name))
        throw new Error(`the plugin ${name} of the profile ${settings.schedulerName} does nothing at ${point}`);
    }
    return entries;
  };
  const pluginsAt = (point: ExtensionPoint) => at(point).map(({ plugin }) => plugin);
  const profile = {
    schedulerName: settings.schedulerName,
    percentageOfNodesToScore: settings.percentageOfNodesToScore,
    preEnqueue: pluginsAt("preEnqueue"),
    filters: pluginsAt("filter").flatMap(({ filter }) => filter ?? []),
    postFilter: pluginsAt("postFilter"),
    scores: at("score").flatMap(({ plugin: { score }, weight }) =>
      score ? [{ rule: score, weight: weight ?? score.weight }] : [],
    ),
    reserve: pluginsAt("reserve"),
    permit: pluginsAt("permit"),
    preBind: pluginsAt("preBind"),
  };
  return { ...profile, plugins: [...created.values()] };
}

interface Named {
  readonly name: string;
  readonly weight: number | undefined;
}

/** What is there without what is disabled, and with what is enabled: in place when it is there already. */
function merge(there: readonly Named[], { enabled, disabled }: PluginSet, usualWeight: number): readonly Named[] {
  const wanted = new Map(enabled.map(({ name, weight }) => [name, { name, weight: weight ?? usualWeight }]));
  const isDisabled = (name: string) => disabled.includes("*") || disabled.includes(name);
  const kept = there.filter(({ name }) => !isDisabled(name)).map((each) => wanted.get(each.name) ?? each);
  const keptNames = new Set(kept.map(({ name }) => name));
  return [...kept, ...[...wanted.values()].filter(({ name }) => !keptNames.has(name))];
}

/** The plugins of one point: those named there that act everywhere, the others that act everywhere, and the rest. */
function arrange(everywhere: readonly Named[], set: PluginSet | undefined): readonly Named[] {
  if (set === undefined) return everywhere;
  const { enabled, disabled } = set;
  const names = new Set(everywhere.map(({ name }) => name));
  const named = new Set(enabled.map(({ name }) => name));
  const others = disabled.includes("*")
    ? []
    : everywhere.filter(({ name }) => !named.has(name) && !disabled.includes(name));
  return [
    ...enabled.filter(({ name }) => names.has(name)),
    ...others,
    ...enabled.filter(({ name }) => !names.has(name)),
  ];
}

/**
 * What somebody else wrote may look at anything, unless it says that it does not: it is asked for each pod and node. Where
 * it fails with a pod in the queue, the pod is tried: a failure then is told with the pod.
 */
function safely(plugin: Plugin, log: Logger): Plugin {
  const { name, filter, score, preEnqueue, wakes } = plugin;
  const orElse = <T>(what: string, ask: () => T, otherwise: T): T => {
    try {
      return ask();
    } catch (error) {
      log.warn(`a plugin failed at ${what}`, { plugin: name, error: errorMessage(error) });
      return otherwise;
    }
  };
  return {
    // What is left out here may be a method of a class, which a copy would not have.
    name,
    ...bound(plugin, "postFilter"),
    ...bound(plugin, "reserve"),
    ...bound(plugin, "unreserve"),
    ...bound(plugin, "permit"),
    ...bound(plugin, "preBind"),
    ...bound(plugin, "bindsFor"),
    ...(filter ? { filter: { ...filter, isRelative: filter.isRelative ?? true } } : {}),
    ...(score ? { score: { ...score, isRelative: score.isRelative ?? (() => true) } } : {}),
    ...(preEnqueue ? { preEnqueue: (pod) => orElse("preEnqueue", () => preEnqueue.call(plugin, pod), undefined) } : {}),
    ...(wakes
      ? {
          wakes: wakes.map(({ resource, mayHelp }) => ({
            resource,
            mayHelp: (pod, event) => orElse("a hint", () => mayHelp(pod, event), true),
          })),
        }
      : {}),
  };
}

/** One of the plugin's functions, as part of a copy of the plugin. */
function bound<K extends "postFilter" | "reserve" | "unreserve" | "permit" | "preBind" | "bindsFor">(
  plugin: Plugin,
  point: K,
): Pick<Plugin, K> | object {
  const act = plugin[point];
  // A function bound to its plugin has the type that it had.
  return act === undefined ? {} : { [point]: (act as (...given: unknown[]) => unknown).bind(plugin) };
}

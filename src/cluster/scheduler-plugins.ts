import { pathToFileURL } from "node:url";
import { errorMessage, UserError } from "../lib/index.ts";
import type { PluginDefinition } from "../scheduler/index.ts";

/**
 * The scheduling plugins that modules export as their default, one or a list of them. The modules run as part of the
 * server. Throws a UserError that names the module that cannot be used.
 */
export async function loadSchedulerPlugins(paths: readonly string[]): Promise<readonly PluginDefinition[]> {
  const loaded: PluginDefinition[] = [];
  for (const path of paths) {
    try {
      const { default: exported }: { default?: unknown } = await import(pathToFileURL(path).href);
      const definitions = Array.isArray(exported) ? exported : [exported];
      if (!definitions.every(isDefinition)) {
        throw new Error("its default export is no plugin, nor a list of them: each has a name and a function create");
      }
      loaded.push(...definitions);
    } catch (error) {
      throw new UserError(`cannot use the scheduling plugins of ${path}: ${errorMessage(error)}`, { cause: error });
    }
  }
  return loaded;
}

function isDefinition(value: unknown): value is PluginDefinition {
  if (typeof value !== "object" || value === null || !("name" in value) || !("create" in value)) return false;
  return typeof value.name === "string" && value.name !== "" && typeof value.create === "function";
}

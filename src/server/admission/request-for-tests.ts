import type { KubeObject, NewObject, ResourceDefinition, User } from "../../api/index.ts";
import { type Draft, deepCopy } from "../../lib/index.ts";
import { type AdmissionPlugin, type AdmissionRequest, isConcerned, type Operation } from "./admission.ts";

export const jane: User = { name: "jane", groups: ["system:authenticated"] };

export interface Write<T extends KubeObject> {
  readonly object?: NewObject<T>;
  readonly old?: NewObject<T>;
  readonly operation?: Operation;
  readonly user?: User;
  readonly subresource?: string;
  readonly namespace?: string;
  readonly name?: string;
  readonly dryRun?: boolean;
  readonly warn?: (sentence: string) => void;
  readonly annotate?: (key: string, value: string) => void;
}

/** A write as the pipeline tells it to the plugins. */
function admissionRequestFor<T extends KubeObject>(
  definition: ResourceDefinition<T>,
  write: Write<T>,
): AdmissionRequest {
  const { object, old, user = jane, subresource = "" } = write;
  const metadata = (object ?? old)?.metadata;
  return {
    operation: write.operation ?? (old ? "UPDATE" : "CREATE"),
    definition: definition as unknown as ResourceDefinition,
    subresource,
    kind: definition as unknown as ResourceDefinition,
    namespace: write.namespace ?? metadata?.namespace ?? "",
    name: write.name ?? metadata?.name ?? "",
    user,
    dryRun: write.dryRun ?? false,
    endMs: Number.POSITIVE_INFINITY,
    // What the server fills in does not matter to the plugins.
    object: object && (deepCopy(object) as unknown as Draft<KubeObject>),
    old: old as unknown as KubeObject | undefined,
    options: undefined,
    replaceObject: () => {
      throw new Error("nothing is decoded here");
    },
    warn: write.warn ?? (() => {}),
    annotate: write.annotate ?? (() => {}),
    rounds: { isSecond: false, wantsSecond: false },
  };
}

/** Runs the plugin as the pipeline does and gives the object that would be written. Throws what the plugin throws. */
export async function admitted<T extends KubeObject>(
  plugin: AdmissionPlugin,
  definition: ResourceDefinition<T>,
  write: Write<T>,
): Promise<T> {
  const request = admissionRequestFor(definition, write);
  if (isConcerned(plugin, request.definition)) {
    await plugin.admit?.(request);
    await plugin.validate?.(request);
  }
  return request.object as unknown as T;
}

import type { Diagnosis } from "./diagnosis.ts";
import type { Plugin, Remedy } from "./plugin.ts";
import type { NodeCheck, PodToPlace } from "./rule.ts";

/** Nothing helps, and there is no node to keep room on. */
export const nothingHelps: Remedy = { message: "", nodeName: null };

/**
 * What plugins that look for a way to a node say together: one after the other is asked, until one says that it is the
 * last. The rules are those of kube-scheduler's RunPostFilterPlugins.
 */
export function findRemedy(
  plugins: readonly Plugin[],
  toPlace: PodToPlace,
  diagnosis: Diagnosis,
  fits: () => NodeCheck,
): Remedy {
  if (diagnosis.nodeCount === 0 || plugins.length === 0) return nothingHelps;
  const actions: NonNullable<Remedy["carryOut"]>[] = [];
  const messages: string[] = [];
  let nodeName: Remedy["nodeName"];
  let victims: number | undefined;
  for (const plugin of plugins) {
    const remedy = plugin.postFilter!(toPlace, diagnosis, fits);
    if (remedy.victims !== undefined) victims = (victims ?? 0) + remedy.victims;
    if (remedy.carryOut) actions.push(remedy.carryOut);
    if (remedy.isLast ?? remedy.carryOut !== undefined) {
      // It alone has something to say.
      messages.splice(0, messages.length, remedy.message);
      nodeName = remedy.nodeName;
      break;
    }
    messages.push(remedy.message);
    if (remedy.nodeName !== undefined) nodeName = remedy.nodeName;
  }
  const carryOut = async (signal: AbortSignal) => {
    for (const act of actions) await act(signal);
  };
  return {
    message: messages.filter((message) => message !== "").join(", "),
    ...(nodeName === undefined ? {} : { nodeName }),
    ...(victims === undefined ? {} : { victims }),
    ...(actions.length === 0 ? {} : { carryOut }),
  };
}

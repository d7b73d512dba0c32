import type { ObjectMeta } from "./types.generated.ts";

/** The class marked as default by one of the annotations; of several the one made last, then the first by name. */
export function defaultOf<T extends { readonly metadata: ObjectMeta & { readonly creationTimestamp: string } }>(
  classes: readonly T[],
  annotations: readonly string[],
): T | undefined {
  let chosen: T | undefined;
  for (const each of classes) {
    if (!annotations.some((annotation) => each.metadata.annotations?.[annotation] === "true")) continue;
    const newer =
      !chosen || Date.parse(each.metadata.creationTimestamp) > Date.parse(chosen.metadata.creationTimestamp);
    if (newer) chosen = each;
  }
  return chosen;
}

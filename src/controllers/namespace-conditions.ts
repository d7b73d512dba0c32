// What a namespace that is being deleted says about its content: status_condition_utils.go of the namespace controller.
import type { NamespaceCondition } from "../api/index.ts";
import { timestamp } from "../lib/index.ts";

export interface Remaining {
  /** How many objects are left, by `plural.group`. */
  readonly objects: Map<string, number>;
  /** How many objects wait for each finalizer. */
  readonly finalizers: Map<string, number>;
  readonly failures: Error[];
  /** The group versions of which nobody can tell what they serve. */
  readonly undiscovered: readonly string[];
}

type Verdict = Pick<NamespaceCondition, "type" | "status" | "reason" | "message">;

export function contentConditions(
  known: readonly NamespaceCondition[],
  remaining: Remaining,
  nowMs: number,
): readonly NamespaceCondition[] {
  const verdicts = verdictsOn(remaining);
  const others = known.filter(({ type }) => verdicts.every((each) => each.type !== type));
  return [
    ...others,
    ...verdicts.map((verdict) => {
      const before = known.find(({ type }) => type === verdict.type);
      const same = before?.status === verdict.status ? before.lastTransitionTime : undefined;
      return { ...verdict, lastTransitionTime: same ?? timestamp(nowMs) };
    }),
  ];
}

function verdictsOn({ objects, finalizers, failures, undiscovered }: Remaining): readonly Verdict[] {
  const verdict = (type: string, wrong: readonly [reason: string, message: string] | undefined, right: Verdict) =>
    wrong ? { type, status: "True", reason: wrong[0], message: wrong[1] } : right;
  const right = (type: string, reason: string, message: string): Verdict => ({
    type,
    status: "False",
    reason,
    message,
  });
  const counts = (map: ReadonlyMap<string, number>, words: string) =>
    [...map]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([what, count]) => `${what} ${words.replace("#", String(count))}`)
      .join(", ");
  const failed = failures
    .map(({ message }) => message)
    .sort()
    .join(", ");
  return [
    verdict(
      "NamespaceDeletionDiscoveryFailure",
      undiscovered.length === 0
        ? undefined
        : [
            "DiscoveryFailed",
            `Discovery failed for some groups, ${undiscovered.length} failing: unable to retrieve the complete list of server APIs: ${undiscovered
              .map((each) => `${each}: stale GroupVersion discovery: ${each}`)
              .join(", ")}`,
          ],
      right("NamespaceDeletionDiscoveryFailure", "ResourcesDiscovered", "All resources successfully discovered"),
    ),
    right(
      "NamespaceDeletionGroupVersionParsingFailure",
      "ParsedGroupVersions",
      "All legacy kube types successfully parsed",
    ),
    verdict(
      "NamespaceDeletionContentFailure",
      failures.length === 0
        ? undefined
        : ["ContentDeletionFailed", `Failed to delete all resource types, ${failures.length} remaining: ${failed}`],
      right(
        "NamespaceDeletionContentFailure",
        "ContentDeleted",
        "All content successfully deleted, may be waiting on finalization",
      ),
    ),
    verdict(
      "NamespaceContentRemaining",
      objects.size === 0
        ? undefined
        : ["SomeResourcesRemain", `Some resources are remaining: ${counts(objects, "has # resource instances")}`],
      right("NamespaceContentRemaining", "ContentRemoved", "All content successfully removed"),
    ),
    verdict(
      "NamespaceFinalizersRemaining",
      finalizers.size === 0
        ? undefined
        : [
            "SomeFinalizersRemain",
            `Some content in the namespace has finalizers remaining: ${counts(finalizers, "in # resource instances")}`,
          ],
      right("NamespaceFinalizersRemaining", "ContentHasNoFinalizers", "All content-preserving finalizers finished"),
    ),
  ];
}

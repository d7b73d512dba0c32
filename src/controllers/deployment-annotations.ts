// What a Deployment notes on its ReplicaSets: pkg/controller/deployment/util/deployment_util.go.
import { type Deployment, lastAppliedAnnotation, type ReplicaSet } from "../api/index.ts";

export const revisionAnnotation = "deployment.kubernetes.io/revision";
const revisionHistoryAnnotation = "deployment.kubernetes.io/revision-history";
const desiredReplicasAnnotation = "deployment.kubernetes.io/desired-replicas";
const maxReplicasAnnotation = "deployment.kubernetes.io/max-replicas";
const rollbackAnnotation = "deprecated.deployment.rollback.to";
const revisionHistoryCharactersMax = 2000;

/** Annotations of the Deployment that its ReplicaSets do not get. */
const ownAnnotations: ReadonlySet<string> = new Set([
  lastAppliedAnnotation,
  revisionAnnotation,
  revisionHistoryAnnotation,
  desiredReplicasAnnotation,
  maxReplicasAnnotation,
  rollbackAnnotation,
]);

export type Annotations = Readonly<Record<string, string>>;

/** The revision of a ReplicaSet, of 64 bits: who adopts one does not choose its number. 0 when it has none. */
export function revisionOf({ metadata }: ReplicaSet): bigint {
  return revision(metadata.annotations?.[revisionAnnotation]);
}

function revision(text: string | undefined): bigint {
  return wholeNumber(text) ?? 0n;
}

/** A number of 64 bits. */
function wholeNumber(text = ""): bigint | undefined {
  if (!/^[+-]?\d+$/.test(text)) return undefined;
  const number = BigInt(text.replace("+", ""));
  return BigInt.asIntN(64, number) === number ? number : undefined;
}

/** The revision that somebody wants back, 0 for the last but one; undefined when nobody does. */
export function wantedRevision({ metadata }: Deployment): bigint | undefined {
  return wholeNumber(metadata.annotations?.[rollbackAnnotation]);
}

/** The Deployment's annotations when the wish was seen to: with those of the ReplicaSet that comes back, where one does. */
export function annotationsAfterRollback({ metadata }: Deployment, from: ReplicaSet | undefined): Annotations {
  const own = Object.entries(metadata.annotations ?? {}).filter(([key]) => !from || ownAnnotations.has(key));
  const others = Object.entries(from?.metadata.annotations ?? {}).filter(([key]) => !ownAnnotations.has(key));
  return Object.fromEntries([...own, ...others].filter(([key]) => key !== rollbackAnnotation));
}

/** How many replicas the Deployment had in mind when it last scaled the ReplicaSet. */
export function desiredReplicasOf({ metadata }: ReplicaSet): number | undefined {
  return integer(metadata.annotations?.[desiredReplicasAnnotation]);
}

/** How many pods the Deployment allowed then, surge included. */
export function maxReplicasOf({ metadata }: ReplicaSet): number | undefined {
  return integer(metadata.annotations?.[maxReplicasAnnotation]);
}

/** A number of 31 bits that is not negative. */
function integer(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d+$/.test(text)) return undefined;
  const number = Number(text);
  return number < 2 ** 31 ? number : undefined;
}

export function scaleAnnotations(desired: number, max: number): Annotations {
  return { [desiredReplicasAnnotation]: String(desired), [maxReplicasAnnotation]: String(max) };
}

/** The annotations of the ReplicaSet of the present template: those of the Deployment, and its revision. */
export function newestAnnotations(deployment: Deployment, present: Annotations, number: bigint): Annotations {
  const annotations: Record<string, string> = { ...present };
  for (const [key, value] of Object.entries(deployment.metadata.annotations ?? {})) {
    if (!ownAnnotations.has(key)) annotations[key] = value;
  }
  const before = present[revisionAnnotation];
  if (revision(before) >= number) return annotations;
  annotations[revisionAnnotation] = String(number);
  if (before === undefined) return annotations;
  // A template that comes back gets a new number; the former ones stay known.
  const history = [...(present[revisionHistoryAnnotation]?.split(",") ?? []), before];
  while (history.join(",").length > revisionHistoryCharactersMax) history.shift();
  annotations[revisionHistoryAnnotation] = history.join(",");
  return annotations;
}

// The cells that kinds share, as `kubectl get` of Kubernetes prints them (k8s.io/kubernetes/pkg/printers).
import { formatLabelSelector } from "./meta/label-selector.ts";
import type { Column, KubeObject } from "./resource.ts";
import type { Container, LabelSelector, Time } from "./types.generated.ts";

export const nameColumn: Column<KubeObject> = {
  name: "Name",
  type: "string",
  format: "name",
  description: "Name of the object, unique among the objects of its kind in its namespace.",
  of: (object) => object.metadata.name,
};

export const ageColumn: Column<KubeObject> = {
  name: "Age",
  type: "string",
  description: "Time since the object was created.",
  of: (object, nowMs) => timeSince(object.metadata.creationTimestamp, nowMs),
};

/** The column of kinds that Kubernetes prints with nothing of their own. */
export const createdAtColumn: Column<KubeObject> = {
  name: "Created At",
  type: "date",
  description: "When the object was created.",
  of: (object) => object.metadata.creationTimestamp,
};

const minuteS = 60;
const hourS = 60 * minuteS;
const dayS = 24 * hourS;
const yearS = 365 * dayS;

/** A duration with the two largest units that still say something: `2m10s`, `5d3h`, `<invalid>` when negative. */
export function humanDuration(durationMs: number): string {
  const seconds = Math.trunc(durationMs / 1000);
  if (seconds < -1) return "<invalid>";
  if (seconds < 0) return "0s";
  if (seconds < 2 * minuteS) return `${seconds}s`;
  if (seconds < 10 * minuteS) return inUnits(seconds, minuteS, "m", 1, "s");
  if (seconds < 3 * hourS) return `${Math.trunc(seconds / minuteS)}m`;
  if (seconds < 8 * hourS) return inUnits(seconds, hourS, "h", minuteS, "m");
  if (seconds < 2 * dayS) return `${Math.trunc(seconds / hourS)}h`;
  if (seconds < 8 * dayS) return inUnits(seconds, dayS, "d", hourS, "h");
  if (seconds < 2 * yearS) return `${Math.trunc(seconds / dayS)}d`;
  if (seconds < 8 * yearS) return inUnits(seconds, yearS, "y", dayS, "d");
  return `${Math.trunc(seconds / yearS)}y`;
}

function inUnits(seconds: number, largeS: number, large: string, smallS: number, small: string): string {
  const rest = Math.trunc((seconds % largeS) / smallS);
  const whole = `${Math.trunc(seconds / largeS)}${large}`;
  return rest === 0 ? whole : `${whole}${rest}${small}`;
}

/** How long ago a time was: `5m`; `<unknown>` when there is none. */
export function timeSince(time: Time | null | undefined, nowMs: number): string {
  const timeMs = Date.parse(time ?? "");
  return Number.isNaN(timeMs) ? "<unknown>" : humanDuration(nowMs - timeMs);
}

/** `a=1,b=2` in the order of the keys; `<none>` when there are none. */
export function formatLabels(labels: Readonly<Record<string, string>> | undefined): string {
  const pairs = Object.entries(labels ?? {}).map(([key, value]) => `${key}=${value}`);
  return pairs.length === 0 ? "<none>" : pairs.sort().join(",");
}

/** The selector in its text form; `<none>` when it has no conditions, `<error>` when it is wrong. */
export function selectorCell(selector: LabelSelector | undefined): string {
  try {
    return formatLabelSelector(selector) || "<none>";
  } catch {
    // Nothing but an unknown operator is thrown for, and the cell says that something is wrong.
    return "<error>";
  }
}

/** The first three of `items`, and how many more there are. */
export function firstThree(items: readonly string[], ifNone: string): string {
  if (items.length === 0) return ifNone;
  const shown = items.slice(0, 3).join(",");
  return items.length > 3 ? `${shown} + ${items.length - 3} more...` : shown;
}

/** The wide columns of kinds that have a pod template. */
export function containerColumns<T>(containersOf: (object: T) => readonly Container[] | undefined): Column<T>[] {
  const listed = (object: T, of: (container: Container) => string | undefined) =>
    (containersOf(object) ?? []).map((container) => of(container) ?? "").join(",");
  return [
    {
      name: "Containers",
      type: "string",
      priority: 1,
      description: "Names of the containers in the template.",
      of: (object) => listed(object, (container) => container.name),
    },
    {
      name: "Images",
      type: "string",
      priority: 1,
      description: "Images of the containers in the template.",
      of: (object) => listed(object, (container) => container.image),
    },
  ];
}

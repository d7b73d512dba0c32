import type { MetricRegistry } from "../src/lib/index.ts";

/** The values of all series of one name that are not 0, by their labels as they are printed: { 'result="error"': 2 }. */
export function valuesOf(metrics: MetricRegistry, name: string): Record<string, number> {
  const lines = metrics.text().matchAll(new RegExp(`^${name}(?:\\{(.*)\\})? (.*)$`, "gm"));
  const values = [...lines].map(([, labels = "", value]) => [labels, Number(value)] as const);
  return Object.fromEntries(values.filter(([, value]) => value !== 0));
}

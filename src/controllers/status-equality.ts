import { deepEqual } from "../lib/index.ts";

/** Whether two statuses say the same; the counts that the API leaves out when they are zero are no difference. */
export function sameStatus(a: object, b: object): boolean {
  return deepEqual(withoutZeros(a), withoutZeros(b));
}

function withoutZeros(status: object): object {
  return Object.fromEntries(Object.entries(status).filter(([, value]) => value !== 0));
}

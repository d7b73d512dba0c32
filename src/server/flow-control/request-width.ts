// How many seats a request takes: k8s.io/apiserver/pkg/util/flowcontrol/request/list_work_estimator.go.

const objectsPerSeat = 100;
const widthMax = 10;
/** No request may take more of its level than this. */
const shareMax = 0.15;

/**
 * The width of a list of `count` objects, of which the answer holds `limit` at most (0: all). Every list reads from the
 * cache, so a selector costs what it looks at and not what it finds.
 */
export function listWidth(count: number, limit: number, selects: boolean): number {
  const examined = limit > 0 && !selects ? Math.min(count, limit) : count;
  return Math.max(1, Math.min(widthMax, Math.ceil(examined / objectsPerSeat)));
}

/** The width that a level of this share takes it for. */
export function widthIn(nominal: number, width: number): number {
  return width === 1 ? 1 : Math.min(width, Math.max(1, Math.ceil(nominal * shareMax)));
}

// The rules about volumes: which nodes reach those of a pod, how many a node takes, and who may share one.
export { volumeBinding } from "./volume-binding.ts";
export { volumeLimits } from "./volume-limits.ts";
export { volumeRestrictions } from "./volume-restrictions.ts";
export { volumeZone } from "./volume-zone.ts";

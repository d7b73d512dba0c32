// Dynamic resource allocation: which devices the claims of pods get, and on which nodes.
export { dynamicResources } from "./dynamic-resources.ts";

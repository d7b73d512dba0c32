import { type FeasibilityRule, resolvable } from "../rule.ts";

const taken = resolvable("node(s) didn't have free ports for the requested pod ports");

/** Two pods on one node cannot have the same port of the node, protocol and address considered. */
export const nodePorts: FeasibilityRule = {
  name: "NodePorts",
  prepare({ shape }) {
    const { hostPorts } = shape;
    if (hostPorts.length === 0) return undefined;
    return (node) => (hostPorts.some((port) => node.usesPort(port)) ? taken : undefined);
  },
};

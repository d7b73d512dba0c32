import { run } from "./commands.ts";

interface Feature {
  readonly name: string;
  readonly module: string;
  readonly command: readonly [string, ...string[]];
  readonly input?: string;
}

/** The rules that services need, on a table that nobody sees. */
const ruleProbe = `
add table ip probe
add map ip probe ports { type inet_proto . inet_service : verdict; }
add chain ip probe before { type nat hook prerouting priority -100; }
add rule ip probe before fib daddr type local meta l4proto . th dport vmap @ports
add rule ip probe before meta l4proto tcp dnat ip addr . port to numgen random mod 1 map { 0 : 192.0.2.1 . 80 }
add chain ip probe after { type nat hook postrouting priority 100; }
add rule ip probe after masquerade
add chain ip probe forward { type filter hook forward priority 0; }
add rule ip probe forward meta l4proto tcp reject with tcp reset
`;

const features: readonly Feature[] = [
  { name: "network bridges", module: "bridge", command: ["ip", "link", "add", "probe", "type", "bridge"] },
  { name: "pairs of virtual interfaces", module: "veth", command: ["ip", "link", "add", "probe", "type", "veth"] },
  { name: "nftables with address translation", module: "nft_chain_nat", command: ["nft", "-f", "-"], input: ruleProbe },
];

/**
 * Tries what a node's network is made of, each in a network namespace that ends with the try; gives what does not work, as
 * sentences that say how to get it. A kernel that was updated and not booted since cannot load its modules any more.
 */
export async function missingKernelFeatures(): Promise<string[]> {
  const found = await Promise.all(features.map(whatIsWrong));
  return found.filter((each) => each !== undefined);
}

async function whatIsWrong({ name, module, command, input }: Feature): Promise<string | undefined> {
  try {
    await run("unshare", ["--net", ...command], input);
    return undefined;
  } catch (error) {
    const words = error instanceof Error ? error.message.split("\n")[0]!.replace(/^.* failed: /, "") : String(error);
    return `the kernel offers no ${name} (${words}): load the module ${module}, or boot a kernel that has it`;
  }
}

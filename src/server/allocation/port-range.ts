/** Ports of which services get theirs. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

/** --service-node-port-range of Kubernetes. */
export const nodePortsDefault: PortRange = { first: 30_000, last: 32_767 };

export function formatPortRange({ first, last }: PortRange): string {
  return `${first}-${last}`;
}

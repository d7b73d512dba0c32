/** The name servers of a resolv.conf (resolv.conf(5)), without those in `except`. */
export function nameServers(resolvConf: string, except: readonly string[] = []): string[] {
  const found: string[] = [];
  for (const line of resolvConf.split("\n")) {
    const match = /^\s*nameserver\s+(\S+)/.exec(line);
    if (match?.[1] && !except.includes(match[1])) found.push(match[1]);
  }
  return found;
}

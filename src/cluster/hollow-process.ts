// The process `hollow`: simulated nodes of a real control plane.
import { SharedViews } from "../agent/index.ts";
import { fromKubeconfig, httpsClient } from "../client/http/index.ts";
import { addressAt, parseRange, pause, systemClock, systemRandom, UserError } from "../lib/index.ts";
import { runComponent } from "./component-process.ts";
import { hollowKubeconfig } from "./credentials.ts";
import { dataDirectory } from "./data-directory.ts";
import { HollowNode, readProfile } from "./embedded/hollow-nodes.ts";
import { hollowProfile, readHollowProfile } from "./hollow-files.ts";
import { renewDaily } from "./renew-daily.ts";
import { readSettings } from "./settings.ts";

/** Nodes begin one after the other, so that their leases are not all renewed at once for ever. */
const betweenStartsMs = 5;
/** Requests of one connection wait for each other; a thousand nodes have more to say than one connection is quick for. */
const nodesPerConnection = 250;

export function runHollowNodes(root: string): Promise<void> {
  return runComponent("hollow", async (log, stopping) => {
    const directory = dataDirectory(root);
    const settings = readSettings(directory);
    if (!settings) throw new UserError(`there is no cluster in ${root}`);
    const { hollowNodes: count = 0, clusterDomain, serviceRange } = settings;
    const behaviour = readProfile(readHollowProfile(hollowProfile(directory)), systemRandom);
    const environment = { clock: systemClock, random: systemRandom, log };
    const connect = async (userAgent: string) =>
      httpsClient({ ...(await fromKubeconfig(hollowKubeconfig(directory))), ...environment, userAgent });
    const clients = await Promise.all(
      Array.from({ length: Math.ceil(count / nodesPerConnection) }, () => connect("kubelet")),
    );
    const reader = await connect("roder-hollow-nodes");
    const views = new SharedViews({ ...environment, client: reader, signal: stopping });
    const nodes = Array.from({ length: count }, (_, index) => {
      const client = clients[Math.floor(index / nodesPerConnection)] ?? reader;
      const clusterDns = addressAt(parseRange(serviceRange)!, 10);
      const name = `hollow-${index}`;
      return new HollowNode({ ...environment, name, index, client, views, behaviour, clusterDns, clusterDomain });
    });
    const renewals = renewDaily({ clock: systemClock, log, signal: stopping }, async () => {
      const options = await fromKubeconfig(hollowKubeconfig(directory));
      await Promise.all([...clients, reader].map((client) => client.renew(options)));
    });
    const starts = startAll();
    return async () => {
      for (const node of nodes) node.stop();
      await Promise.all([starts, renewals]);
      for (const client of [...clients, reader]) client.close();
    };

    async function startAll(): Promise<void> {
      const started: Promise<void>[] = [];
      for (const node of nodes) {
        if (stopping.aborted) break;
        started.push(node.start());
        await pause(systemClock, betweenStartsMs, stopping);
      }
      const results = await Promise.allSettled(started);
      const failed = results.find((each) => each.status === "rejected");
      if (failed && !stopping.aborted) throw failed.reason;
      log.info("the simulated nodes run", { nodes: nodes.length });
    }
  });
}

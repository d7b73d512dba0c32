// What nodes use, as their agents say it on the port on which they are asked for logs.
import type { Node, StatsSummary } from "../../../api/index.ts";
import type { Clock } from "../../../lib/index.ts";
import type { ReadNodeStats } from "../../resource-metrics/index.ts";
import { agentOf } from "./backend.ts";
import { type AgentTls, answerOf, ask } from "./forward.ts";

/** A node that is slower holds up everybody who asks about others too. */
const answerMsMax = 10_000;
/** A thousand containers are about 400 kB. */
const summaryBytesMax = 16 * 1024 * 1024;

export function agentStats(agentTls: () => AgentTls, clock: Clock): ReadNodeStats {
  return async (node: Node) => {
    const trust = { kind: "agent", nodeName: node.metadata.name, verify: true } as const;
    const asked = ask({ protocol: "https:", ...agentOf(node), path: "/stats/summary", trust }, "GET", {}, agentTls());
    const timer = clock.setTimer(answerMsMax, () =>
      asked.destroy(new Error(`the agent gave no answer within ${answerMsMax / 1000} seconds`)),
    );
    asked.once("close", () => timer.cancel());
    asked.end();
    const answer = await answerOf(asked);
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of answer) {
      chunks.push(chunk);
      size += chunk.length;
      if (size > summaryBytesMax) throw new Error(`the agent's answer is longer than ${summaryBytesMax} bytes`);
    }
    if (answer.statusCode !== 200) throw new Error(`the agent answered ${answer.statusCode}`);
    // The agent is Roder's own, shown by its certificate.
    return JSON.parse(Buffer.concat(chunks).toString()) as StatsSummary;
  };
}

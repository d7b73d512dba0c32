import assert from "node:assert/strict";
import { test } from "node:test";
import { staleFlows } from "./udp-flows.ts";

/** A line as `conntrack -L -p udp -g` prints it. */
const line = (to: string, port: number, endpoint: string, state = "") =>
  `udp      17 28 src=10.42.0.3 dst=${to} sport=40000 dport=${port} ${state}src=${endpoint} dst=10.42.0.3 sport=53 dport=40000 mark=0 use=1`;
const ranges = { podRange: "10.42.0.0/16", serviceRanges: ["10.43.0.0/16"] };

test("flows to endpoints that went while nobody looked are found, and nobody else's", () => {
  const led = [
    { address: "10.43.0.5", port: 53, endpoint: "10.42.0.7" },
    { port: 30053, endpoint: "192.0.2.30" },
  ];
  const listing = [
    line("10.43.0.5", 53, "10.42.0.7"),
    line("10.43.0.5", 53, "10.42.0.6", "[UNREPLIED] "),
    // Its service is gone.
    line("10.43.0.9", 53, "10.42.0.7"),
    // To ports of the node.
    line("192.0.2.10", 30053, "192.0.2.30"),
    line("192.0.2.10", 30053, "192.0.2.31"),
    line("192.0.2.10", 514, "10.42.0.4"),
    // Somebody else's redirection, and none at all.
    line("192.0.2.10", 5353, "172.17.0.2"),
    line("10.42.0.8", 53, "10.42.0.8"),
    "",
  ].join("\n");
  assert.deepEqual(staleFlows(listing, led, ranges), [
    { address: "10.43.0.5", port: 53, endpoint: "10.42.0.6" },
    { address: "10.43.0.9", port: 53, endpoint: "10.42.0.7" },
    { address: "192.0.2.10", port: 30053, endpoint: "192.0.2.31" },
    { address: "192.0.2.10", port: 514, endpoint: "10.42.0.4" },
  ]);
});

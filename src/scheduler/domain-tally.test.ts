import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../lib/index.ts";
import { DomainTally, type TallyRule } from "./domain-tally.ts";
import { makeNode, makePod, makeSnapshot } from "./objects-for-tests.ts";

test("a tally that follows the changes has the numbers of one that counts anew", () => {
  const rule: TallyRule = {
    topologyKey: "zone",
    weigh: ({ pod }) => (pod.metadata.labels?.app === "web" && pod.metadata.deletionTimestamp === undefined ? 1 : 0),
    includes: (node) => node.taints.length === 0,
  };
  for (let seed = 0; seed < 20; seed++) {
    const random = seededRandom(seed);
    const pick = (count: number) => Math.floor(random.next() * count);
    const snapshot = makeSnapshot([]);
    const kept = new DomainTally(rule, snapshot);
    for (let step = 0; step < 400; step++) {
      const kind = random.next();
      const name = `pod-${pick(30)}`;
      if (kind < 0.5) {
        const labels = { app: random.next() < 0.7 ? "web" : "db" };
        const going = random.next() < 0.2 ? { deletionTimestamp: "2026-01-01T00:00:00Z" } : {};
        // Also to nodes that are not known, and again to where it is.
        snapshot.place(makePod({ name, labels, ...going }), `node-${pick(8)}`);
      } else if (kind < 0.8) {
        snapshot.unplace(`uid-of-default-${name}`);
      } else if (kind < 0.95) {
        const taints = random.next() < 0.3 ? [{ key: "k", effect: "NoSchedule" }] : [];
        const labels = random.next() < 0.8 ? { zone: `zone-${pick(3)}` } : {};
        snapshot.setNode(makeNode({ name: `node-${pick(6)}`, labels, taints }));
      } else {
        snapshot.removeNode(`node-${pick(6)}`);
      }
      if (random.next() < 0.5) continue;
      kept.update();
      const fresh = new DomainTally(rule, snapshot);
      fresh.update();
      const numbers = (tally: DomainTally) => [
        tally.isEmpty,
        tally.domainCount,
        tally.fewest,
        ...snapshot.nodes.map((node) => tally.at(node)),
      ];
      assert.deepEqual(numbers(kept), numbers(fresh), `seed ${seed}, step ${step}`);
    }
  }
});

test("what would be if pods came and went is seen while it is asked, and is not kept", () => {
  const snapshot = makeSnapshot(
    [
      { name: "a", labels: { zone: "x" } },
      { name: "b", labels: { zone: "x" } },
    ],
    { a: [{}, {}], b: [{}] },
  );
  const tally = new DomainTally({ topologyKey: "zone", weigh: () => 1 }, snapshot);
  tally.update();
  const [a] = snapshot.nodes;
  const [first] = a!.pods.values();
  assert.equal(
    tally.with(a!, { added: [], removed: [first!] }, () => tally.at(snapshot.node("b")!)),
    2,
  );
  assert.equal(tally.at(a!), 3);
});

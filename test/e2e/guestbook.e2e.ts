import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { eventually, TestCluster } from "./cluster.ts";

const nodeAddress = "198.51.100.10";
const url = `http://${nodeAddress}:30080/`;
const examples = new URL("../../examples/guestbook", import.meta.url).pathname;
let cluster: TestCluster;

before(async () => {
  cluster = await TestCluster.prepare("guestbook");
  await cluster.up();
});
after(() => cluster.remove());

const podsOf = async (selector: string) =>
  (await cluster.kubectl("get", "pods", "-l", selector, "-o", "jsonpath={.items[*].metadata.name}"))
    .split(" ")
    .filter(Boolean);
const sign = (message: string) =>
  cluster.inside("curl", ["--silent", "--fail", "--max-time", "10", "--data-urlencode", `message=${message}`, url]);

async function rolledOut(...names: readonly string[]): Promise<void> {
  for (const name of names) await cluster.kubectl("rollout", "status", `deployment/${name}`, "--timeout=120s");
}

test("demo brings the images where no registry is reached, deploys the guestbook, and prints where it opens", async () => {
  const said = await cluster.roder(["demo", "guestbook"]);
  assert.match(said, /cannot be pulled .*\nloading docker\.io\/library\//);
  assert.match(said, /frontend is ready/);
  const [, shown = ""] = /^open (\S+)$/m.exec(said) ?? [];
  assert.equal(`${shown}/`, url);
  assert.match(await cluster.get(shown), /Guestbook v1/);
  await cluster.kubectl("delete", "-f", examples, "--cascade=foreground");
});

test("the guestbook deploys with kubectl apply", async () => {
  await cluster.kubectl("apply", "-f", examples);
  await rolledOut("redis-leader", "redis-follower", "frontend");
  assert.equal((await podsOf("app=guestbook")).length, 3);
});

test("Kubectl, guestbook application: a message written through the frontend is read back from each follower", async () => {
  await sign("first visit");
  const followers = await podsOf("role=follower");
  assert.equal(followers.length, 2);
  for (const follower of followers) {
    await eventually(`${follower} has the message`, async () =>
      (await cluster.kubectl("exec", follower, "--", "redis-cli", "lrange", "messages", "0", "-1")).includes(
        "first visit",
      ),
    );
  }
  assert.match(await cluster.get(url), /<li>first visit<\/li>/);
});

test("a pod that is deleted is replaced", async () => {
  const [victim = "", ...others] = await podsOf("app=guestbook");
  await cluster.kubectl("delete", "pod", victim);
  await rolledOut("frontend");
  const now = await podsOf("app=guestbook");
  assert.equal(now.length, 3);
  assert.ok(!now.includes(victim) && others.every((name) => now.includes(name)), now.join(" "));
  assert.match(await cluster.get(url), /first visit/);
});

test("the frontend scales", async () => {
  await cluster.kubectl("scale", "deployment/frontend", "--replicas=5");
  await cluster.becomes("deployment/frontend", ".status.readyReplicas", "5");
  await cluster.kubectl("scale", "deployment/frontend", "--replicas=2");
  await eventually("two frontends are left", async () => (await podsOf("app=guestbook")).length === 2);
});

test("the frontend rolls to a second version and back without an answer missed", async () => {
  let failures = 0;
  const stop = new AbortController();
  const visitor = (async () => {
    while (!stop.signal.aborted) {
      const { code } = await cluster.insideOutcome("curl", ["--silent", "--fail", "--max-time", "10", url]);
      if (code !== 0) failures++;
    }
  })();
  try {
    await cluster.kubectl("set", "env", "deployment/frontend", "VERSION=v2");
    await rolledOut("frontend");
    await eventually("the second version serves", async () => /Guestbook v2/.test(await cluster.get(url)));
    await cluster.kubectl("rollout", "undo", "deployment/frontend");
    await rolledOut("frontend");
    await eventually("the first version serves alone", async () => /Guestbook v1/.test(await cluster.get(url)));
  } finally {
    stop.abort();
    await visitor;
  }
  assert.equal(failures, 0);
});

test("after down and up everything is back, the message too", async () => {
  assert.match(await cluster.roder(["down"]), /is down/);
  assert.notEqual((await cluster.insideOutcome("curl", ["-sf", "--max-time", "2", url])).code, 0);
  await cluster.up();
  await rolledOut("redis-leader", "redis-follower", "frontend");
  await eventually("the message is back", async () => /first visit/.test(await cluster.get(url)));
  // What a follower kept is read before the leader runs again.
  await eventually("writing works", async () => {
    await sign("second visit");
    return /second visit/.test(await cluster.get(url));
  });
});

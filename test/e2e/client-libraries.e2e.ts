// Clients of other hands, as Debian packages them, against a control plane with a pretended node.
import { join } from "node:path";
import { after, before, test } from "node:test";
import { TestCluster } from "./cluster.ts";

let cluster: TestCluster;

before(async () => {
  cluster = await TestCluster.prepare("libraries");
  await cluster.up("--nodes", "0", "--hollow-nodes", "1");
});
after(() => cluster.remove());

function run(program: string, script: string, scenario: string): Promise<string> {
  const path = join(import.meta.dirname, "clients", script);
  return cluster.inside(program, [path, scenario], { env: cluster.kubectlEnvironment });
}

for (const [scenario, behaviour] of [
  ["objects", "an object is created, listed in pages, replaced, patched in each way and deleted"],
  ["watches", "a watch tells what happens after the list"],
  ["entities", "what is in no namespace is not found there"],
  ["custom_resources", "a kind of one's own is defined, used with its status, and goes with its definition"],
] as const)
  test(`in Ruby, ${behaviour}`, async () => {
    await run("/usr/bin/ruby", "ruby_scenarios.rb", scenario);
  });

for (const kind of ["endpoints", "configmaps"])
  test(`Patroni elects a leader by ${kind}, who gives way to another`, async () => {
    await run("/usr/bin/python3", "patroni_scenarios.py", kind);
  });

// Each controller may do what it does: the loops of a whole control plane under their own accounts and Kubernetes' default
// roles, while users do what the scenarios of faults have.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiError, type User as Subject } from "../src/api/index.ts";
import { inProcessClient } from "../src/client/index.ts";
import { runControlLoops } from "../src/cluster/control-loops.ts";
import { type ControlPlane, startControlPlane } from "../src/cluster/control-plane.ts";
import { issue, newPrivateKey } from "../src/cluster/pki/certificate.ts";
import { certificateSigner } from "../src/cluster/pki/index.ts";
import { seededRandom, silentLogger, VirtualClock } from "../src/lib/index.ts";
import { MemoryStorage } from "../src/storage/index.ts";
import type { TestControlPlane } from "./control-plane.ts";
import { scenarios, userOf } from "./controller-scenarios.ts";
import { createNodes, playNodes, renewLeases } from "./pretended-nodes.ts";

const nodes = ["node-1"];
const podRange = "10.42.0.0/16";
const serviceRange = "10.43.0.0/16";
const administrator: Subject = { name: "admin", groups: ["system:masters"] };

/** The control plane, with what its clients are not allowed to do noted in `forbidden`. */
function noting(plane: ControlPlane, forbidden: Set<string>): ControlPlane {
  return {
    ...plane,
    async handle(request, by) {
      try {
        return await plane.handle(request, by);
      } catch (error) {
        // Quotas and admission forbid too; they do not speak of the user.
        if (error instanceof ApiError && error.code === 403 && error.message.includes(" cannot "))
          forbidden.add(error.message);
        throw error;
      }
    },
    client(user, program) {
      return inProcessClient(this, user, program);
    },
  };
}

for (const { name, steps } of scenarios) {
  test(`no controller is forbidden what it needs: ${name}`, async () => {
    const clock = new VirtualClock();
    const environment = { clock, random: seededRandom(1), log: silentLogger };
    const plane = await startControlPlane({
      ...{ ...environment, podRange, serviceRange, storage: new MemoryStorage(), serviceAccountKey: newPrivateKey() },
      ...{ clusterDomain: "cluster.local", apiAddress: "192.0.2.1", apiPort: 6443, freeze: true },
    });
    const validity = { notBeforeMs: clock.now(), notAfterMs: clock.now() + 86_400_000 };
    const authority = issue({ commonName: "ca", usage: "authority", ...validity }, environment.random);
    const forbidden = new Set<string>();
    const stopping = new AbortController();
    const loops = runControlLoops({
      ...{ ...environment, podRange, serviceRange, plane: noting(plane, forbidden), signal: stopping.signal },
      rootCertificate: authority.certificate,
      signCertificate: certificateSigner(authority, environment.random),
    });
    const client = plane.client(administrator);
    const scene: Pick<TestControlPlane, "client" | "clock" | "registry" | "create" | "list"> = {
      client,
      clock,
      registry: plane.api.registry,
      create: (resource, object) => client.create(resource, object),
      list: async (resource, namespace) =>
        (await client.list(resource, namespace === undefined ? {} : { namespace })).items,
    };
    const rest = async (ms: number) => {
      for (let step = 0; step < 10; step++) {
        await new Promise((resolve) => setImmediate(resolve));
        await clock.advance(ms / 10);
      }
    };
    const passes = async (ms: number) => {
      const untilMs = clock.monotonicMs() + ms;
      while (clock.monotonicMs() < untilMs) {
        await rest((await playNodes(scene, nodes)) > 0 ? 500 : 10_000);
        await renewLeases(scene, nodes);
      }
    };
    await createNodes(scene, nodes);
    await passes(2_000);
    for (const step of steps) {
      await step(userOf(scene, passes));
      await passes(30_000);
    }
    stopping.abort();
    let over = false;
    void loops.then(() => {
      over = true;
    });
    while (!over) await rest(10_000);
    await plane.close();
    assert.deepEqual([...forbidden], []);
  });
}

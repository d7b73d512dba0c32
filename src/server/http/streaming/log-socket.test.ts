import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { WebSocket } from "ws";
import { Nodes, Pods } from "../../../api/index.ts";
import { issue } from "../../../cluster/pki/certificate.ts";
import { seededRandom, silentLogger, systemClock } from "../../../lib/index.ts";
import { ObjectLookup } from "../../lookup-of-objects.ts";
import { createStreamingRoutes } from "./streaming.ts";

const portOf = (server: Server) => (server.address() as AddressInfo).port; // a listening server has one

test("a client has nothing to say on a log: what it sends all the same is bounded", async (t) => {
  const random = seededRandom(1);
  const nowMs = systemClock.now();
  const validity = { notBeforeMs: nowMs - 60_000, notAfterMs: nowMs + 3_600_000 };
  const authority = issue({ commonName: "ca", usage: "authority", ...validity }, random);
  const serving = { commonName: "n1", usage: "server", alternativeNames: ["n1"], ...validity } as const;
  const { privateKey, certificate } = issue(serving, random, authority);
  const agent = createTlsServer({ key: privateKey, cert: certificate }, (_, response) => {
    response.write("a line\n");
  });
  agent.listen(0, "127.0.0.1");
  await once(agent, "listening");
  const lookup = new ObjectLookup()
    .put(Nodes, {
      metadata: { name: "n1" },
      status: {
        addresses: [{ type: "InternalIP", address: "127.0.0.1" }],
        daemonEndpoints: { kubeletEndpoint: { Port: portOf(agent) } },
      },
    })
    .put(Pods, {
      metadata: { name: "web", namespace: "default" },
      spec: { nodeName: "n1", containers: [{ name: "main", image: "web" }] },
    });
  const routes = createStreamingRoutes({
    lookup,
    agentTls: () => ({ certificate, key: privateKey, ca: authority.certificate }),
    clock: systemClock,
    random,
    log: silentLogger,
  });
  const place = { resource: "pods", namespace: "default", name: "web", subresource: "log", path: "" } as const;
  const front = createServer();
  front.on("upgrade", (...connection) => {
    const route = { ...place, query: new URLSearchParams(), warnings: [] };
    void routes.upgrade(route, { name: "jane", groups: [] }, ...connection);
  });
  front.listen(0, "127.0.0.1");
  await once(front, "listening");
  t.after(() => {
    for (const server of [agent, front]) {
      server.closeAllConnections();
      server.close();
    }
  });
  const client = new WebSocket(`ws://127.0.0.1:${portOf(front)}/`, ["binary.k8s.io"]);
  const [line] = await once(client, "message");
  assert.equal(String(line), "a line\n");
  client.send("little");
  client.send(Buffer.alloc(100_000));
  const [code] = await once(client, "close");
  assert.equal(code, 1009);
});

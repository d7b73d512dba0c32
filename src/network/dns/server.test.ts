import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { type AddressInfo, createConnection } from "node:net";
import { test } from "node:test";
import * as packet from "dns-packet";
import { aroundTests } from "../../../test/around-tests.ts";
import type { EndpointSlice, Service } from "../../api/index.ts";
import { seededRandom, silentLogger, systemClock } from "../../lib/index.ts";
import type { DnsView } from "./records.ts";
import { nameServers } from "./resolvers.ts";
import { type DnsServer, startDnsServer } from "./server.ts";

const address = "127.0.0.1";
const nameError = 3; // NXDOMAIN, RFC 1035
const many = Array.from({ length: 100 }, (_, index) => `10.42.1.${index + 1}`);
// The view gives only the fields that name resolution reads.
const view: DnsView = {
  domain: "cluster.local",
  service: (_, name) =>
    ({
      web: { metadata: { namespace: "shop", name }, spec: { clusterIP: "10.43.0.5" }, status: {} },
      few: { metadata: { namespace: "shop", name }, spec: { clusterIP: "None" }, status: {} },
      many: { metadata: { namespace: "shop", name }, spec: { clusterIP: "None" }, status: {} },
      out: { metadata: { namespace: "shop", name }, spec: { type: "ExternalName", externalName: "db.example.org" } },
      cut: { metadata: { namespace: "shop", name }, spec: { type: "ExternalName", externalName: "cut.example.org" } },
    })[name] as Service | undefined,
  endpointSlices: (_, name) => [
    {
      endpoints: (name === "few" ? many.slice(0, 3) : many).map((each) => ({ addresses: [each] })),
    } as unknown as EndpointSlice,
  ],
  serviceByAddress: () => undefined,
  slicesByAddress: () => [],
  namespaceExists: () => true,
};

let server: DnsServer;
let port = 0;
const outside = createSocket("udp4");

aroundTests(
  async () => {
    outside.on("message", (bytes, from) => {
      const query = packet.decode(bytes);
      const name = query.questions?.[0]?.name ?? "";
      outside.send(
        packet.encode({
          type: "response",
          id: query.id ?? 0,
          flags: name === "cut.example.org" ? packet.TRUNCATED_RESPONSE : 0,
          questions: query.questions ?? [],
          answers: [{ type: "A", name, data: "192.0.2.7", ttl: 60 }],
        }),
        from.port,
        from.address,
      );
    });
    outside.bind(0, address);
    await once(outside, "listening");
    port = await freePort();
    server = await startDnsServer({
      address,
      port,
      view,
      // The kernel lets no socket connect to the first one: the next is asked.
      upstream: ["255.255.255.255", address],
      upstreamPort: outside.address().port,
      clock: systemClock,
      random: seededRandom(1),
      log: silentLogger,
    });
  },
  async () => {
    await server.close();
    outside.close();
  },
);

async function freePort(): Promise<number> {
  const probe = createSocket("udp4");
  probe.bind(0, address);
  await once(probe, "listening");
  const free = (probe.address() as AddressInfo).port;
  probe.close();
  return free;
}

async function ask(name: string, type: packet.RecordType = "A"): Promise<packet.DecodedPacket> {
  const socket = createSocket("udp4");
  socket.send(
    packet.encode({ type: "query", id: 7, flags: packet.RECURSION_DESIRED, questions: [{ name, type }] }),
    port,
    address,
  );
  const [bytes] = await once(socket, "message");
  socket.close();
  return packet.decode(bytes);
}

const data = (reply: packet.DecodedPacket) => reply.answers?.map((each) => ("data" in each ? each.data : undefined));

test("a service is answered with authority, in the spelling of the question", async () => {
  const reply = await ask("Web.shop.svc.cluster.local");
  assert.deepEqual(data(reply), ["10.43.0.5"]);
  assert.equal(reply.answers?.[0]?.name, "Web.shop.svc.cluster.local");
  assert.ok(reply.flag_aa);
});

test("an unknown name of the cluster is NXDOMAIN with the zone's SOA", async () => {
  const reply = await ask("none.shop.svc.cluster.local");
  assert.equal((reply.flags ?? 0) & 0xf, nameError);
  assert.equal(reply.authorities?.[0]?.type, "SOA");
});

test("a name outside is asked of the machine's resolver", async () => {
  assert.deepEqual(data(await ask("deb.example.org")), ["192.0.2.7"]);
});

test("an ExternalName brings the addresses of its target", async () => {
  assert.deepEqual(data(await ask("out.shop.svc.cluster.local")), ["db.example.org", "192.0.2.7"]);
  // Not all of them fit into the answer: the client is to ask over TCP.
  assert.ok((await ask("cut.shop.svc.cluster.local")).flag_tc);
});

test("the addresses of a headless service come in changing order, so that all of them are used", async () => {
  const first = new Set<unknown>();
  for (let round = 0; round < 20; round++) {
    const addresses = data(await ask("few.shop.svc.cluster.local")) ?? [];
    assert.deepEqual(addresses.toSorted(), many.slice(0, 3));
    first.add(addresses[0]);
  }
  assert.equal(first.size, 3);
});

test("an answer too long for UDP is truncated, and whole over TCP", async () => {
  assert.ok((await ask("many.shop.svc.cluster.local")).flag_tc);
  const socket = createConnection(port, address);
  const question = { name: "many.shop.svc.cluster.local", type: "A" as const };
  socket.write(packet.streamEncode({ type: "query", id: 9, questions: [question] }));
  let bytes = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk]);
  });
  while (bytes.length < 2 || bytes.length < bytes.readUInt16BE(0) + 2) await once(socket, "data");
  socket.destroy();
  assert.equal(packet.streamDecode(bytes).answers?.length, many.length);
});

test("a client that asks on and does not read is cut off", async () => {
  const socket = createConnection(port, address).pause();
  socket.on("error", () => {});
  const question = { name: "many.shop.svc.cluster.local", type: "A" as const };
  const asked = packet.streamEncode({ type: "query", id: 9, questions: [question] });
  // More than kernels hold back for a connection.
  for (let round = 0; round < 8_000 && !socket.destroyed; round++) socket.write(asked);
  await new Promise((resolve) => socket.once("close", resolve));
});

test("resolv.conf names the resolvers, without the server itself", () => {
  const text = "# comment\nsearch example.org\nnameserver 10.43.0.10\n nameserver 192.0.2.53\n";
  assert.deepEqual(nameServers(text, ["10.43.0.10"]), ["192.0.2.53"]);
});

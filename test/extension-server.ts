// A small API server of somebody else's, behind an APIService: it serves widgets and believes the front proxy alone.
import { EventEmitter, once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { json, text } from "node:stream/consumers";
import { TLSSocket } from "node:tls";
import { issue, type KeyPair } from "../src/cluster/pki/certificate.ts";
import { systemClock, systemRandom } from "../src/lib/index.ts";

export const group = "shop.example.com";
export const groupVersion = `${group}/v1`;
const root = `/apis/${groupVersion}`;
const dayMs = 86_400_000;

export interface ExtensionServer {
  readonly port: number;
  /** Base64 of the PEM of who signed its certificate, as an APIService names it. */
  readonly caBundle: string;
  /** The requests so far. */
  readonly seen: readonly SeenRequest[];
  /** Resolves with the first request of this kind, which may have come already. */
  asked(method: string, urlPart: string): Promise<SeenRequest>;
  /** Sends an event to every watch. */
  announce(name: string): void;
  close(): Promise<void>;
}

export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, readonly string[]>>;
  readonly body: string;
}

const resources = [
  {
    name: "widgets",
    singularName: "widget",
    namespaced: true,
    kind: "Widget",
    verbs: ["create", "delete", "deletecollection", "get", "list", "watch"],
    shortNames: ["wd"],
  },
  { name: "widgets/status", singularName: "", namespaced: true, kind: "Widget", verbs: ["get"] },
  { name: "widgets/scale", singularName: "", namespaced: true, kind: "Scale", verbs: ["get", "update"] },
];
const schema = { type: "object", properties: { color: { type: "string", description: "what it looks like" } } };
const gvk = [{ group, version: "v1", kind: "Widget" }];

/** `serverName` is what its certificate says. */
export async function startExtensionServer(frontProxyCa: string, serverName: string): Promise<ExtensionServer> {
  const nowMs = systemClock.now();
  const validity = { notBeforeMs: nowMs - dayMs, notAfterMs: nowMs + dayMs };
  const authority = issue({ commonName: "shop-ca", usage: "authority", ...validity }, systemRandom);
  const serving = { commonName: "shop", usage: "server", alternativeNames: [serverName], ...validity } as const;
  const key: KeyPair = issue(serving, systemRandom, authority);
  const seen: SeenRequest[] = [];
  const arrivals = new EventEmitter();
  const note = (request: SeenRequest) => {
    seen.push(request);
    arrivals.emit("request");
  };
  /** By namespace and name. */
  const widgets = new Map<string, { metadata: { name: string; namespace?: string } }>();
  const scales = new Map<string, object>();
  const watches = new Set<ServerResponse>();
  const server = createServer({
    key: key.privateKey,
    cert: key.certificate,
    ca: frontProxyCa,
    requestCert: true,
    rejectUnauthorized: false,
  });
  const answer = (response: ServerResponse, status: number, body: object) =>
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  const tell = (type: string, object: object) => {
    for (const watch of watches) watch.write(`${JSON.stringify({ type, object })}\n`);
  };
  server.on("request", (request: IncomingMessage, response: ServerResponse) => {
    void serve(request, response);
  });
  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    const { pathname, searchParams } = new URL(request.url ?? "/", "https://shop");
    const head = { method: request.method ?? "", url: request.url ?? "", headers: headersOf(request) };
    if (!(request.socket instanceof TLSSocket && request.socket.authorized))
      return answer(response, 401, { kind: "Status", code: 401, message: "no front proxy" });
    const [, namespace, name, subresource] =
      /(?:namespaces\/([^/]+)\/)?widgets(?:\/([^/]+)(?:\/([^/]+))?)?$/.exec(pathname) ?? [];
    const isWithin = (key: string) => namespace === undefined || key.startsWith(`${namespace}/`);
    if (request.method === "POST") {
      const sent = (await json(request)) as { metadata: { name: string } };
      const widget = {
        ...sent,
        metadata: { uid: `uid-${sent.metadata.name}`, resourceVersion: "1", namespace, ...sent.metadata },
      };
      widgets.set(`${namespace}/${widget.metadata.name}`, widget as { metadata: { name: string } });
      note({ ...head, body: JSON.stringify(sent) });
      tell("ADDED", widget);
      return answer(response, 201, widget);
    }
    note({ ...head, body: await text(request) });
    if (name === "elsewhere") return response.writeHead(302, { location: "https://elsewhere.invalid/" }).end();
    if (pathname === root)
      return answer(response, 200, { kind: "APIResourceList", apiVersion: "v1", groupVersion, resources });
    if (pathname === "/openapi/v3")
      return answer(response, 200, {
        paths: { [root.slice(1)]: { serverRelativeURL: `/openapi/v3${root}?hash=ABC` } },
      });
    if (pathname === `/openapi/v3${root}`) return answer(response, 200, openApiV3);
    if (pathname === "/openapi/v2") return answer(response, 200, openApiV2);
    if (subresource === "scale") {
      const key = `${namespace}/${name}`;
      if (request.method === "PUT") scales.set(key, JSON.parse(seen.at(-1)?.body ?? ""));
      const first = { kind: "Scale", metadata: { name, namespace }, spec: { replicas: 1 }, status: { replicas: 1 } };
      return answer(response, 200, scales.get(key) ?? first);
    }
    if (request.method === "DELETE") {
      for (const [key, widget] of widgets) {
        if (!isWithin(key) || (name !== undefined && widget.metadata.name !== name)) continue;
        widgets.delete(key);
        tell("DELETED", widget);
      }
      return answer(response, 200, { kind: "Status", apiVersion: "v1", status: "Success" });
    }
    if (name === undefined && pathname.endsWith("/widgets")) {
      if (searchParams.get("watch")) {
        response.writeHead(200, { "content-type": "application/json" }).flushHeaders();
        watches.add(response);
        response.once("close", () => watches.delete(response));
        return response;
      }
      const metadata = { resourceVersion: "1" };
      const items = [...widgets].filter(([key]) => isWithin(key)).map(([, widget]) => widget);
      return answer(response, 200, { kind: "WidgetList", apiVersion: groupVersion, metadata, items });
    }
    const widget = widgets.get(`${namespace}/${name}`);
    if (widget) return answer(response, 200, widget);
    return answer(response, 404, {
      kind: "Status",
      apiVersion: "v1",
      status: "Failure",
      reason: "NotFound",
      code: 404,
      message: "no such widget",
    });
  };
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    note({ method: request.method ?? "", url: request.url ?? "", headers: headersOf(request), body: "" });
    if (request.url?.endsWith("/elsewhere"))
      return void socket.end("HTTP/1.1 302 Found\r\nLocation: https://elsewhere.invalid/\r\nContent-Length: 0\r\n\r\n");
    socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n");
    socket.write(head);
    socket.pipe(socket);
  });
  server.listen(0, "localhost");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port, // a TCP server has this address
    caBundle: Buffer.from(authority.certificate).toString("base64"),
    seen,
    async asked(method, urlPart) {
      for (;;) {
        const found = seen.find((each) => each.method === method && each.url.includes(urlPart));
        if (found) return found;
        await once(arrivals, "request");
      }
    },
    announce(name) {
      tell("ADDED", { apiVersion: groupVersion, kind: "Widget", metadata: { name, namespace: "default" } });
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

function headersOf({ rawHeaders }: IncomingMessage): Record<string, string[]> {
  const headers: Record<string, string[]> = {};
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] as string).toLowerCase(); // names and values come in turn
    headers[name] = [...(headers[name] ?? []), rawHeaders[at + 1] as string];
  }
  return headers;
}

const widgetPath = `${root}/namespaces/{namespace}/widgets/{name}`;
const operation = {
  operationId: "readWidget",
  "x-kubernetes-group-version-kind": { group, version: "v1", kind: "Widget" },
};
const openApiV2 = {
  swagger: "2.0",
  info: { title: "shop", version: "v1" },
  paths: {
    [widgetPath]: {
      get: {
        ...operation,
        responses: { 200: { description: "OK", schema: { $ref: "#/definitions/com.example.shop.Widget" } } },
      },
    },
    "/apis/other.example.com/v1/things": { get: { responses: {} } },
  },
  definitions: {
    "com.example.shop.Widget": {
      ...schema,
      properties: {
        ...schema.properties,
        metadata: { $ref: "#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta" },
      },
      "x-kubernetes-group-version-kind": gvk,
    },
    "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta": { type: "object", description: "as the shop knows it" },
  },
};
const openApiV3 = {
  openapi: "3.0.0",
  info: { title: "shop", version: "v1" },
  paths: {
    [widgetPath]: {
      get: {
        ...operation,
        responses: {
          200: {
            description: "OK",
            content: { "application/json": { schema: { $ref: "#/components/schemas/com.example.shop.Widget" } } },
          },
        },
      },
    },
  },
  components: { schemas: { "com.example.shop.Widget": { ...schema, "x-kubernetes-group-version-kind": gvk } } },
};

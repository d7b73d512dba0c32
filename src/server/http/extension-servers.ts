import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { APIResourceList, APIService, User } from "../../api/index.ts";
import type { ApiServices } from "../aggregation/index.ts";
import type { ForeignDocument } from "../openapi/index.ts";
import type { HttpRequest, HttpResponse } from "./message.ts";

/** The servers that answer for group versions of their own, behind this server's address. */
export interface ExtensionServers {
  readonly apiServices: ApiServices;
  /** Passes a request on, which is authenticated and authorized already. */
  handle(service: APIService, user: User, request: HttpRequest, response: HttpResponse): Promise<void>;
  /** An HTTP/1.1 request with `Connection: Upgrade`, likewise; from here on the socket is the route's. */
  upgrade(service: APIService, user: User, message: IncomingMessage, socket: Duplex, head: Buffer): Promise<void>;
  /** What the server says that it serves; undefined while it does not answer. */
  resources(service: APIService): Promise<APIResourceList | undefined>;
  /** What each server that answers says at /openapi/v2 or /openapi/v3; the same object as long as that is believed. */
  openApi(path: "/openapi/v2" | "/openapi/v3"): Promise<readonly ForeignDocument[]>;
}

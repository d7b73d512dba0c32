// A client of SPDY/3.1, the protocol in which container runtimes stream.
export * from "./spdy-connection.ts";
export * from "./upgrade.ts";

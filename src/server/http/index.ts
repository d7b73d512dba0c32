// The API server's face to the network: one TLS listener for HTTP/2 and HTTP/1.1.
export * from "./message.ts";
export * from "./streaming-routes.ts";

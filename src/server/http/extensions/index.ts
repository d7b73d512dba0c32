// The servers behind APIServices: requests of their group versions are passed on to them, and what they tell of
// themselves is told with this server's own.
export * from "./extensions.ts";

// What the server needs of the machine beside its listener.
export * from "./webhook-caller.ts";

// What a namespace may hold at most, held at the moment of every write.
export * from "./quota-charge.ts";

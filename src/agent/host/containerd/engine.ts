import type { CriEngine } from "../../engine/cri/index.ts";

/** The engine behind a socket. What it is made of, gRPC, is loaded now: most commands need none, and it takes them 0.2 s. */
export async function connectEngine(...settings: ConstructorParameters<typeof CriEngine>): Promise<CriEngine> {
  const { CriEngine } = await import("../../engine/cri/index.ts");
  return new CriEngine(...settings);
}

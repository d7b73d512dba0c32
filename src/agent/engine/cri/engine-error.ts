export type EngineErrorCode = "notFound" | "unavailable" | "timeout" | "unimplemented" | "unknown";

/** What a container runtime refused or could not do, in a sentence fit for a user's event. */
export class EngineError extends Error {
  readonly code: EngineErrorCode;

  constructor(code: EngineErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "EngineError";
    this.code = code;
  }
}

/** What `asked` resolves with, or undefined when the runtime does not know what it is about. */
export async function ifFound<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof EngineError && error.code === "notFound") return undefined;
    throw error;
  }
}

/** What a request is refused with: the kubelet answers with a code and one sentence of plain text. */
export class RequestError extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.name = "RequestError";
    this.code = code;
  }
}

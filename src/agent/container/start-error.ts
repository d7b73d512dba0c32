/** The reasons with which the API shows why a container could not be started. */
export type StartReason =
  | "ErrImagePull"
  | "ImagePullBackOff"
  | "ErrImageNeverPull"
  | "InvalidImageName"
  | "ImageInspectError"
  | "CreateContainerConfigError"
  | "CreateContainerError"
  | "RunContainerError"
  | "PostStartHookError";

/** The kubelet looks at a pod whose sync failed again after this time. */
const retryMs = 10_000;

/** A container could not be started; it is tried again after `retryAfterMs`. */
export class StartError extends Error {
  readonly reason: StartReason;
  readonly retryAfterMs: number;

  constructor(reason: StartReason, message: string, retryAfterMs = retryMs) {
    super(message);
    this.name = "StartError";
    this.reason = reason;
    this.retryAfterMs = retryAfterMs;
  }
}

/** What the pod says of the container cannot be done as it is. */
export function configError(message: string): StartError {
  return new StartError("CreateContainerConfigError", message);
}

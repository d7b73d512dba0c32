import { ApiError } from "../api/index.ts";

/** Nothing serves the path: over HTTP this is told as text (net/http's NotFound), and no Status. */
export class PathNotFound extends ApiError {
  constructor() {
    super(404, "NotFound", "the server could not find the requested resource");
  }
}

import type { User } from "../../api/index.ts";
import type { Awaitable } from "../../lib/index.ts";

/** What a connection and a request prove about who asks. */
export interface Credentials {
  /** The client certificate of the TLS connection, DER, already verified against the client CA by TLS. */
  readonly certificate?: Uint8Array;
  /** The Authorization header as it came. */
  readonly authorization?: string;
  /** A token that came otherwise (WebSocket subprotocol base64url.bearer.authorization.k8s.io.…). */
  readonly token?: string;
}

/** Finds who asks. */
export interface Authenticator {
  /** The user; undefined when the credentials are not of this authenticator's kind. Throws ApiError 401 when they are and are wrong. */
  authenticate(credentials: Credentials): Awaitable<User | undefined>;
}

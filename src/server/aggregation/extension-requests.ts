// Requests of this process's own components to the APIs of other servers: the in-process counterpart of what the HTTPS
// listener passes on.
import {
  type APIService,
  ApiError,
  httpMethods,
  type KubeObject,
  type ObjectList,
  queryOf,
  type ResourceHandler,
  type ResourceRequest,
  type ResourceResponse,
  resourcePath,
  type Status,
  type User,
  type Verb,
  type WatchEvent,
} from "../../api/index.ts";
import { type Draft, deepFreeze, formatJson, JsonLines, parseJson } from "../../lib/index.ts";
import type { ApiServer } from "../api-server.ts";
import { requestAttributes } from "../authorization/index.ts";
import type { ApiServices } from "./api-services.ts";

export interface ExtensionRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly path: string;
  /** JSON, sent under this media type. */
  readonly body?: { readonly mediaType: string; readonly text: string };
  /** A watch goes on for as long as its client likes; any other answer is there within a minute. */
  readonly isWatch: boolean;
  readonly signal: AbortSignal | undefined;
}
export interface ExtensionAnswer {
  readonly code: number;
  /** Rejects when the answer breaks off; to leave it early ends it. */
  readonly body: AsyncIterable<string>;
}

/** Sends to the server behind an APIService as `user`. Rejects with ApiError 503 when it cannot be reached. */
export type AskExtension = (service: APIService, user: User, request: ExtensionRequest) => Promise<ExtensionAnswer>;

/** No list of another server's objects should be longer; what is fits in memory several times. */
const answerCharactersMax = 64 * 1024 * 1024;
const eventCharactersMax = 16 * 1024 * 1024;

/** The API with all that it tells of: what other servers answer for is asked of them. */
export function withExtensions(
  api: ResourceHandler & Pick<ApiServer, "authorize">,
  apiServices: ApiServices,
  ask: AskExtension,
): ResourceHandler {
  return {
    async handle(request, user) {
      const service = apiServices.of(request.group, request.version);
      if (!service) return await api.handle(request, user);
      await api.authorize(requestAttributes(request, user), request.annotate);
      const answer = await ask(service, user, extensionRequest(request));
      if (answer.code >= 300) throw errorOf(answer.code, await textOf(answer));
      return await responseOf(request.verb, answer);
    },
  };
}

function extensionRequest(request: ResourceRequest): ExtensionRequest {
  const { verb, body, options, patchType = "application/json", signal } = request;
  const isWatch = verb === "watch";
  return {
    method: httpMethods[verb],
    path: resourcePath(request) + queryOf({ ...options, ...(isWatch ? { watch: true } : {}) }),
    ...(body === undefined ? {} : { body: { mediaType: patchType, text: formatJson(body) } }),
    isWatch,
    signal,
  };
}

async function responseOf(verb: Verb, answer: ExtensionAnswer): Promise<ResourceResponse> {
  const warnings: readonly string[] = [];
  if (verb === "watch") return { type: "watch", events: eventsOf(answer), warnings };
  // What another server sends is believed to be what its discovery says.
  const content: unknown = parseJson(await textOf(answer));
  if (verb === "list") return { type: "list", list: namedItems(content as Draft<ObjectList>), warnings };
  const code = answer.code === 201 || answer.code === 202 ? answer.code : 200;
  return { type: "object", code, object: deepFreeze(content as KubeObject), warnings };
}

/** Lists leave out what each item is; objects that are passed on must say it. */
function namedItems(list: Draft<ObjectList>): ObjectList {
  const { apiVersion, kind = "" } = list;
  const names = { ...(apiVersion === undefined ? {} : { apiVersion }), kind: kind.replace(/List$/, "") };
  const items = (list.items ?? []).map((item) => ({ ...names, ...item }));
  return deepFreeze({ ...list, items }) as ObjectList; // the draft is private to this answer
}

async function* eventsOf({ body }: ExtensionAnswer): AsyncIterable<WatchEvent> {
  const lines = new JsonLines(eventCharactersMax);
  for await (const chunk of body)
    for (const line of lines.push(chunk)) {
      // The watch protocol: ERROR brings a Status, all others an object.
      const event = deepFreeze(line) as WatchEvent | { readonly type: "ERROR"; readonly object: Status };
      if (event.type === "ERROR") throw ApiError.from(event.object);
      yield event;
    }
}

async function textOf({ body }: ExtensionAnswer): Promise<string> {
  let text = "";
  for await (const chunk of body) {
    text += chunk;
    if (text.length > answerCharactersMax) throw new Error("the answer of an extension API server is too long");
  }
  return text;
}

/** The error that an answer tells of; servers that break answer in words of their own. */
function errorOf(code: number, text: string): ApiError {
  try {
    const status = JSON.parse(text) as Partial<Status>;
    if (status.kind === "Status") return ApiError.from({ ...(status as Status), code: status.code ?? code });
  } catch {
    // Not JSON: the text itself is all there is to say.
  }
  return new ApiError(code, "", `the server answered ${code}: ${text.slice(0, 200).trim()}`);
}

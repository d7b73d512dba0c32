// Exec, attach, portforward, log and proxy: the API server carries them to agents and pods. What carries them is there
// for the other routes that pass requests on.
export { agentStats } from "./agent-stats.ts";
export type { Backend } from "./backend.ts";
export {
  type AgentTls,
  answerOf,
  ask,
  forwardedFor,
  pass,
  passedAnswerHeaders,
  passedHeaders,
  send,
  tunnel,
} from "./forward.ts";
export { serviceAddress } from "./proxy-backend.ts";
export { createStreamingRoutes, type StreamingOptions, unreachable } from "./streaming.ts";

// API priority and fairness: which requests run, wait or are turned away.
export type { FlowRequest } from "./flow.ts";
export { type Classified, FlowControl, type FlowControlOptions, type FlowTicket, TurnedAway } from "./flow-control.ts";
export { listWidth } from "./request-width.ts";

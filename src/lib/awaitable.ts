/**
 * What is there now or later. Where nearly every answer is there now, who asks looks before waiting: a promise and a turn
 * of the microtask queue for each of the dozen questions that a request asks are a tenth of what it costs.
 */
export type Awaitable<T> = T | Promise<T>;

// How the server asks others: where a webhook is and what it answers. Who sends the request is given.

export * from "./answer-error.ts";
export * from "./remote-review.ts";
export * from "./webhook.ts";

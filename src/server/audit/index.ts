// The audit log: who asked for what, when, and how it was answered.
export { type AuditPolicy, readAuditPolicy } from "./audit-policy.ts";
export { type AuditBeginning, Auditor, type AuditSink, type AuditTrail } from "./auditor.ts";

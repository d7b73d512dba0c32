import { ApiError, type Lease, Leases, type NewObject } from "../api/index.ts";
import { type Clock, errorMessage, type Logger, microTimestamp, type Random, sleep } from "../lib/index.ts";
import type { Client } from "./client.ts";

export interface LeaderElectionOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** The Lease in kube-system: `kube-controller-manager`, `kube-scheduler`. */
  readonly name: string;
  /** Who holds it; different for each process. */
  readonly identity: string;
  /** What only the leader does. Its signal is aborted when the lease is lost or given up. */
  readonly lead: (signal: AbortSignal) => Promise<void>;
}

// The defaults of Kubernetes' components (--leader-elect-lease-duration and its sisters).
const leaseDurationMs = 15_000;
const renewDeadlineMs = 10_000;
const retryPeriodMs = 2_000;
/** Up to this much longer, so that candidates do not meet. */
const retryJitter = 1.2;
const namespace = "kube-system";

/**
 * Takes part in the election of the one process that leads, and calls `lead` each time that this is the one. Ends when
 * `signal` is aborted, after giving the lease back. Time is measured here from when a holder's renewal was seen, so the
 * clocks of the candidates need not agree.
 */
export async function runLeaderElection(options: LeaderElectionOptions): Promise<void> {
  const candidate = new Candidate(options);
  while (!options.signal.aborted) {
    if (await candidate.acquire()) await candidate.leadAndRenew();
  }
}

class Candidate {
  readonly #options: LeaderElectionOptions;
  #lease: Lease | undefined;
  /** When a change of the holder or of its renewal was seen. */
  #observedMs = 0;
  /** When the request was sent by which the lease last became or stayed ours; others may count from then on. */
  #renewedMs = 0;

  constructor(options: LeaderElectionOptions) {
    this.#options = options;
  }

  /** Waits until the lease is ours; false when the signal came first. */
  async acquire(): Promise<boolean> {
    const { clock, random, log, signal, name } = this.#options;
    for (;;) {
      try {
        if (await this.#tryWithin(renewDeadlineMs)) {
          log.info("became leader", { lease: name });
          return true;
        }
      } catch (error) {
        // The server may be away or another candidate was faster: the next round sees.
        log.debug("could not read or take the lease", { lease: name, error: errorMessage(error) });
      }
      try {
        await sleep(clock, retryPeriodMs * (1 + retryJitter * random.next()), signal);
      } catch {
        // Only the signal ends a sleep early.
        return false;
      }
    }
  }

  /** Leads until the lease is lost, `lead` ends or the signal is aborted. */
  async leadAndRenew(): Promise<void> {
    const { log, signal, name, lead } = this.#options;
    const leading = new AbortController();
    const both = AbortSignal.any([signal, leading.signal]);
    const work = lead(both).finally(() => leading.abort());
    await this.#renewUntil(both);
    leading.abort();
    try {
      await work;
    } finally {
      if (!this.#isExpired()) await this.#release();
      log.info("is not leader any more", { lease: name });
    }
  }

  /** Renews until it could not for the renew deadline, or until the signal. */
  async #renewUntil(signal: AbortSignal): Promise<void> {
    const { clock, log, name } = this.#options;
    while (this.#timeLeftMs() > 0) {
      try {
        await sleep(clock, Math.min(retryPeriodMs, this.#timeLeftMs()), signal);
      } catch {
        // Only the signal ends a sleep early.
        return;
      }
      try {
        if (!(await this.#tryWithin(this.#timeLeftMs()))) return;
      } catch (error) {
        log.debug("could not renew the lease", { lease: name, error: errorMessage(error) });
      }
    }
    log.warn("lost the lease: it could not be renewed in time", { lease: name });
  }

  /** How long this may lead without another renewal. */
  #timeLeftMs(): number {
    return Math.max(0, this.#renewedMs + renewDeadlineMs - this.#options.clock.monotonicMs());
  }

  /** As tryOnce, but throws when the server does not answer in time: it must not keep a leader in office. */
  async #tryWithin(limitMs: number): Promise<boolean> {
    const { clock } = this.#options;
    const sentMs = clock.monotonicMs();
    const giveUp = new AbortController();
    const timer = clock.setTimer(limitMs, () => giveUp.abort(new Error(`no answer within ${limitMs} ms`)));
    try {
      const isOurs = await this.#tryOnce(giveUp.signal);
      if (isOurs) this.#renewedMs = sentMs;
      return isOurs;
    } finally {
      timer.cancel();
    }
  }

  /** Whether the lease is ours after this; throws when the server does not let us know. */
  async #tryOnce(signal: AbortSignal): Promise<boolean> {
    const { client, clock, identity, name } = this.#options;
    let current: Lease;
    try {
      current = await client.get(Leases, { namespace, name }, { signal });
    } catch (error) {
      if (!(error instanceof ApiError && error.code === 404)) throw error;
      this.#observe(await client.create(Leases, this.#claim(undefined), { signal }));
      return true;
    }
    this.#observe(current);
    const holder = current.spec?.holderIdentity ?? "";
    const free = holder === "" || clock.monotonicMs() - this.#observedMs >= leaseDurationMs;
    if (holder !== identity && !free) return false;
    this.#observe(await client.update(Leases, this.#claim(current), { signal }));
    return true;
  }

  #observe(lease: Lease): void {
    const { spec } = lease;
    const known = this.#lease?.spec;
    if (known?.holderIdentity !== spec?.holderIdentity || known?.renewTime !== spec?.renewTime) {
      this.#observedMs = this.#options.clock.monotonicMs();
    }
    this.#lease = lease;
  }

  #isExpired(): boolean {
    return this.#options.clock.monotonicMs() - this.#observedMs >= leaseDurationMs;
  }

  #claim(current: Lease | undefined): NewObject<Lease> {
    const { clock, identity, name } = this.#options;
    const now = microTimestamp(clock.now());
    const mine = current?.spec?.holderIdentity === identity;
    return {
      ...(current ?? { apiVersion: "coordination.k8s.io/v1", kind: "Lease" }),
      metadata: current?.metadata ?? { namespace, name },
      spec: {
        ...current?.spec,
        holderIdentity: identity,
        leaseDurationSeconds: leaseDurationMs / 1000,
        acquireTime: mine ? (current?.spec?.acquireTime ?? now) : now,
        renewTime: now,
        leaseTransitions: (current?.spec?.leaseTransitions ?? 0) + (current && !mine ? 1 : 0),
      },
    };
  }

  /** Lets the next candidate take over at once. */
  async #release(): Promise<void> {
    const { client, clock, log, identity, name } = this.#options;
    if (!this.#lease || this.#lease.spec?.holderIdentity !== identity) return;
    const now = microTimestamp(clock.now());
    const spec = { ...this.#lease.spec, holderIdentity: "", leaseDurationSeconds: 1, acquireTime: now, renewTime: now };
    try {
      this.#lease = await client.update(Leases, { ...this.#lease, spec });
    } catch (error) {
      // It runs out by itself.
      log.debug("could not give the lease back", { lease: name, error: errorMessage(error) });
    }
  }
}

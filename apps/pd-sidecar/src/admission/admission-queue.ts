/** Why somebody did not get in. */
export class NotAdmitted extends Error {
  override readonly name = "NotAdmitted";
  readonly reason: "full" | "timeout" | "aborted";

  constructor(reason: NotAdmitted["reason"]) {
    super(`not admitted: ${reason}`);
    this.reason = reason;
  }
}

/** What one request asks for. */
export interface Claim {
  /** It will run a prefill leg. */
  readonly prefill: boolean;
  /** KV cache blocks that it will need at most, as far as can be told. */
  readonly blocks: number;
  /** Higher goes first. */
  readonly priority: number;
  /** Tenants of one priority take turns. */
  readonly tenant: string;
}

/** The right to run: a decode slot, and a prefill slot where one was claimed. */
export interface Ticket {
  /** Blocks claimed, as long as the model server does not count them yet. */
  readonly claim: Claim;
  /** The prefill leg is over. Further calls do nothing. */
  prefillDone(): void;
  /** The model server has begun to answer, and counts the blocks by itself. Further calls do nothing. */
  started(): void;
  /** The answer is over; a prefill leg may still run. Further calls do nothing. */
  release(): void;
}

export interface QueueOptions {
  /** 0 is unlimited, here and below. */
  readonly maxDecodes: number;
  readonly maxPrefills: number;
  readonly maxQueue: number;
  readonly timeoutMs: number;
  /** Whether the model server has room: `reserved` blocks are promised to others. Called often. */
  readonly hasRoom: (claim: Claim, reserved: number, running: number) => boolean;
}

export interface AdmissionQueue {
  readonly waiting: number;
  readonly decodes: number;
  readonly prefills: number;
  /** Blocks promised to requests that the model server does not count yet. */
  readonly reserved: number;
  /** A ticket at once, or undefined: nobody is overtaken. */
  tryEnter(claim: Claim): Ticket | undefined;
  /** Waits for a ticket. Rejects with {@link NotAdmitted}; who leaves is forgotten at once. */
  enter(claim: Claim, signal: AbortSignal): Promise<Ticket>;
  /** The model server may have room again. */
  look(): void;
}

interface Waiter {
  readonly claim: Claim;
  readonly admit: (ticket: Ticket) => void;
}

/** First come, first served within a tenant; tenants of one priority in turn; higher priorities first. */
export function createAdmissionQueue(options: QueueOptions): AdmissionQueue {
  const { maxDecodes, maxPrefills, maxQueue, timeoutMs, hasRoom } = options;
  /** In order of arrival. */
  const waiters = new Set<Waiter>();
  /** When each tenant that waits or has just been served was served last. */
  const turns = new Map<string, number>();
  let turn = 0;
  let decodes = 0;
  let prefills = 0;
  let reserved = 0;

  const fits = (claim: Claim): boolean =>
    (maxDecodes === 0 || decodes < maxDecodes) &&
    (!claim.prefill || maxPrefills === 0 || prefills < maxPrefills) &&
    hasRoom(claim, reserved, decodes);

  const issue = (claim: Claim): Ticket => {
    let prefilling = claim.prefill;
    let promised = claim.blocks;
    let running = true;
    decodes += 1;
    if (prefilling) prefills += 1;
    reserved += promised;
    const started = (): void => {
      reserved -= promised;
      promised = 0;
    };
    return {
      claim,
      prefillDone() {
        if (!prefilling) return;
        prefilling = false;
        prefills -= 1;
        look();
      },
      started,
      release() {
        if (!running) return;
        running = false;
        started();
        decodes -= 1;
        look();
      },
    };
  };

  /** The best of those who fit. */
  const next = (): Waiter | undefined => {
    let best: Waiter | undefined;
    for (const waiter of waiters) {
      if (best !== undefined && !goesBefore(waiter.claim, best.claim)) continue;
      if (fits(waiter.claim)) best = waiter;
    }
    return best;
  };

  const goesBefore = (a: Claim, b: Claim): boolean =>
    a.priority !== b.priority
      ? a.priority > b.priority
      : a.tenant !== b.tenant && (turns.get(a.tenant) ?? 0) < (turns.get(b.tenant) ?? 0);

  const look = (): void => {
    while (waiters.size > 0 && (maxDecodes === 0 || decodes < maxDecodes)) {
      const waiter = next();
      if (waiter === undefined) return;
      waiters.delete(waiter);
      turns.set(waiter.claim.tenant, ++turn);
      waiter.admit(issue(waiter.claim));
    }
    if (waiters.size === 0) turns.clear();
  };

  return {
    get waiting() {
      return waiters.size;
    },
    get decodes() {
      return decodes;
    },
    get prefills() {
      return prefills;
    },
    get reserved() {
      return reserved;
    },
    tryEnter: (claim) => (waiters.size === 0 && fits(claim) ? issue(claim) : undefined),
    enter(claim, signal) {
      return new Promise((resolve, reject) => {
        if (signal.aborted) return reject(new NotAdmitted("aborted"));
        if (maxQueue > 0 && waiters.size >= maxQueue) return reject(new NotAdmitted("full"));
        let timer: NodeJS.Timeout | undefined;
        const leave = (): void => {
          clearTimeout(timer);
          signal.removeEventListener("abort", onAbort);
        };
        const giveUp = (reason: NotAdmitted["reason"]): void => {
          waiters.delete(waiter);
          leave();
          reject(new NotAdmitted(reason));
        };
        const onAbort = (): void => giveUp("aborted");
        const waiter: Waiter = {
          claim,
          admit(ticket) {
            leave();
            resolve(ticket);
          },
        };
        waiters.add(waiter);
        signal.addEventListener("abort", onAbort, { once: true });
        if (timeoutMs > 0) timer = setTimeout(() => giveUp("timeout"), timeoutMs);
        look();
      });
    },
    look,
  };
}

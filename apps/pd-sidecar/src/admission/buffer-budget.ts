/** Bytes of the budget that one holder has. */
export interface Reservation {
  readonly bytes: number;
  /** False when the budget has not so much left; then nothing changed. */
  grow(bytes: number): boolean;
  /** Gives everything back. Further calls do nothing. */
  release(): void;
}

/** The memory that all buffered bodies may take together. */
export interface BufferBudget {
  readonly used: number;
  open(): Reservation;
}

/** @param limit bytes; 0 is unlimited */
export function createBufferBudget(limit: number): BufferBudget {
  let used = 0;
  return {
    get used() {
      return used;
    },
    open() {
      let held = 0;
      let released = false;
      return {
        get bytes() {
          return held;
        },
        grow(bytes) {
          if (released || (limit > 0 && used + bytes > limit)) return false;
          used += bytes;
          held += bytes;
          return true;
        },
        release() {
          released = true;
          used -= held;
          held = 0;
        },
      };
    },
  };
}

import { type FSWatcher, watch } from "node:fs";
import { stat } from "node:fs/promises";
import { dirname } from "node:path";
import type { Clock } from "@pointsman/plugin-api";
import { stateOf } from "./load-endpoints-file.ts";

export interface WatchFileOptions {
  readonly path: string;
  /** State of the file that was loaded last. */
  readonly state: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /**
   * The file is different. Not called again before the promise has resolved: true = dealt with, false = ask again
   * soon. Must not reject.
   */
  readonly onChange: () => Promise<boolean>;
}

/** Events of one save come in bursts. */
const debounceMs = 50;
/** A file that is written to without a pause is looked at nevertheless. */
const longestDebounceMs = 500;
/** For file systems and links that send no events. */
const pollMs = 2_000;
/** State of a file or folder that is not there. */
const absent = "absent";
/** Differs from every state. */
const unsettled = "unsettled";

/**
 * Watches the folder of a file, which also sees the file replaced by a rename and a swapped folder link, and asks for
 * the file's state now and then. Ends with the signal and leaves nothing open.
 */
export function watchFile({ path, state: initial, clock, signal, onChange }: WatchFileOptions): void {
  if (signal.aborted) return;
  const folder = dirname(path);
  let state = initial;
  let watcher: FSWatcher | undefined;
  let watchedFolder = "";
  let timer: NodeJS.Timeout | undefined;
  let firstEventAt = 0;
  let busy = false;
  let again = false;

  function schedule(): void {
    if (signal.aborted) return;
    const now = performance.now();
    if (timer === undefined) firstEventAt = now;
    clearTimeout(timer);
    timer = setTimeout(() => void look(), Math.max(0, Math.min(debounceMs, firstEventAt + longestDebounceMs - now)));
  }

  async function look(): Promise<void> {
    timer = undefined;
    if (busy) {
      again = true;
      return;
    }
    busy = true;
    await keepWatching();
    const current = await stateOfFile(path);
    if (current !== state && !signal.aborted) {
      // What is written from here on is seen as the next change.
      state = current;
      if (!(await onChange())) {
        state = unsettled;
        again = true;
      }
    }
    busy = false;
    if (!again) return;
    again = false;
    schedule();
  }

  /** A watch belongs to a folder, not to its path: it goes silent when the folder is removed. */
  async function keepWatching(): Promise<void> {
    const current = await stateOfFolder(folder);
    if (signal.aborted || (watcher !== undefined && current === watchedFolder)) return;
    watcher?.close();
    watcher = undefined;
    watchedFolder = current;
    try {
      watcher = watch(folder, schedule);
      watcher.on("error", () => {
        watcher?.close();
        watcher = undefined;
      });
    } catch {
      // The folder is gone or cannot be watched: the poll goes on, and tries again.
    }
  }

  const stopPolling = clock.every(pollMs, schedule);
  signal.addEventListener(
    "abort",
    () => {
      stopPolling();
      clearTimeout(timer);
      watcher?.close();
      watcher = undefined;
    },
    { once: true },
  );
  // The first look begins the watch, and sees what happened between the load and now.
  void look();
}

async function stateOfFile(path: string): Promise<string> {
  try {
    return stateOf(await stat(path, { bigint: true }));
  } catch {
    return absent;
  }
}

async function stateOfFolder(path: string): Promise<string> {
  try {
    const { dev, ino, birthtimeNs } = await stat(path, { bigint: true });
    return `${dev}:${ino}:${birthtimeNs}`;
  } catch {
    return absent;
  }
}

/** Hears what an engine stores in its prefix cache and gives up. Times are milliseconds of the run. */
export interface BlockListener {
  stored(endpoint: number, block: number, atMs: number): void;
  removed(endpoint: number, block: number, atMs: number): void;
}

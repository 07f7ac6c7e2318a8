/** What became of the requests of a load. */
export interface LoadResult {
  readonly sent: number;
  /** How many got each status; `0` stands for no answer at all. */
  readonly statuses: ReadonlyMap<number, number>;
  /** The text of the last answer that was not 200. */
  readonly refusal: string;
}

/** Requests at a steady pace, whether or not earlier ones have been answered. */
export class Load {
  readonly #url: string;
  readonly #timer: NodeJS.Timeout;
  readonly #open = new Set<Promise<void>>();
  readonly #statuses = new Map<number, number>();
  #sent = 0;
  #refusal = "";

  constructor(url: string, perSecond: number) {
    this.#url = url;
    this.#timer = setInterval(() => this.#send(), 1_000 / perSecond);
  }

  get answered(): number {
    return this.#sent - this.#open.size;
  }

  /** Sends no more, and waits for what is under way. */
  async end(): Promise<LoadResult> {
    clearInterval(this.#timer);
    await Promise.all(this.#open);
    return { sent: this.#sent, statuses: this.#statuses, refusal: this.#refusal };
  }

  #send(): void {
    this.#sent += 1;
    const request = this.#request();
    this.#open.add(request);
    void request.then(() => this.#open.delete(request));
  }

  async #request(): Promise<void> {
    const status = await this.#post().catch((error: unknown) => {
      this.#refusal = String(error);
      return 0;
    });
    this.#statuses.set(status, (this.#statuses.get(status) ?? 0) + 1);
  }

  async #post(): Promise<number> {
    const response = await fetch(`${this.#url}/v1/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model: "sim-model", prompt: "Tell me about trains.", max_tokens: 4 }),
    });
    const text = await response.text();
    if (response.status !== 200) this.#refusal = text;
    return response.status;
  }
}

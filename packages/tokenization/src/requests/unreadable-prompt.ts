/** The body holds no prompt that can be read here. */
export class UnreadablePrompt extends Error {
  constructor(message: string) {
    super(message);
    this.name = "UnreadablePrompt";
  }
}

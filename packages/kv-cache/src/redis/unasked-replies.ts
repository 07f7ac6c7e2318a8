import { createRequire } from "node:module";

interface Handler {
  readonly redis: {
    readonly commandQueue: { readonly length: number };
    readonly stream: object;
    disconnect(reconnect: boolean): void;
  };
  shiftCommand(reply: unknown): unknown;
}

let isGuarded = false;

/**
 * Makes ioredis give up a connection on which more answers come than were asked for. ioredis 6.0.0 ends the process
 * then: it throws where nobody can catch, in a callback of its own, when such an answer is null.
 */
export function guardAgainstUnaskedReplies(): void {
  if (isGuarded) return;
  isGuarded = true;
  const require = createRequire(import.meta.url);
  const { prototype } = (require("ioredis/built/DataHandler.js") as { default: { prototype: Handler } }).default;
  const shiftCommand = prototype.shiftCommand;
  const givenUp = new WeakSet<object>();
  prototype.shiftCommand = function guarded(this: Handler, reply: unknown): unknown {
    if (this.redis.commandQueue.length > 0) return shiftCommand.call(this, reply);
    const { stream } = this.redis;
    if (!givenUp.has(stream)) {
      givenUp.add(stream);
      this.redis.disconnect(true);
    }
    return null;
  };
}

import { definePlugin } from "@pointsman/plugin-api";

const wrap = (original) =>
  function then(...given) {
    return original.apply(this, given);
  };

export default definePlugin({
  type: "patches-globals",
  setup() {
    const { parse } = JSON;
    JSON.parse = (...given) => parse(...given);
    // biome-ignore lint/suspicious/noThenProperty: it is what this plugin must not do
    Promise.prototype.then = wrap(Promise.prototype.then);
    Object.defineProperty(Array.prototype, "last", { get: () => undefined, configurable: true });
    return {
      scorer: {
        score(_request, _candidates, scores) {
          scores.fill(0.5);
        },
      },
    };
  },
});

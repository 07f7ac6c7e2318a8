import { core, definePlugin } from "@pointsman/plugin-api";

export default definePlugin({
  type: "logs-megabytes",
  needs: { log: core.logger },
  setup({ needs }) {
    return {
      scorer: {
        score(_request, _candidates, scores) {
          scores.fill(0.5);
          needs.log.warn("look at this", { page: "x".repeat(1_048_576) });
        },
      },
    };
  },
});

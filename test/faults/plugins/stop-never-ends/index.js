import { definePlugin } from "@pointsman/plugin-api";

export default definePlugin({
  type: "stop-never-ends",
  setup: () => ({
    scorer: { score: (_request, _candidates, scores) => void scores.fill(0.5) },
    stop: () => new Promise(() => {}),
  }),
});

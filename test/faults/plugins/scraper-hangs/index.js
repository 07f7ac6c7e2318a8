import { definePlugin } from "@pointsman/plugin-api";

export default definePlugin({
  type: "scraper-hangs",
  setup: () => ({
    scraper: {
      timeoutMs: 100,
      scrape: () => new Promise(() => {}),
    },
  }),
});

import { defineAttribute, definePlugin } from "@pointsman/plugin-api";

export default definePlugin({
  type: "scraper-floods",
  setup: () => ({
    scraper: {
      async scrape(_endpoint, { write }) {
        for (let i = 0; i < 1_000; i += 1) {
          const attribute = defineAttribute({
            id: `flood/value-${i}`,
            major: 1,
            kind: "f64",
            unit: "1",
            maxAgeMs: 1_000,
          });
          write.set(attribute, i);
        }
      },
    },
  }),
});

import { definePlugin } from "@pointsman/plugin-api";

export default definePlugin({
  type: "writes-seven",
  setup: () => ({
    filter: {
      empties: "ineligible",
      onError: "pass",
      filter(_request, _candidates, keep) {
        keep.fill(7);
      },
    },
  }),
});

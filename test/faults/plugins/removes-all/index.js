import { definePlugin } from "@pointsman/plugin-api";

export default definePlugin({
  type: "removes-all",
  setup: () => ({
    filter: {
      empties: "ineligible",
      filter(_request, _candidates, keep) {
        keep.fill(0);
      },
    },
  }),
});

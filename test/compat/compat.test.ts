import { afterAll, beforeAll } from "vitest";
import { describeForms } from "./forms.ts";
import { describeWithTools } from "./harness/describe-with-tools.ts";
import { createWorld, type World } from "./harness/world.ts";
import { describeInstallation } from "./install.ts";
import { describeThirdParty } from "./third-party.ts";
import { describeVersions } from "./versions.ts";

// One registry for all: publishing everything is the slow part. The order matters, since later parts publish newer
// releases, which fresh installations would get.
await describeWithTools("our packages on a registry", (tools) => {
  let world: World;
  beforeAll(async () => {
    world = await createWorld(tools);
  });
  afterAll(() => world?.end());

  describeInstallation(() => world);
  describeForms(() => world);
  describeThirdParty(() => world);
  describeVersions(() => world);
});

import { ENDPOINTS, MeasuredPicker, median, servePicker } from "./lifecycle-harness.ts";

/** What a life cycle costs over each transport; see the harness for what one is. */

const ROUNDS = 5;
const PER_ROUND = 2_000;

type Transport = "native" | "grpc-js";

async function measure(transport: Transport): Promise<number> {
  const picker = await MeasuredPicker.start(import.meta.filename, transport);
  const perLifecycle: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) perLifecycle.push(await picker.round(PER_ROUND));
  picker.stop();
  const middle = median(perLifecycle);
  console.log(
    `life cycle over ${transport.padEnd(7)}, ${ENDPOINTS} endpoints, 4 scorers   ${middle.toFixed(0).padStart(4)} µs CPU, ${Math.round(1e6 / middle)} per second and core`,
  );
  return middle;
}

if (process.argv[2] === "server") await servePicker(process.argv[3]!, { transport: process.argv[4] as Transport });
else {
  const ratios: number[] = [];
  // In turn, so that a noisy minute does not favour one of them.
  for (let round = 0; round < 3; round += 1) ratios.push((await measure("grpc-js")) / (await measure("native")));
  console.log(`grpc-js ÷ native   ${median(ratios).toFixed(1)}`);
}

const handlers = [
  "/v1/chat/completions",
  "/v1/completions",
  "/v1/embeddings",
  "/v1/messages",
  "/v1/models",
  "/v1/responses",
  "/health",
  "/metrics",
  "/tokenize",
];
const bounds = ["0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1.0", "2.5", "5.0", "10.0", "30.0", "+Inf"];

/**
 * Series as the Python and HTTP instrumentation of a real server exports them, at least `bytes` long, in whole lines.
 * Their values never change.
 */
export function renderPadding(bytes: number): string {
  const lines: string[] = [];
  let length = 0;
  for (const line of paddingLines()) {
    if (length >= bytes) break;
    lines.push(line);
    length += line.length + 1;
  }
  return lines.length === 0 ? "" : `${lines.join("\n")}\n`;
}

function* paddingLines(): Generator<string> {
  yield "# HELP process_resident_memory_bytes Resident memory size in bytes.";
  yield "# TYPE process_resident_memory_bytes gauge";
  yield "process_resident_memory_bytes 6.442450944e+09";
  yield "# HELP python_gc_objects_collected_total Objects collected during gc";
  yield "# TYPE python_gc_objects_collected_total counter";
  for (let generation = 0; generation < 3; generation++) {
    yield `python_gc_objects_collected_total{generation="${generation}"} ${11_893 + 377 * generation}.0`;
  }
  yield "# HELP http_request_duration_seconds Duration of HTTP requests in seconds";
  yield "# TYPE http_request_duration_seconds histogram";
  for (let status = 0; ; status++) {
    for (const handler of handlers) {
      const labels = `handler="${handler}",method="POST",status="${200 + status}"`;
      let count = 0;
      for (const bound of bounds) {
        count += handler.length + status;
        yield `http_request_duration_seconds_bucket{${labels},le="${bound}"} ${count}.0`;
      }
      yield `http_request_duration_seconds_count{${labels}} ${count}.0`;
      yield `http_request_duration_seconds_sum{${labels}} ${count * 0.37}`;
    }
  }
}

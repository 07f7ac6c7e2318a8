/**
 * Draws `count` indexes without replacement, each draw with probability weight / sum of the weights left
 * (Efraimidis and Spirakis 2006: the largest keys U^(1/weight) win). Weights of 0 or less come after all others,
 * in uniformly random order.
 *
 * The keys are kept as ln(U) / weight, which has the same order and does not underflow for small weights.
 *
 * @param keys scratch memory with room for all weights.
 * @param ranked takes the indexes, first drawn first; has room for all weights.
 */
export function drawByWeight(
  weights: Float64Array,
  count: number,
  source: { random(): number },
  keys: Float64Array,
  ranked: Uint32Array,
): void {
  let size = 0;
  for (let i = 0; i < weights.length; i += 1) {
    const weight = weights[i]!;
    if (!(weight > 0)) continue;
    // In (0, 1]: the logarithm of 0 would be infinite.
    const key = Math.log(1 - source.random()) / weight;
    keys[i] = key;
    if (size === count && !(key > keys[ranked[count - 1]!]!)) continue;
    let low = 0;
    let high = size;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (key > keys[ranked[middle]!]!) high = middle;
      else low = middle + 1;
    }
    if (size < count) size += 1;
    ranked.copyWithin(low + 1, low, size - 1);
    ranked[low] = i;
  }
  if (size < count) drawUnweighted(weights, size, count, source, ranked);
}

function drawUnweighted(
  weights: Float64Array,
  from: number,
  count: number,
  source: { random(): number },
  ranked: Uint32Array,
): void {
  let end = from;
  for (let i = 0; i < weights.length; i += 1) {
    if (weights[i]! > 0) continue;
    ranked[end] = i;
    end += 1;
  }
  for (let i = from; i < count; i += 1) {
    const drawn = i + Math.floor(source.random() * (end - i));
    const index = ranked[drawn]!;
    ranked[drawn] = ranked[i]!;
    ranked[i] = index;
  }
}

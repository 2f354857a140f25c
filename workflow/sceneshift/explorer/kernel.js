// The inner loop of every convolution: kernel.wat, or where WebAssembly is turned off (iOS in lockdown mode) the same in
// JavaScript, which takes thirteen times as long.

const KERNEL = "AGFzbQEAAAABCAFgBH9/f38AAwIBAAUDAQABBxQCBm1lbW9yeQIAB3Byb2R1Y3QAAAqeAgGbAgICfwt7IAFBAnQhBCAAIARqIQUDQCAC/QAEACEGIAL9AAQQIQcgAP0JAgAhCCAJIAggBv3mAf3kASEJIAogCCAH/eYB/eQBIQogACAEav0JAgAhCCALIAggBv3mAf3kASELIAwgCCAH/eYB/eQBIQwgACAEQQJsav0JAgAhCCANIAggBv3mAf3kASENIA4gCCAH/eYB/eQBIQ4gACAEQQNsav0JAgAhCCAPIAggBv3mAf3kASEPIBAgCCAH/eYB/eQBIRAgAkEgaiECIABBBGohACAAIAVJDQALIAMgCf0LBAAgAyAK/QsEECADIAv9CwQgIAMgDP0LBDAgAyAN/QsEQCADIA79CwRQIAMgD/0LBGAgAyAQ/QsEcAs=";

/** {floats, product}. floats(count): the kernel's memory, at least so many floats. product(weights, taps, patches, sums),
 *  all offsets in it: sums[i][j] = Σ weights[i][t]·patches[t][j] for 4 rows of `taps` weights and the patches of 8 pixels. */
function makeKernel() {
  try {
    const bytes = Uint8Array.from(atob(KERNEL), (letter) => letter.charCodeAt(0));
    const { memory, product } = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports;
    return {
      product: (weights, taps, patches, sums) => product(4 * weights, taps, 4 * patches, 4 * sums),
      floats(count) {
        const pages = Math.ceil((4 * count - memory.buffer.byteLength) / 65536);
        if (pages > 0) memory.grow(pages); // the buffer of before is gone then
        return new Float32Array(memory.buffer);
      },
    };
  } catch {
    return plainKernel();
  }
}

function plainKernel() {
  let memory = new Float32Array(0);
  return {
    floats: (count) => (memory.length < count ? (memory = new Float32Array(count)) : memory),
    product(weights, taps, patches, sums) {
      for (let pair = 0; pair < 2; pair++) // two rows at a time by four pixels: what a processor has registers for
        for (let half = 0; half < 8; half += 4) {
          const first = weights + 2 * pair * taps, second = first + taps;
          let a0 = 0, a1 = 0, a2 = 0, a3 = 0, b0 = 0, b1 = 0, b2 = 0, b3 = 0;
          for (let t = 0, at = patches + half; t < taps; t++, at += 8) {
            const x0 = memory[at], x1 = memory[at + 1], x2 = memory[at + 2], x3 = memory[at + 3];
            const a = memory[first + t], b = memory[second + t];
            a0 += a * x0; a1 += a * x1; a2 += a * x2; a3 += a * x3;
            b0 += b * x0; b1 += b * x1; b2 += b * x2; b3 += b * x3;
          }
          memory.set([a0, a1, a2, a3], sums + 16 * pair + half);
          memory.set([b0, b1, b2, b3], sums + 16 * pair + 8 + half);
        }
    },
  };
}

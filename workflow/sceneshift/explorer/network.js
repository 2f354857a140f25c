// pix2pixHD's global generator with the edit head, as translator/networks.py and heads.py have it. A picture is
// {channels, height, width, data}: float32, channel by channel, row by row.

let kernel = null; // made with the first convolution

const picture = (channels, height, width) =>
  ({ channels, height, width, data: new Float32Array(channels * height * width) });

/** The small copy, in [-1, 1], to what the edit head makes of it: gain (3 channels), offset (3), mask (1). */
function predictedMaps({ tensors, facts }, small) {
  const { downsamplings, blocks } = facts.sizes;
  const layer = (name) => [tensors[`network.${name}.weight`], tensors[`network.${name}.bias`]];
  let x = mirrored(small, 2 ** downsamplings);
  x = normRelu(convolved(reflected(x, 3), ...layer("features.enter")));
  for (let i = 0; i < downsamplings; i++) x = normRelu(convolved(zeroPadded(x), ...layer(`features.down.${i}`), 2));
  for (let i = 0; i < blocks; i++) {
    const y = normRelu(convolved(reflected(x, 1), ...layer(`features.blocks.${i}.conv1`)));
    const z = instanceNorm(convolved(reflected(y, 1), ...layer(`features.blocks.${i}.conv2`)));
    for (let j = 0; j < x.data.length; j++) x.data[j] += z.data[j];
  }
  for (let i = 0; i < downsamplings; i++) x = normRelu(doubled(x, ...layer(`features.up.${i}`)));
  return editMaps(convolved(reflected(x, 3), ...layer("out")), small.height, small.width);
}

/** heads.edit_maps: gain 1 + tanh(o[0:3]), offset tanh(o[3:6]), mask sigmoid(o[6] − 2), cropped to height × width. */
function editMaps(o, height, width) {
  const maps = picture(7, height, width);
  for (let c = 0, to = 0; c < 7; c++)
    for (let row = 0; row < height; row++)
      for (let from = (c * o.height + row) * o.width, end = from + width; from < end; from++, to++) {
        const value = o.data[from];
        maps.data[to] = c < 3 ? 1 + Math.tanh(value) : c < 6 ? Math.tanh(value) : 1 / (1 + Math.exp(2 - value));
      }
  return maps;
}

/** A convolution without padding; `weight` is [out, in, high, wide]. Eight pixels by four output channels at a time. */
function convolved(x, weight, bias, stride = 1, high = Math.sqrt(weight.length / bias.length / x.channels), wide = high) {
  const out = bias.length, taps = weight.length / out;
  const y = picture(out, Math.floor((x.height - high) / stride) + 1, Math.floor((x.width - wide) / stride) + 1);
  const pixels = y.height * y.width, offsets = new Int32Array(taps), corners = new Int32Array(8);
  for (let c = 0, t = 0; c < x.channels; c++)
    for (let row = 0; row < high; row++)
      for (let column = 0; column < wide; column++) offsets[t++] = (c * x.height + row) * x.width + column;
  // the kernel's memory: 32 sums, the patches of eight pixels, the weights with zeros up to a multiple of four rows
  const patches = 32, weights = patches + 8 * taps, end = weights + 4 * Math.ceil(out / 4) * taps;
  kernel ??= makeKernel();
  const memory = kernel.floats(end);
  memory.set(weight, weights);
  memory.fill(0, weights + weight.length, end);
  for (let first = 0; first < pixels; first += 8) {
    for (let j = 0; j < 8; j++) {
      const pixel = Math.min(first + j, pixels - 1), row = Math.floor(pixel / y.width);
      corners[j] = stride * (row * x.width + pixel - row * y.width);
    }
    for (let t = 0, to = patches; t < taps; t++)
      for (let j = 0; j < 8; j++) memory[to++] = x.data[corners[j] + offsets[t]];
    const count = Math.min(8, pixels - first);
    for (let c = 0; c < out; c += 4) {
      kernel.product(weights + c * taps, taps, patches, 0);
      for (let i = 0; i < 4 && c + i < out; i++)
        for (let j = 0; j < count; j++) y.data[(c + i) * pixels + first + j] = memory[8 * i + j] + bias[c + i];
    }
  }
  return y;
}

/** A transposed 3×3 convolution of stride 2, to twice the size; `weight` is [in, out, 3, 3]. An even row of the result
 *  sees one row of taps, an odd row two, and so do columns: four small convolutions, whose results are interleaved. */
function doubled(x, weight, bias) {
  const out = bias.length, y = picture(out, 2 * x.height, 2 * x.width);
  const padded = gathered(x, x.height + 1, x.width + 1, (row) => row, (column) => column);
  for (const [odd, down] of [[0, [1]], [1, [2, 0]]])
    for (const [right, across] of [[0, [1]], [1, [2, 0]]]) {
      const taps = new Float32Array(out * x.channels * down.length * across.length);
      for (let o = 0, t = 0; o < out; o++)
        for (let i = 0; i < x.channels; i++)
          for (const row of down) for (const column of across) taps[t++] = weight[((i * out + o) * 3 + row) * 3 + column];
      const part = convolved(padded, taps, bias, 1, down.length, across.length);
      for (let c = 0; c < out; c++)
        for (let row = 0; row < x.height; row++) {
          const from = (c * part.height + row) * part.width, to = (c * y.height + 2 * row + odd) * y.width + right;
          for (let column = 0; column < x.width; column++) y.data[to + 2 * column] = part.data[from + column];
        }
    }
  return y;
}

function instanceNorm(x) {
  const size = x.height * x.width;
  for (let c = 0; c < x.channels; c++) {
    const channel = x.data.subarray(c * size, (c + 1) * size);
    let sum = 0, squares = 0;
    for (let i = 0; i < size; i++) sum += channel[i];
    const mean = sum / size;
    for (let i = 0; i < size; i++) squares += (channel[i] - mean) ** 2;
    const scale = 1 / Math.sqrt(squares / size + 1e-5);
    for (let i = 0; i < size; i++) channel[i] = (channel[i] - mean) * scale;
  }
  return x;
}

function normRelu(x) {
  const { data } = instanceNorm(x);
  for (let i = 0; i < data.length; i++) if (data[i] < 0) data[i] = 0;
  return x;
}

const folded = (i, size) => (i < 0 ? -i : i < size ? i : 2 * size - 2 - i);
const reflected = (x, margin) => {
  const [row, column] = [x.height, x.width].map((size) => (i) => folded(i - margin, size));
  return gathered(x, x.height + 2 * margin, x.width + 2 * margin, row, column);
};
const zeroPadded = (x) => gathered(x, x.height + 2, x.width + 2, (row) => row - 1, (column) => column - 1);

/** translator.padded: mirrored to the right and below, or where the picture is too narrow for that, repeated. */
function mirrored(x, multiple) {
  const [height, width] = [x.height, x.width].map((side) => Math.max(Math.ceil(side / multiple), 2) * multiple);
  const mirrors = height < 2 * x.height && width < 2 * x.width;
  const [row, column] = [x.height, x.width].map((size) => (i) => (mirrors ? folded(i, size) : Math.min(i, size - 1)));
  return gathered(x, height, width, row, column);
}

/** The picture whose pixel at (row, column) is the one of `x` at (rowOf(row), columnOf(column)), or 0 outside of it. */
function gathered(x, height, width, rowOf, columnOf) {
  const y = picture(x.channels, height, width), columns = Int32Array.from({ length: width }, (_, i) => columnOf(i));
  for (let c = 0, to = 0; c < x.channels; c++)
    for (let i = 0; i < height; i++) {
      const row = rowOf(i), from = (c * x.height + row) * x.width, inside = row >= 0 && row < x.height;
      for (const column of columns) y.data[to++] = inside && column >= 0 && column < x.width ? x.data[from + column] : 0;
    }
  return y;
}

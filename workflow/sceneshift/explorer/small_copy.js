// The photo's small copy, as translator.shrunk makes it with Pillow: means over whole blocks, then Lanczos across, then
// down, each in Pillow's integers. A canvas's own scaling is off by up to ten levels in the edited photo.
// A photo is {width, height, rows}: rows(top, count) gives these rows' pixels, RGBA, one byte each.

const REDUCING_GAP = 3, LANCZOS = 3;

/** The photo with its shorter side at `resolution`: a picture in [-1, 1]. */
function smallCopy(photo, resolution) {
  const sides = [photo.width, photo.height], scale = resolution / Math.min(...sides);
  const [width, height] = sides.map((side) => Math.max(1, roundHalfEven(side * scale)));
  const across = Math.max(1, Math.floor(photo.width / width / REDUCING_GAP));
  const down = Math.max(1, Math.floor(photo.height / height / REDUCING_GAP));
  let small = blockMeans(photo, across, down);
  if (width !== photo.width || height !== photo.height) {
    small = resampled(small, width, photo.width / across, true);
    small = resampled(small, height, photo.height / down, false);
  }
  const plane = width * height, copy = { channels: 3, height, width, data: new Float32Array(3 * plane) };
  for (let i = 0; i < plane; i++)
    for (let c = 0; c < 3; c++) copy.data[c * plane + i] = small.data[3 * i + c] / 127.5 - 1;
  return copy;
}

const roundHalfEven = (x) => (Math.abs(x % 1) === 0.5 ? 2 * Math.round(x / 2) : Math.round(x)); // as Python rounds

/** Pillow's reduce: rounded means over blocks, cut at the border: {width, height, data: RGB}. */
function blockMeans(photo, across, down) {
  const width = Math.ceil(photo.width / across), height = Math.ceil(photo.height / down);
  const data = new Uint8Array(3 * width * height), blocks = Math.max(1, Math.floor(2 ** 20 / photo.width / down));
  for (let top = 0, to = 0; top < photo.height; top += blocks * down) {
    const count = Math.min(blocks * down, photo.height - top), pixels = photo.rows(top, count);
    for (let row = 0; row < count; row += down)
      for (let column = 0; column < photo.width; column += across, to += 3) {
        const bottom = Math.min(row + down, count), right = Math.min(column + across, photo.width);
        let red = 0, green = 0, blue = 0;
        for (let y = row; y < bottom; y++)
          for (let i = 4 * (y * photo.width + column), end = 4 * (y * photo.width + right); i < end; i += 4) {
            red += pixels[i]; green += pixels[i + 1]; blue += pixels[i + 2];
          }
        const block = (bottom - row) * (right - column), half = block >> 1, factor = Math.floor(2 ** 24 / block);
        data[to] = Math.floor(((red + half) * factor) / 2 ** 24); // Pillow multiplies where it should divide
        data[to + 1] = Math.floor(((green + half) * factor) / 2 ** 24);
        data[to + 2] = Math.floor(((blue + half) * factor) / 2 ** 24);
      }
  }
  return { width, height, data };
}

/** One axis of an RGB picture, of which `length` pixels count, to `target` pixels, by weights of 22 bits. */
function resampled(x, target, length, isWidth) {
  const size = isWidth ? x.width : x.height, scale = Math.fround(length) / target; // Pillow keeps the length in float32
  const stretch = Math.max(scale, 1), reach = LANCZOS * stretch;
  const width = isWidth ? target : x.width, height = isWidth ? x.height : target;
  const y = { width, height, data: new Uint8ClampedArray(3 * width * height) };
  const [lines, step, lineStep] = isWidth ? [x.height, 3, 3 * x.width] : [x.width, 3 * x.width, 3];
  for (let t = 0; t < target; t++) {
    const center = (t + 0.5) * scale;
    const first = Math.max(0, Math.trunc(center - reach + 0.5)), end = Math.min(size, Math.trunc(center + reach + 0.5));
    const kernel = Float64Array.from({ length: end - first }, (_, i) => lanczos((first + i - center + 0.5) / stretch));
    const total = kernel.reduce((sum, value) => sum + value, 0);
    const weights = kernel.map((value) => Math.trunc((value / total) * 2 ** 22 + Math.sign(value) * 0.5));
    for (let line = 0; line < lines; line++)
      for (let c = 0; c < 3; c++) {
        let sum = 2 ** 21;
        for (let i = 0, from = line * lineStep + first * step + c; i < weights.length; i++, from += step)
          sum += weights[i] * x.data[from];
        y.data[3 * (isWidth ? line * width + t : t * width + line) + c] = Math.floor(sum / 2 ** 22);
      }
  }
  return y;
}

function lanczos(x) {
  const sinc = (v) => (v === 0 ? 1 : Math.sin(Math.PI * v) / (Math.PI * v));
  return Math.abs(x) < LANCZOS ? sinc(x) * sinc(x / LANCZOS) : 0;
}

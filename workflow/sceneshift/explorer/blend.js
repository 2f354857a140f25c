// The edit at the photo's own size, as guided.full_size_maps, heads.at_strength and heads.apply_edit have it.
// An edit is {maps, coefficients, name, width, height}: what the network's thread answered, the translator, the photo's size.
// A view is {left, top, width, height}: a part of the photo, in its pixels.

const CELLS = 2 ** 14, STEEP = 16; // of the tables of powers, between whose points lines are drawn

/** Gain, offset and mask of each of `columns` × `rows` pixels over a view: 7 floats each. pixels: RGBA of what is there. */
function viewMaps(edit, pixels, view, columns, rows) {
  const { maps: { width, height } } = edit, sameSize = edit.width === width && edit.height === height;
  const result = new Float32Array(7 * columns * rows), line = new Float32Array(14 * width);
  const across = places(view.left, view.width, columns, edit.width, width);
  const down = places(view.top, view.height, rows, edit.height, height);
  for (let row = 0, i = 0, to = 0; row < rows; row++) {
    lineOfCoefficients(edit, sameSize, down, row, line);
    for (let column = 0; column < columns; column++, i += 4) {
      const luminance = (0.299 * pixels[i] + 0.587 * pixels[i + 1] + 0.114 * pixels[i + 2]) / 255;
      const left = 14 * across.first[column], right = 14 * across.next[column], part = across.part[column];
      for (let c = 0; c < 7; c++, to++) {
        const slope = line[left + c] + part * (line[right + c] - line[left + c]);
        const level = line[left + c + 7] + part * (line[right + c + 7] - line[left + c + 7]);
        const value = slope * luminance + level, least = c > 2 && c < 6 ? -1 : 0, most = c < 3 ? 2 : 1;
        result[to] = value < least ? least : value > most ? most : value;
      }
    }
  }
  return result;
}

/** Where the pixels of one axis of a view lie in the small copy: between `first` and `next`, nearer to next by `part`. */
function places(begin, length, count, photoSize, smallSize) {
  const first = new Int32Array(count), next = new Int32Array(count), part = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    const place = ((begin + ((i + 0.5) * length) / count) * smallSize) / photoSize - 0.5;
    const inside = Math.min(Math.max(place, 0), smallSize - 1);
    first[i] = Math.floor(inside);
    next[i] = Math.min(first[i] + 1, smallSize - 1);
    part[i] = inside - first[i];
  }
  return { first, next, part };
}

/** The coefficients at one row of a view, 14 for each column of the small copy: 7 slopes, 7 levels. A photo of the small
 *  copy's own size takes the maps as they are. */
function lineOfCoefficients({ maps, coefficients }, sameSize, { first, next, part }, row, line) {
  const { width, height } = maps, plane = width * height;
  for (let c = 0; c < 14; c++) {
    const data = sameSize ? maps.data : coefficients.data, channel = sameSize ? c - 7 : c;
    const above = channel * plane + first[row] * width, below = channel * plane + next[row] * width;
    for (let s = 0; s < width; s++)
      line[14 * s + c] = channel < 0 ? 0 : data[above + s] + part[row] * (data[below + s] - data[above + s]);
  }
}

/** The pixels edited at a strength: RGBA. gain^s, mask 1 − (1 − m)^s, offset as it is. */
function edited(pixels, maps, strength) {
  if (strength === 0) return pixels.slice();
  const result = new Uint8ClampedArray(pixels.length), gains = powers(2, strength), kept = powers(1, strength);
  for (let i = 0, m = 0; i < pixels.length; i += 4, m += 7) {
    const left = power(1 - maps[m + 6], strength, kept, CELLS);
    for (let c = 0; c < 3; c++) {
      const gain = power(maps[m + c], strength, gains, CELLS / 2);
      result[i + c] = left * gain * pixels[i + c] + (1 - left) * (maps[m + c + 3] + 1) * 127.5;
    }
    result[i + 3] = 255;
  }
  return result;
}

const powers = (most, exponent) => Float64Array.from({ length: CELLS + 2 }, (_, i) => ((i * most) / CELLS) ** exponent);

/** base ** exponent, from a table with so many cells for each 1 of the base, but for its steep beginning. */
function power(base, exponent, table, cells) {
  const place = base * cells, cell = place | 0;
  return cell < STEEP ? base ** exponent : table[cell] + (place - cell) * (table[cell + 1] - table[cell]);
}

/** Where pixels changed: the photo in pale grey, tinted by |after − before|. RGBA. */
function changed(before, after, tint) {
  const result = new Uint8ClampedArray(before.length);
  for (let i = 0; i < before.length; i += 4) {
    const grey = 150 + 0.4 * (0.299 * before[i] + 0.587 * before[i + 1] + 0.114 * before[i + 2]);
    let most = 0;
    for (let c = 0; c < 3; c++) most = Math.max(most, Math.abs(after[i + c] - before[i + c]));
    const amount = Math.min(most / 128, 1);
    for (let c = 0; c < 3; c++) result[i + c] = grey + amount * (tint[c] - grey);
    result[i + 3] = 255;
  }
  return result;
}

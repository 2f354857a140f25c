// The guided filter's coefficients (guided.py; arXiv 1505.00996): near each pixel a map is slope·luminance + level.

const RADIUS = 3, EPSILON = 1e-3;

/** Of the seven maps of a small copy, in [-1, 1]: a picture of 7 channels of slopes, then 7 of levels. */
function guidedCoefficients(maps, small) {
  const { height, width } = small, size = height * width, rgb = small.data;
  const mean = (values) => windowMean(values, height, width);
  const guide = new Float64Array(size).map(
    (_, i) => (0.299 * (rgb[i] + 1) + 0.587 * (rgb[size + i] + 1) + 0.114 * (rgb[2 * size + i] + 1)) / 2);
  const meanGuide = mean(guide), meanSquare = mean(guide.map((value) => value * value));
  const coefficients = picture(14, height, width);
  for (let c = 0; c < 7; c++) {
    const map = Float64Array.from(maps.data.subarray(c * size, (c + 1) * size));
    const meanMap = mean(map), meanProduct = mean(map.map((value, i) => value * guide[i]));
    const slope = meanMap.map(
      (value, i) => (meanProduct[i] - meanGuide[i] * value) / (meanSquare[i] - meanGuide[i] ** 2 + EPSILON));
    coefficients.data.set(mean(slope), c * size);
    coefficients.data.set(mean(meanMap.map((value, i) => value - slope[i] * meanGuide[i])), (7 + c) * size);
  }
  return coefficients;
}

/** The mean over the window around each pixel, what lies outside not counted. */
function windowMean(values, height, width) {
  const along = (from, lines, lineStep, count, step) => {
    const means = new Float64Array(from.length);
    for (let line = 0; line < lines; line++)
      for (let i = 0; i < count; i++) {
        const first = Math.max(0, i - RADIUS), last = Math.min(count - 1, i + RADIUS);
        let sum = 0;
        for (let j = first; j <= last; j++) sum += from[line * lineStep + j * step];
        means[line * lineStep + i * step] = sum / (last - first + 1);
      }
    return means;
  };
  return along(along(values, height, width, width, 1), width, 1, height, width);
}

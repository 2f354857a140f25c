// A photo as the browser decodes it: upright by its EXIF, in sRGB, on white where it is transparent.

const MOST_PIXELS = 178e6, MOST_ASPECT = 32; // as images/reading.py has it
const KINDS = "JPEG, PNG and WebP are read.";

class Photo {
  constructor(bitmap) {
    this.bitmap = bitmap;
    this.width = bitmap.width;
    this.height = bitmap.height;
    this.strip = document.createElement("canvas");
  }

  /** The pixels of some rows, RGBA. */
  rows(top, count) {
    return this.pixels(this.strip, { left: 0, top, width: this.width, height: count }, this.width, count);
  }

  /** The pixels of a view drawn to a canvas of width × height, RGBA. */
  pixels(canvas, view, width, height) {
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const context = canvas.getContext("2d", { alpha: false, willReadFrequently: true });
    context.fillStyle = "#fff";
    context.fillRect(0, 0, width, height);
    context.imageSmoothingQuality = "high";
    context.drawImage(this.bitmap, view.left, view.top, view.width, view.height, 0, 0, width, height);
    return context.getImageData(0, 0, width, height).data;
  }

  close() {
    this.bitmap.close();
    release(this.strip);
  }
}

/** Safari keeps a canvas's memory for a while; one of a single pixel costs nothing. */
function release(canvas) {
  canvas.width = canvas.height = 1;
}

/** The photo of a file or an <img>. Throws an error that says why it cannot be edited. */
async function openPhoto(source, name) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(source);
  } catch {
    throw new Error(`${name} ${await whyUnreadable(source)}`);
  }
  const { width, height } = bitmap;
  if (width * height <= MOST_PIXELS && Math.max(width, height) <= MOST_ASPECT * Math.min(width, height))
    return new Photo(bitmap);
  bitmap.close();
  const limit = width * height > MOST_PIXELS ? `at most ${MOST_PIXELS / 1e6} million pixels` : `at most ${MOST_ASPECT} times as long as wide`;
  throw new Error(`${name} is too large: ${width} × ${height}, ${limit}.`);
}

async function whyUnreadable(source) {
  const head = await beginning(source, 32), brand = String.fromCharCode(...head.subarray(4, 12));
  if (/^ftyp(hei|hev|mif1|msf1)/.test(brand))
    return "is a HEIC photo, which this browser cannot read. iPhones hand over a JPEG when it is chosen from Photos; on a computer, export it as JPEG.";
  return `${head.length ? "could not be read as a picture" : "is empty"}. ${KINDS}`;
}

/** Whether a file is a JPEG of four inks, for printing. */
async function isCmyk(source) {
  const bytes = await beginning(source, 2 ** 19);
  if (bytes[0] !== 0xff || bytes[1] !== 0xd8) return false;
  for (let at = 2; at + 9 < bytes.length && bytes[at] === 0xff; at += 2 + 256 * bytes[at + 2] + bytes[at + 3]) {
    const marker = bytes[at + 1];
    if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) return bytes[at + 9] === 4;
  }
  return false;
}

const beginning = async (source, count) =>
  new Uint8Array(source instanceof Blob ? await source.slice(0, count).arrayBuffer() : 0);

// The edited photo as a file, edited strip by strip, so that the memory does not grow with the photo.

const STRIP_PIXELS = 2 ** 20;

/** (pixels, top, rows) of every strip of the edited photo. */
async function* editedStrips(photo, edit, strength) {
  const most = Math.max(1, Math.floor(STRIP_PIXELS / photo.width));
  for (let top = 0; top < photo.height; top += most) {
    const rows = Math.min(most, photo.height - top), pixels = photo.rows(top, rows);
    const maps = viewMaps(edit, pixels, { left: 0, top, width: photo.width, height: rows }, photo.width, rows);
    yield [edited(pixels, maps, strength), top, rows];
    await new Promise((resume) => setTimeout(resume)); // the page goes on answering
  }
}

/** By the browser's encoder, or where its canvases are too small for the photo (iPhones: 16.7 million pixels), as PNG. */
async function editedFile(photo, edit, strength, type) {
  const canvas = document.createElement("canvas"), context = canvas.getContext("2d", { alpha: false });
  Object.assign(canvas, { width: photo.width, height: photo.height });
  let file = null;
  if (works(context)) {
    for await (const [pixels, top] of editedStrips(photo, edit, strength))
      context.putImageData(new ImageData(pixels, photo.width), 0, top);
    file = await new Promise((resolve) => canvas.toBlob(resolve, type, 0.95));
  }
  release(canvas);
  return file ?? pngFile(photo.width, photo.height, editedStrips(photo, edit, strength));
}

function works(context) {
  context.fillStyle = "#fff";
  context.fillRect(0, 0, 1, 1);
  return context.getImageData(0, 0, 1, 1).data[0] === 255;
}

/** A PNG of strips, which no canvas has to hold. */
async function pngFile(width, height, strips) {
  const stream = new CompressionStream("deflate"), writer = stream.writable.getWriter();
  const compressed = new Response(stream.readable).arrayBuffer();
  for await (const [pixels, , rows] of strips) await writer.write(scanlines(pixels, width, rows));
  writer.close();
  const header = new DataView(new ArrayBuffer(13));
  header.setUint32(0, width);
  header.setUint32(4, height);
  header.setUint16(8, 0x0802); // eight bits, RGB
  const signature = Uint8Array.of(137, 80, 78, 71, 13, 10, 26, 10);
  const chunks = [chunk("IHDR", header.buffer), chunk("IDAT", await compressed), chunk("IEND", new ArrayBuffer(0))];
  return new Blob([signature, ...chunks], { type: "image/png" });
}

/** Rows as PNG filters them: each byte less the one of the pixel to its left. */
function scanlines(pixels, width, rows) {
  const lines = new Uint8Array((3 * width + 1) * rows);
  for (let row = 0, to = 0, from = 0; row < rows; row++) {
    lines[to++] = 1;
    for (let column = 0; column < width; column++, from += 4)
      for (let c = 0; c < 3; c++) lines[to++] = pixels[from + c] - (column ? pixels[from + c - 4] : 0);
  }
  return lines;
}

const CRCS = Uint32Array.from({ length: 256 }, (_, crc) => {
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? 0xedb88320 ^ (crc >>> 1) : crc >>> 1;
  return crc;
});

function chunk(name, buffer) {
  const bytes = new Uint8Array(12 + buffer.byteLength), view = new DataView(bytes.buffer);
  view.setUint32(0, buffer.byteLength);
  bytes.set([...name].map((letter) => letter.charCodeAt(0)), 4);
  bytes.set(new Uint8Array(buffer), 8);
  let crc = ~0;
  for (let i = 4; i < bytes.length - 4; i++) crc = CRCS[(crc ^ bytes[i]) & 255] ^ (crc >>> 8);
  view.setUint32(bytes.length - 4, ~crc);
  return bytes;
}

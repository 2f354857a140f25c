// A translator's .safetensors file, weights in float16 or float32.

/** {tensors: name -> Float32Array, facts: what the file says about itself} of the file's bytes in base64. */
function readTranslator(base64) {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const length = new DataView(bytes.buffer).getUint32(0, true); // of 8 bytes, the upper four zero
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  const facts = JSON.parse(header.__metadata__.sceneshift), tensors = {};
  delete header.__metadata__;
  for (const [name, { dtype, data_offsets: [begin, end] }] of Object.entries(header)) {
    const part = bytes.slice(8 + length + begin, 8 + length + end).buffer;
    tensors[name] = dtype === "F16" ? Float32Array.from(new Uint16Array(part), fromHalf) : new Float32Array(part);
  }
  return { tensors, facts };
}

function fromHalf(bits) {
  const sign = bits & 0x8000 ? -1 : 1, exponent = (bits >> 10) & 31, fraction = bits & 1023;
  return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -24 * fraction);
}

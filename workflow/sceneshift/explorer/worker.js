// The network's thread, so that the page answers while it computes. It gets {name, base64} once for each translator, and
// {ticket, name, small} for each photo; it answers {ticket, maps, coefficients} or {ticket, error}.

const translators = new Map();

onmessage = ({ data: { ticket, name, base64, small } }) => {
  try {
    if (base64) return void translators.set(name, readTranslator(base64));
    const maps = predictedMaps(translators.get(name), small);
    postMessage({ ticket, maps, coefficients: guidedCoefficients(maps, small) });
  } catch (error) {
    postMessage({ ticket, error: String(error) });
  }
};
